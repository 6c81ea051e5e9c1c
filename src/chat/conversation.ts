// A conversation as plain data and pure functions on it: a tree of questions and answers, which branch of it is shown, what
// was saved and what was cut. It is not the page's state (ui/state/chat.svelte.ts) and not the running of an answer
// (answer.ts); older forms of this data are read by conversation-upgrade.ts.
// Invariants: `messages` holds every branch, each message after its parent; an answer's parent is a question, a question's
// parent an answer or nothing; `shown` names, for a parent, the child on the shown branch (absent: the latest); every
// function returns a new conversation. Verbs on a running answer name it, since somebody may look at another meanwhile.
import type { Hex, Retrieval, Trace } from '../attribution/types.ts'
import type { ErrorWire } from '../errors.ts'
import type { AdapterChoice, AnswerEvent, CitedDocument } from './answer.ts'
import { type Attachment, withAttachments } from './attachment.ts'
import type { ContextFit } from './context.ts'
import type { ChatMessage, ChatUsage, Speaker } from './ports.ts'
import type { SamplingSettings } from './sampling-fields.ts'

export interface ConversationOptions extends SamplingSettings {
  askWithSources: boolean
  /** Empty: every datanet. */
  datanets: string[]
  payContributors: boolean
  /** Id of an engine choice; absent: the one the page has chosen when the answer begins. */
  model?: string
  adapter: AdapterChoice
  /** Two to four adapters that answer the same question beside each other; absent: `adapter` alone. */
  sideBySide?: AdapterChoice[]
  system?: string
  /** Absent: a fresh one for every answer. */
  seed?: number
  maxTokens?: number
  stop?: string[]
}

/**
 * waiting: asked, not begun (the model is still loading); running: words arrive; cut: the page went away while running;
 * the rest are ends.
 */
export type AnswerState = 'waiting' | 'running' | 'complete' | 'stopped' | 'too_long' | 'cut' | 'failed'

/** One answer to one question, under the options it was asked with. Other versions of it have the same parent. */
export interface AnswerVersion {
  role: 'assistant'
  id: string
  /** The question. */
  parent: string
  state: AnswerState
  at: number
  text: string
  options: ConversationOptions
  /** Provisional, replaced by `trace.spans` at the end. */
  marks: { from: number; to: number }[]
  /** Absent until known. */
  speaker?: Speaker
  context?: ContextFit
  retrieval?: Retrieval
  usage?: ChatUsage
  trace?: Trace
  names?: CitedDocument[]
  receipt?: Hex
  error?: ErrorWire
  /** When the visitor put other words here: from then on they are the visitor's, and nothing is traced to anybody. */
  editedAt?: number
  /** What the visitor thought of it; kept here, exported with the conversation, sent to nobody. */
  feedback?: Feedback
  /** It came out of a file: what it claims was not seen happening here. */
  imported?: true
}

export interface Feedback {
  thumb: 'up' | 'down'
  note?: string
}

export interface Question {
  role: 'user'
  id: string
  /** The answer it follows; null begins the conversation. */
  parent: string | null
  at: number
  text: string
  attachments?: Attachment[]
  /** Answers that stand beside each other until one of them is chosen. */
  columns?: string[]
}

export type Message = Question | AnswerVersion

/** Written while an answer was running; asked when that has ended well. */
export interface QueuedQuestion {
  id: string
  at: number
  text: string
  attachments?: Attachment[]
}

export interface Conversation {
  format: 2
  id: string
  title: string
  createdAt: number
  changedAt: number
  options: ConversationOptions
  messages: Message[]
  shown: Record<string, string>
  queued: QueuedQuestion[]
  /** Never saved, and gone when the page closes. */
  temporary?: true
  /** The visitor chose the title; no better one is offered. */
  titleByHand?: true
  pinned?: true
  archived?: true
}

export type ConversationHeading = Pick<Conversation, 'id' | 'title' | 'changedAt' | 'pinned' | 'archived'>

