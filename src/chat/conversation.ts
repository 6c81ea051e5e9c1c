// A conversation as plain data and pure functions on it: messages, the versions of an answer, what was saved and what was
// cut. It is not the page's state (ui/state/chat.svelte.ts) and not the running of an answer (answer.ts).
// Invariants: messages alternate as they were said, oldest first; an assistant message has ≥ 1 version and `shown` names
// one of them; only a version of the last message can be running; every function returns a new conversation.
// Verbs on a running answer name its version, because somebody may look at another version meanwhile.
import type { Hex, Retrieval, Trace } from '../attribution/types.ts'
import type { ErrorWire } from '../errors.ts'
import type { AnswerEvent, CitedDocument } from './answer.ts'
import type { ChatMessage, ChatUsage } from './ports.ts'

export interface ConversationOptions {
  askWithSources: boolean
  datanets: string[]
  payContributors: boolean
  temperature: number
  /** Absent: a fresh one for every answer. */
  seed?: number
}

/**
 * waiting: asked, not begun (the model is still loading); running: words arrive; cut: the page went away while running;
 * the rest are ends.
 */
type VersionState = 'waiting' | 'running' | 'complete' | 'stopped' | 'too_long' | 'cut' | 'failed'

/** One answer to one question, under the options it was asked with. */
export interface AnswerVersion {
  state: VersionState
  at: number
  text: string
  options: ConversationOptions
  /** Provisional, replaced by `trace.spans` at the end. */
  marks: { from: number; to: number }[]
  /** Digest of the adapter that spoke, null for the backbone alone; absent until known. */
  adapter?: string | null
  retrieval?: Retrieval
  usage?: ChatUsage
  trace?: Trace
  names?: CitedDocument[]
  receipt?: Hex
  error?: ErrorWire
}

interface UserMessage {
  role: 'user'
  id: string
  at: number
  text: string
}

export interface AssistantMessage {
  role: 'assistant'
  id: string
  versions: AnswerVersion[]
  shown: number
}

type Message = UserMessage | AssistantMessage

export interface Conversation {
  id: string
  title: string
  createdAt: number
  changedAt: number
  options: ConversationOptions
  messages: Message[]
}

export type ConversationHeading = Pick<Conversation, 'id' | 'title' | 'changedAt'>

/** Where conversations are kept. `save` returns when the words are safe. */
export interface ConversationStore {
  list(): Promise<ConversationHeading[]>
  load(id: string): Promise<Conversation | undefined>
  save(conversation: Conversation): Promise<void>
  remove(id: string): Promise<void>
}

export function newConversation(id: string, now: number, options: ConversationOptions): Conversation {
  return { id, title: '', createdAt: now, changedAt: now, options, messages: [] }
}

/** The first words of the first question, cut at a word, as the title until somebody renames it. */
export function titleFrom(question: string, limit = 48): string {
  const line = question.trim().replace(/\s+/g, ' ')
  if (line.length <= limit) return line
  const cut = line.slice(0, limit + 1)
  const space = cut.lastIndexOf(' ')
  return `${(space > limit / 2 ? cut.slice(0, space) : line.slice(0, limit)).replace(/[\s,;:.–—-]+$/u, '')}…`
}

/** Appends a question and a waiting answer. */
export function ask(conversation: Conversation, question: string, ids: { user: string; assistant: string }, now: number): Conversation {
  return {
    ...conversation,
    title: conversation.title || titleFrom(question),
    changedAt: now,
    messages: [
      ...conversation.messages,
      { role: 'user', id: ids.user, at: now, text: question },
      { role: 'assistant', id: ids.assistant, versions: [freshVersion(conversation.options, now)], shown: 0 },
    ],
  }
}

/** A further version of the last answer; the earlier ones stay, with their receipts. */
export function regenerate(conversation: Conversation, now: number): Conversation {
  return mapLast(conversation, now, (last) => ({
    ...last,
    versions: [...last.versions, freshVersion(conversation.options, now)],
    shown: last.versions.length,
  }))
}

/** The cut or stopped answer is to go on after its last word, under the options it was begun with. */
export function resume(conversation: Conversation, now: number): Conversation {
  return mapLast(conversation, now, (last) => {
    const { usage: _usage, trace: _trace, names: _names, error: _error, ...kept } = last.versions[last.shown]
    return replaceVersion(last, last.shown, { ...kept, state: 'waiting', marks: [] })
  })
}

