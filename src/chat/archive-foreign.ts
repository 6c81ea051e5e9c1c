// Exports of other programs, as far as their words go: ChatGPT's conversations.json and Open WebUI's chat export. Both are
// trees of nodes; tools, system messages and pictures are left out, several nodes of one speaker in a row become one message.
// Invariants: a node is read once, so a ring ends; a node without a known parent begins a branch of its own.
import { PLAIN_OPTIONS, type ReadContext, turnOf, unknown } from './archive-turn.ts'
import { type Conversation, type Message, newConversation, titleFrom } from './conversation.ts'
import { fields, shapeError } from './shape.ts'

const MOST_NODES = 20_000

interface Node {
  id: string
  parent: string | null
  role: string
  text: string
  /** ms since the epoch; null where the file does not say */
  at: number | null
}

/** @throws import_unknown when it is the export of nobody we know, import_invalid when it only begins like one */
export function readForeign(list: unknown[], context: ReadContext): Conversation[] {
  if (list.length === 0) throw unknown()
  return list.flatMap((item, i) => {
    const found = fields(item, `[${i}]`)
    const chat = isObject(found.chat) ? found.chat : null
    const nodes = isObject(found.mapping) ? chatGptNodes(found.mapping) : chat === null ? null : openWebUiNodes(chat, `[${i}].chat`)
    if (nodes === null) throw unknown()
    if (nodes.length > MOST_NODES) throw shapeError(`[${i}]`, `at most ${MOST_NODES} messages`, nodes)
    const created = milliseconds(found.create_time ?? found.created_at) ?? context.now
    const changed = milliseconds(found.update_time ?? found.updated_at) ?? created
    const last = wordsOf(found.current_node) ?? wordsOf(isObject(chat?.history) ? chat.history.currentId : undefined)
    const title = wordsOf(found.title) ?? wordsOf(chat?.title) ?? ''
    const conversation = grown(nodes, last, { ...newConversation(context.newId(), created, PLAIN_OPTIONS), changedAt: changed }, context)
    const first = conversation.messages[0]
    return first === undefined ? [] : [{ ...conversation, title: title.slice(0, 2000) || titleFrom(first.text) }]
  })
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const wordsOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** Seconds or milliseconds since the epoch: both are met. */
function milliseconds(value: unknown): number | null {
  if (typeof value !== 'number' || !(value > 0) || value > 8.64e15) return null
  return value < 1e11 ? Math.round(value * 1000) : value
}

function chatGptNodes(mapping: Record<string, unknown>): Node[] {
  return Object.entries(mapping).flatMap(([id, value]) => {
    if (!isObject(value)) return []
    const message = isObject(value.message) ? value.message : {}
    const content = isObject(message.content) ? message.content : {}
    const parts = Array.isArray(content.parts) ? content.parts.filter((part): part is string => typeof part === 'string') : []
    const role = isObject(message.author) ? (wordsOf(message.author.role) ?? '') : ''
    const text = content.content_type === 'text' ? parts.join('\n\n') : ''
    return [{ id, parent: wordsOf(value.parent), role, text, at: milliseconds(message.create_time) }]
  })
}

function openWebUiNodes(chat: Record<string, unknown>, at: string): Node[] | null {
  const history = isObject(chat.history) && isObject(chat.history.messages) ? Object.entries(chat.history.messages) : null
  if (history === null && !Array.isArray(chat.messages)) return null
  const list = history ?? (chat.messages as unknown[]).map((message, i): [string, unknown] => [String(i), message])
  return list.map(([id, value], i) => {
    const message = fields(value, `${at} message ${i}`)
    const parent = history === null ? (i === 0 ? null : String(i - 1)) : wordsOf(message.parentId)
    return { id, parent, role: wordsOf(message.role) ?? '', text: wordsOf(message.content) ?? '', at: milliseconds(message.timestamp) }
  })
}

/** The nodes as questions and answers, parents first, without calling itself: a chain may be as long as the file. */
function grown(nodes: Node[], last: string | null, empty: Conversation, { newId }: ReadContext): Conversation {
  const children = new Map<string | null, Node[]>()
  const known = new Set(nodes.map(({ id }) => id))
  for (const node of nodes) {
    const parent = node.parent !== null && known.has(node.parent) && node.parent !== node.id ? node.parent : null
    children.set(parent, [...(children.get(parent) ?? []), node])
  }
  const messages: Message[] = []
  const followedUp = new Set<string>()
  /** Where in `messages` a node's words went; of a node that was left out, where its parent's did. */
  const places = new Map<string, number>()
  const shown: Record<string, string> = {}
  const seen = new Set<string>()
  const ahead = [...(children.get(null) ?? [])].reverse()
  while (ahead.length > 0) {
    const node = ahead.pop()!
    if (seen.has(node.id)) continue
    seen.add(node.id)
    const above = node.parent === null ? undefined : places.get(node.parent)
    const place = settle(node, above, messages, followedUp, empty.createdAt, newId)
    if (place !== undefined) places.set(node.id, place)
    ahead.push(...[...(children.get(node.id) ?? [])].reverse())
  }
  const byId = new Map(messages.map((message) => [message.id, message]))
  // A message stands after its parent, so the way up ends.
  for (let at = last === null ? undefined : messages[places.get(last) ?? -1]; at !== undefined; at = byId.get(at.parent ?? '')) {
    shown[at.parent ?? ''] = at.id
  }
  return { ...empty, messages, shown }
}

/** @returns the place of the message that holds the node's words, or that of the one above it */
function settle(
  node: Node,
  above: number | undefined,
  messages: Message[],
  followedUp: Set<string>,
  createdAt: number,
  newId: () => string,
): number | undefined {
  const words = node.text.trim()
  if (words === '' || (node.role !== 'user' && node.role !== 'assistant')) return above
  const before = above === undefined ? undefined : messages[above]
  // A second branch under the same words would change them for the first.
  const alone = before !== undefined && !followedUp.has(before.id)
  if (above !== undefined && before?.role === node.role) {
    if (alone) messages[above] = { ...before, text: `${before.text}\n\n${words}` }
    return above
  }
  const message = turnOf(node.role, words, before?.id ?? null, node.at ?? before?.at ?? createdAt, newId())
  if (message === null) return above
  if (before !== undefined) followedUp.add(before.id)
  return messages.push(message) - 1
}