export function headingOf({ id, title, changedAt, pinned, archived }: Conversation): ConversationHeading {
  return { id, title, changedAt, ...(pinned ? { pinned } : {}), ...(archived ? { archived } : {}) }
}

/** Where conversations are kept. `save` returns when the words are safe. */
export interface ConversationStore {
  list(): Promise<ConversationHeading[]>
  load(id: string): Promise<Conversation | undefined>
  save(conversation: Conversation): Promise<void>
  remove(id: string): Promise<void>
}

/** What is asked: where it stands is the end of the shown branch, unless `parent` names another answer. */
export interface Asked {
  text: string
  attachments?: Attachment[]
  parent?: string | null
}

const ROOT = ''

export function newConversation(id: string, now: number, options: ConversationOptions): Conversation {
  return { format: 2, id, title: '', createdAt: now, changedAt: now, options, messages: [], shown: {}, queued: [] }
}

/** The first words of the first question, cut at a word, as the title until somebody renames it. */
export function titleFrom(question: string, limit = 48): string {
  const line = question.trim().replace(/\s+/g, ' ')
  if (line.length <= limit) return line
  const cut = line.slice(0, limit + 1)
  const space = cut.lastIndexOf(' ')
  return `${(space > limit / 2 ? cut.slice(0, space) : line.slice(0, limit)).replace(/[\s,;:.–—-]+$/u, '')}…`
}

const paths = new WeakMap<Conversation, Message[]>()
const families = new WeakMap<Conversation, Map<string, Message[]>>()

/** Every message by its parent; asked many times for each form of a conversation, which never changes. */
function childrenOf(conversation: Conversation): Map<string, Message[]> {
  const known = families.get(conversation)
  if (known) return known
  const children = new Map<string, Message[]>()
  for (const message of conversation.messages) {
    const key = message.parent ?? ROOT
    const others = children.get(key)
    if (others) others.push(message)
    else children.set(key, [message])
  }
  families.set(conversation, children)
  return children
}

/** The shown branch, from the first question to its end. */
export function path(conversation: Conversation): Message[] {
  const known = paths.get(conversation)
  if (known) return known
  const children = childrenOf(conversation)
  const found: Message[] = []
  for (let at = children.get(ROOT); at !== undefined; ) {
    const parent = at[0].parent ?? ROOT
    const next = at.find((message) => message.id === conversation.shown[parent]) ?? at[at.length - 1]
    found.push(next)
    at = children.get(next.id)
  }
  paths.set(conversation, found)
  return found
}

/** Every version of a message, itself among them, in the order in which they were made. */
export function versionsOf(conversation: Conversation, message: Message): Message[] {
  return childrenOf(conversation).get(message.parent ?? ROOT) ?? []
}

export function find(conversation: Conversation, id: string): Message | undefined {
  return conversation.messages.find((message) => message.id === id)
}

export function findAnswer(conversation: Conversation, id: string): AnswerVersion | undefined {
  const found = find(conversation, id)
  return found?.role === 'assistant' ? found : undefined
}

export function findQuestion(conversation: Conversation, id: string | null): Question | undefined {
  const found = id === null ? undefined : find(conversation, id)
  return found?.role === 'user' ? found : undefined
}

/** The last message of the shown branch, when that is an answer. */
export function lastVersion(conversation: Conversation): AnswerVersion | undefined {
  const last = path(conversation).at(-1)
  return last?.role === 'assistant' ? last : undefined
}