/** Folds one event of answer.ts into a version of the last message. */
export function receive(conversation: Conversation, version: number, event: AnswerEvent, now: number): Conversation {
  return changeVersion(conversation, version, now, (v) => fold(v, event))
}

/** What went wrong. An answer whose words had ended stays ended: only its tracing or its receipt failed. */
export function fail(conversation: Conversation, version: number, error: ErrorWire, now: number): Conversation {
  return changeVersion(conversation, version, now, (v) => ({ ...v, error, state: isOpen(v) ? 'failed' : v.state }))
}

/** A question taken back before its first word, or a cancellation that left no end event. */
export function stop(conversation: Conversation, version: number, now: number): Conversation {
  return changeVersion(conversation, version, now, (v) => (isOpen(v) ? { ...v, state: 'stopped' } : v))
}

/** Still to come, or coming. */
export function isOpen(version: AnswerVersion): boolean {
  return version.state === 'waiting' || version.state === 'running'
}

export function show(conversation: Conversation, messageId: string, version: number): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) =>
      message.role === 'assistant' && message.id === messageId && version >= 0 && version < message.versions.length
        ? { ...message, shown: version }
        : message,
    ),
  }
}

/** What a page finds after a reload: whatever was running has been cut; whatever waited still waits. */
export function afterReload(conversation: Conversation): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) =>
      message.role === 'user'
        ? message
        : { ...message, versions: message.versions.map((v) => (v.state === 'running' ? { ...v, state: 'cut' as const } : v)) },
    ),
  }
}

/** The turns before the last question, as the model sees them: shown versions only, empty answers left out with their question. */
export function history(conversation: Conversation): ChatMessage[] {
  const turns: ChatMessage[] = []
  const messages = conversation.messages.slice(0, -2)
  for (let i = 0; i + 1 < messages.length; i += 2) {
    const [question, reply] = [messages[i], messages[i + 1]]
    if (question.role !== 'user' || reply.role !== 'assistant') continue
    const text = reply.versions[reply.shown].text
    if (text.trim() === '') continue
    turns.push({ role: 'user', content: question.text }, { role: 'assistant', content: text })
  }
  return turns
}

export function lastQuestion(conversation: Conversation): string {
  const question = conversation.messages.at(-2)
  return question?.role === 'user' ? question.text : ''
}

/** The shown version of the last message, when that is an answer. */
export function lastVersion(conversation: Conversation): AnswerVersion | undefined {
  const last = conversation.messages.at(-1)
  return last?.role === 'assistant' ? last.versions[last.shown] : undefined
}

function freshVersion(options: ConversationOptions, now: number): AnswerVersion {
  return { state: 'waiting', at: now, text: '', options: { ...options, datanets: [...options.datanets] }, marks: [] }
}

function fold(version: AnswerVersion, event: AnswerEvent): AnswerVersion {
  switch (event.type) {
    case 'retrieved':
      return { ...version, state: 'running', retrieval: event.retrieval }
    case 'prefill':
      return { ...version, state: 'running' }
    case 'text':
      return { ...version, state: 'running', text: event.text }
    case 'marks':
      return { ...version, marks: event.marks }
    case 'generated':
      return {
        ...version,
        text: event.text,
        usage: event.usage,
        adapter: event.adapter,
        state: event.reason === 'cancelled' ? 'stopped' : event.reason === 'length' ? 'too_long' : 'complete',
      }
    case 'traced':
      return { ...version, trace: event.trace, names: event.names, marks: [] }
    case 'signed':
    case 'queued':
      return { ...version, receipt: event.receipt.id }
  }
}

function changeVersion(
  conversation: Conversation,
  version: number,
  now: number,
  change: (version: AnswerVersion) => AnswerVersion,
): Conversation {
  return mapLast(conversation, now, (last) =>
    version in last.versions ? replaceVersion(last, version, change(last.versions[version])) : last,
  )
}

function replaceVersion(message: AssistantMessage, index: number, version: AnswerVersion): AssistantMessage {
  return { ...message, versions: message.versions.map((v, i) => (i === index ? version : v)) }
}

function mapLast(conversation: Conversation, now: number, change: (last: AssistantMessage) => AssistantMessage): Conversation {
  const last = conversation.messages.at(-1)
  if (last?.role !== 'assistant') return conversation
  return { ...conversation, changedAt: now, messages: [...conversation.messages.slice(0, -1), change(last)] }
}
