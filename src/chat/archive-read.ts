// What a file claims to be conversations, read with distrust: our own JSON and Markdown here, other programs' exports in
// archive-foreign.ts. All or nothing: the first thing that differs is an error that says where, and nothing was changed.
// Invariants: every id is new, so that nothing here is overwritten and no stranger's word becomes a name of ours; nothing
// that is read begins to run, to pay, or to leave the machine (answers that waited are stopped, paying is off, the engine is
// chosen anew); every message stands after its parent, so no tree is a ring.
import { OpenChatError } from '../errors.ts'
import { ARCHIVE_FORMAT, ARCHIVE_VERSION, MARKDOWN_SIGN, showSign } from './archive.ts'
import { readForeign } from './archive-foreign.ts'
import { readTrace } from './archive-trace.ts'
import { PLAIN_OPTIONS, type ReadContext, turnOf, unknown } from './archive-turn.ts'
import {
  type AnswerVersion,
  type Conversation,
  type ConversationOptions,
  type Feedback,
  type Message,
  newConversation,
  type Question,
  titleFrom,
} from './conversation.ts'
import type { ChatUsage, EngineKind } from './ports.ts'
import {
  fields,
  listOf,
  nestingOf,
  number,
  object,
  oneOf,
  optional,
  orNull,
  type Reader,
  shapeError,
  text,
  whole,
  yesOrNo,
} from './shape.ts'

/** Characters of one file. Reading one takes about 10 ms a million. */
export const MOST_CHARACTERS = 64_000_000
const DEEPEST = 64
const MOST_CONVERSATIONS = 10_000
const MOST_MESSAGES = 20_000
const MESSAGE = text(4_000_000)
const NAME = text(500)
const ID = text(200)
const TIME = number(0, 8.64e15)