/** Appends a question, or a further version of one, and one waiting answer for each adapter that is to answer. */
export function ask(conversation: Conversation, asked: Asked, now: number, newId = randomId): Conversation {
  const parent = asked.parent === undefined ? (lastVersion(conversation)?.id ?? null) : asked.parent
  const { sideBySide, ...options } = conversation.options
  const voices = sideBySide === undefined ? [options.adapter] : sideBySide
  const id = newId()
  const answers = voices.map((adapter) => freshAnswer(newId(), id, { ...options, adapter }, now))
  const question: Question = {
    role: 'user',
    id,
    parent,
    at: now,
    text: asked.text,
    ...(asked.attachments === undefined || asked.attachments.length === 0 ? {} : { attachments: asked.attachments }),
    ...(answers.length > 1 ? { columns: answers.map((answer) => answer.id) } : {}),
  }
  return {
    ...conversation,
    title: conversation.title || titleFrom(asked.text),
    changedAt: now,
    messages: [...conversation.messages, question, ...answers],
    shown: { ...conversation.shown, [parent ?? ROOT]: id, [id]: answers[0].id },
  }
}

/** A further answer to a question, perhaps by another model or adapter; the earlier ones stay, with their receipts. */
export function regenerate(
  conversation: Conversation,
  questionId: string,
  otherwise: Pick<Partial<ConversationOptions>, 'model' | 'adapter'>,
  now: number,
  newId = randomId,
): Conversation {
  const { sideBySide: _several, ...options } = { ...conversation.options, ...otherwise }
  const answer = freshAnswer(newId(), questionId, options, now)
  return choose({ ...conversation, changedAt: now, messages: [...conversation.messages, answer] }, answer.id)
}

/** The answer is to go on after its last word, under the options it was begun with. */
export function resume(conversation: Conversation, answerId: string, now: number): Conversation {
  return changeAnswer(conversation, answerId, now, (answer) => {
    const { usage: _usage, trace: _trace, names: _names, error: _error, context: _context, ...kept } = answer
    return { ...kept, state: 'waiting', marks: [] }
  })
}

/** Other words for an answer, as a further version of it: the model's own, and its receipt, stay. */
export function rewrite(conversation: Conversation, answerId: string, text: string, now: number, newId = randomId): Conversation {
  const before = findAnswer(conversation, answerId)
  if (before === undefined) return conversation
  const { speaker } = before
  const answer: AnswerVersion = {
    ...freshAnswer(newId(), before.parent, before.options, now),
    ...(speaker === undefined ? {} : { speaker }),
    state: 'complete',
    text,
    editedAt: now,
  }
  return choose({ ...conversation, changedAt: now, messages: [...conversation.messages, answer] }, answer.id)
}

/** Shows a version of a message; what followed that version follows again. */
export function show(conversation: Conversation, id: string): Conversation {
  const message = find(conversation, id)
  if (message === undefined) return conversation
  return { ...conversation, shown: { ...conversation.shown, [message.parent ?? ROOT]: id } }
}

/** Goes on with one of the answers that stand beside each other. */
export function choose(conversation: Conversation, answerId: string): Conversation {
  const chosen = findAnswer(conversation, answerId)
  if (chosen === undefined) return conversation
  const messages = conversation.messages.map((message) => {
    if (message.id !== chosen.parent || message.role !== 'user') return message
    const { columns: _columns, ...question } = message
    return question
  })
  return show({ ...conversation, messages }, answerId)
}

/** The answers that stand beside each other under a question now; fewer than two: none do. */
export function columnsOf(conversation: Conversation, question: Question): AnswerVersion[] {
  return (question.columns ?? []).flatMap((id) => findAnswer(conversation, id) ?? [])
}

/** Folds one event of answer.ts into an answer. */
export function receive(conversation: Conversation, answerId: string, event: AnswerEvent, now: number): Conversation {
  return changeAnswer(conversation, answerId, now, (answer) => fold(answer, event))
}

/** What went wrong. An answer whose words had ended stays ended: only its tracing or its receipt failed. */
export function fail(conversation: Conversation, answerId: string, error: ErrorWire, now: number): Conversation {
  return changeAnswer(conversation, answerId, now, (v) => ({ ...v, error, state: isOpen(v) ? 'failed' : v.state }))
}

/** A question taken back before its first word, or a cancellation that left no end event. */
export function stop(conversation: Conversation, answerId: string, now: number): Conversation {
  return changeAnswer(conversation, answerId, now, (v) => (isOpen(v) ? { ...v, state: 'stopped' } : v))
}