/** @throws import_invalid, import_too_large, import_unknown */
export function readArchive(file: string, context: ReadContext): Conversation[] {
  if (file.length > MOST_CHARACTERS) {
    throw new OpenChatError('import_too_large', `This file has ${file.length} characters; ${MOST_CHARACTERS} can be read.`, {
      action: 'Split the export into several files.',
    })
  }
  const body = file.replace(/^\uFEFF/, '').trimStart()
  if (body.startsWith(MARKDOWN_SIGN)) return [readMarkdown(body, context)]
  if (!/^[[{]/.test(body)) throw unknown()
  if (nestingOf(body) > DEEPEST) throw shapeError('its nesting', `at most ${DEEPEST} levels deep`, body)
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (cause) {
    throw new OpenChatError('import_invalid', 'This file begins like an export and is no whole JSON.', {
      action: 'Nothing was changed. Export it again, or copy the whole file.',
      cause,
    })
  }
  if (Array.isArray(json)) return readForeign(json, context)
  const { format, version, conversations } = fields(json, 'the file')
  if (format !== ARCHIVE_FORMAT) return readForeign([json], context)
  if (version !== ARCHIVE_VERSION) {
    throw new OpenChatError('import_unknown', `This export has version ${String(version)}; this page reads version ${ARCHIVE_VERSION}.`, {
      action: 'Reload the page to have its newest version, and import again.',
    })
  }
  return listOf((value, at) => readConversation(value, at, context), MOST_CONVERSATIONS)(conversations, 'conversations')
}

function readConversation(value: unknown, at: string, { now, newId }: ReadContext): Conversation {
  const found = fields(value, at)
  const { title, createdAt, changedAt } = object<Pick<Conversation, 'title' | 'createdAt' | 'changedAt'>>({
    title: text(2000),
    createdAt: TIME,
    changedAt: TIME,
  })(value, at)
  const ids = new Map<string, Message['role']>()
  const fresh = new Map<string, string>()
  const messages = listOf((entry, place) => {
    const { id, role } = object<{ id: string; role: Message['role'] }>({ id: ID, role: oneOf('user', 'assistant') })(entry, place)
    if (ids.has(id)) throw shapeError(`${place}.id`, 'a new one', id)
    const message = role === 'user' ? readQuestion(entry, place) : readAnswer(entry, place)
    const parentRole = message.parent === null ? undefined : ids.get(message.parent)
    if (role === 'user' ? message.parent !== null && parentRole !== 'assistant' : parentRole !== 'user') {
      throw shapeError(`${place}.parent`, role === 'user' ? 'an earlier answer or nothing' : 'an earlier question', message.parent)
    }
    ids.set(id, role)
    fresh.set(id, newId())
    return message
  }, MOST_MESSAGES)(found.messages, `${at}.messages`)

  const renamed = messages.map((message): Message => {
    const id = fresh.get(message.id)!
    if (message.role === 'assistant') return { ...message, id, parent: fresh.get(message.parent)! }
    const columns = message.columns?.flatMap((column) => fresh.get(column) ?? [])
    const { columns: _named, ...question } = message
    return { ...question, id, parent: message.parent === null ? null : fresh.get(message.parent)!, ...(columns ? { columns } : {}) }
  })
  const parents = new Map(renamed.map(({ id, parent }) => [id, parent ?? '']))
  const shown = Object.entries(fields(found.shown, `${at}.shown`)).flatMap(([parent, child]) => {
    const [from, to] = [parent === '' ? '' : fresh.get(parent), typeof child === 'string' ? fresh.get(child) : undefined]
    return from !== undefined && to !== undefined && parents.get(to) === from ? [[from, to] as const] : []
  })
  return {
    ...newConversation(newId(), createdAt, readOptions(found.options, `${at}.options`)),
    title,
    changedAt: Math.min(changedAt, now),
    messages: renamed,
    shown: Object.fromEntries(shown),
    ...(found.titleByHand === true ? { titleByHand: true as const } : {}),
    ...(found.pinned === true ? { pinned: true as const } : {}),
    ...(found.archived === true ? { archived: true as const } : {}),
  }
}

function readQuestion(value: unknown, at: string): Question {
  const attachment = object({ name: NAME, text: MESSAGE })
  return {
    role: 'user',
    ...object<{ id: string; parent: string | null; at: number; text: string }>({ id: ID, parent: orNull(ID), at: TIME, text: MESSAGE })(
      value,
      at,
    ),
    ...optional(value, at, 'attachments', listOf(attachment, 100)),
    ...optional(value, at, 'columns', listOf(ID, 4)),
  }
}

function readAnswer(value: unknown, at: string): AnswerVersion {
  const states = ['waiting', 'running', 'complete', 'stopped', 'too_long', 'cut', 'failed'] as const
  const { state, ...answer } = object<Pick<AnswerVersion, 'id' | 'parent' | 'at' | 'text' | 'state'>>({
    id: ID,
    parent: ID,
    at: TIME,
    text: MESSAGE,
    state: oneOf(...states),
  })(value, at)
  const found = fields(value, at)
  return {
    role: 'assistant',
    ...answer,
    state: state === 'waiting' || state === 'running' ? 'stopped' : state,
    options: readOptions(found.options, `${at}.options`),
    marks: [],
    imported: true,
    ...optional(value, at, 'speaker', object({ engine: ENGINE, model: NAME, modelDigest: orNull(ID), adapter: orNull(ID) })),
    ...optional(value, at, 'usage', USAGE),
    ...optional(value, at, 'trace', (trace, place) => readTrace(trace, place, answer.text.length)),
    ...optional(value, at, 'names', listOf(CITED, 1000)),
    ...optional(value, at, 'receipt', (receipt, place) => {
      if (typeof receipt !== 'string' || !/^0x[0-9a-f]{64}$/.test(receipt)) throw shapeError(place, '32 bytes in hex', receipt)
      return receipt as `0x${string}`
    }),
    ...optional(value, at, 'editedAt', TIME),
    ...optional(value, at, 'feedback', readFeedback),
  }
}

const ENGINE = oneOf<EngineKind>('local', 'web-llm', 'cpu', 'remote')
const CITED = object({ index: whole(), document: whole(), author: NAME, title: text(2000), year: orNull(number(-10_000, 10_000)) })
const TIMES = object({
  promptTokens: whole(),
  completionTokens: whole(),
  firstTokenMs: number(0, 1e12),
  tokensPerSecond: number(0, 1e9),
  dispatchesPerToken: number(0, 1e9),
})
const DRAFTS = object({ passes: whole(), drafted: whole(), accepted: whole() })
const USAGE: Reader<ChatUsage> = (value, at) => ({ ...TIMES(value, at), ...optional(value, at, 'drafts', DRAFTS) })

function readFeedback(value: unknown, at: string): Feedback {
  return { ...object({ thumb: oneOf('up', 'down') })(value, at), ...optional(value, at, 'note', text(2000)) }
}

/** The engine is left out: an address of somebody's server must not come in with a file. */
function readOptions(value: unknown, at: string): ConversationOptions {
  return {
    ...object<Pick<ConversationOptions, 'askWithSources' | 'datanets' | 'temperature'>>({
      askWithSources: yesOrNo,
      datanets: listOf(ID, 1000),
      temperature: number(0, 2),
    })(value, at),
    payContributors: false,
    adapter: 'auto',
    ...optional(value, at, 'system', MESSAGE),
    ...optional(value, at, 'topP', number(0, 1)),
    ...optional(value, at, 'topK', whole(1_000_000)),
    ...optional(value, at, 'minP', number(0, 1)),
    ...optional(value, at, 'repetitionPenalty', number(0.1, 10)),
    ...optional(value, at, 'presencePenalty', number(-2, 2)),
    ...optional(value, at, 'frequencyPenalty', number(-2, 2)),
    ...optional(value, at, 'seed', whole(2 ** 32)),
    ...optional(value, at, 'maxTokens', whole(1_000_000)),
  }
}

/** Messages between the signs that archive.ts wrote; headings and names between them are for people. */
function readMarkdown(body: string, { now, newId }: ReadContext): Conversation {
  const parts = body.split(MARKDOWN_SIGN).slice(1)
  if (parts.length > MOST_MESSAGES) throw shapeError('the file', `at most ${MOST_MESSAGES} messages`, parts)
  let conversation: Conversation | undefined
  let parent: string | null = null
  for (const part of parts) {
    const [, kind, time, rest] = /^(\w+)(?: (\S+))? -->\n*([\s\S]*)$/.exec(part) ?? []
    const at = time === undefined || Number.isNaN(Date.parse(time)) ? now : Math.max(0, Date.parse(time))
    if (kind === 'conversation') {
      const title = /^# (.*)$/m.exec(rest ?? '')?.[1] ?? ''
      conversation = { ...newConversation(newId(), at, PLAIN_OPTIONS), title: showSign(title).slice(0, 2000), changedAt: at }
    } else if (conversation !== undefined && (kind === 'user' || kind === 'assistant')) {
      const words = showSign((rest ?? '').replace(/^## [^\n]*\n+(?:_With [^\n]*_\n+)*/, '').trim())
      const message = turnOf(kind, words, parent, at, newId())
      if (message === null) throw shapeError('the file', 'questions and answers in turn', part)
      conversation = { ...conversation, changedAt: Math.max(conversation.changedAt, at), messages: [...conversation.messages, message] }
      parent = message.id
    } else if (kind !== 'about') throw shapeError('the file', 'Markdown as it was exported', part)
  }
  if (conversation === undefined || conversation.messages.length === 0) throw unknown()
  const first = conversation.messages[0]
  return { ...conversation, title: conversation.title || titleFrom(first.text), changedAt: Math.min(conversation.changedAt, now) }
}