/** What the visitor thinks of an answer; null takes it back. It is no change of the conversation's words, so its time stays. */
export function judge(conversation: Conversation, answerId: string, feedback: Feedback | null): Conversation {
  return changeAnswer(conversation, answerId, conversation.changedAt, ({ feedback: _before, ...answer }) =>
    feedback === null ? answer : { ...answer, feedback },
  )
}

/** Still to come, or coming. */
export function isOpen(answer: AnswerVersion): boolean {
  return answer.state === 'waiting' || answer.state === 'running'
}

/** Some words are here and more could follow. */
export function isUnfinished(answer: AnswerVersion): boolean {
  return answer.text !== '' && ['cut', 'stopped', 'too_long', 'failed'].includes(answer.state)
}

/** What a page finds after a reload: whatever was running has been cut; whatever waited still waits. */
export function afterReload(conversation: Conversation): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) =>
      message.role === 'assistant' && message.state === 'running' ? { ...message, state: 'cut' as const } : message,
    ),
  }
}

/** The turns before a question, oldest first, as the model sees them: an empty answer is left out with its question. */
export function history(conversation: Conversation, question: Question): ChatMessage[] {
  return before(conversation, question).flatMap(([asked, answer]) => [
    { role: 'user' as const, content: withAttachments(asked.text, asked.attachments) },
    { role: 'assistant' as const, content: answer.text },
  ])
}

/** Words in earlier answers that the visitor wrote. */
export function editedWords(conversation: Conversation, question: Question): string[] {
  return before(conversation, question).flatMap(([, answer]) => (answer.editedAt === undefined ? [] : [answer.text]))
}

function before(conversation: Conversation, question: Question): [Question, AnswerVersion][] {
  const byId = new Map(conversation.messages.map((message) => [message.id, message]))
  const turns: [Question, AnswerVersion][] = []
  for (let at = question; at.parent !== null; ) {
    const answer: Message | undefined = byId.get(at.parent)
    const asked: Message | undefined = answer?.role === 'assistant' ? byId.get(answer.parent) : undefined
    if (answer?.role !== 'assistant' || asked?.role !== 'user') break
    if (answer.text.trim() !== '') turns.unshift([asked, answer])
    at = asked
  }
  return turns
}

function freshAnswer(id: string, parent: string, options: ConversationOptions, now: number): AnswerVersion {
  const kept = { ...options, datanets: [...options.datanets] }
  return { role: 'assistant', id, parent, state: 'waiting', at: now, text: '', options: kept, marks: [] }
}

function fold(answer: AnswerVersion, event: AnswerEvent): AnswerVersion {
  switch (event.type) {
    case 'retrieved':
      return { ...answer, state: 'running', retrieval: event.retrieval }
    case 'begun':
      return { ...answer, state: 'running', speaker: event.speaker, context: event.context }
    case 'prefill':
      return { ...answer, state: 'running' }
    case 'text':
      return { ...answer, state: 'running', text: event.text }
    case 'marks':
      return { ...answer, marks: event.marks }
    case 'generated':
      return {
        ...answer,
        text: event.text,
        usage: event.usage,
        speaker: event.speaker,
        state: event.reason === 'cancelled' ? 'stopped' : event.reason === 'length' ? 'too_long' : 'complete',
      }
    case 'traced':
      return { ...answer, trace: event.trace, names: event.names, marks: [] }
    case 'signed':
    case 'queued':
      return { ...answer, receipt: event.receipt.id }
  }
}

function changeAnswer(conversation: Conversation, id: string, now: number, change: (answer: AnswerVersion) => AnswerVersion): Conversation {
  if (findAnswer(conversation, id) === undefined) return conversation
  return {
    ...conversation,
    changedAt: now,
    messages: conversation.messages.map((message) => (message.id === id && message.role === 'assistant' ? change(message) : message)),
  }
}

function randomId(): string {
  return crypto.randomUUID()
}
