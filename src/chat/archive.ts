// Conversations as files: our own JSON (everything, format and version named) and Markdown (for people, and readable back).
// Writing here; what a stranger's file claims is read by archive-read.ts and archive-foreign.ts. No zip, no page: ui does.
// Invariants: JSON written here reads back to the same messages, branches, traces and judgements; the Markdown holds the
// shown branch alone and says so.
import { type Conversation, type Message, path } from './conversation.ts'

export const ARCHIVE_FORMAT = 'open-chat/conversations'
export const ARCHIVE_VERSION = 1

interface Archive {
  format: typeof ARCHIVE_FORMAT
  version: typeof ARCHIVE_VERSION
  /** ISO 8601 */
  exportedAt: string
  conversations: Conversation[]
}

/** JSON has no integers as large as wei: they are written as `{"$bigint": "…"}`. */
const BIGINT_KEY = '$bigint'

export function archiveJson(conversations: readonly Conversation[], now: number): string {
  const archive: Archive = {
    format: ARCHIVE_FORMAT,
    version: ARCHIVE_VERSION,
    exportedAt: new Date(now).toISOString(),
    conversations: conversations.filter(({ temporary }) => !temporary),
  }
  return JSON.stringify(archive, (_key, value) => (typeof value === 'bigint' ? { [BIGINT_KEY]: String(value) } : value), 1)
}

/** An integer of {@link archiveJson}, or undefined for anything else. */
export function readBigint(value: unknown): bigint | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return undefined
  const digits = (value as Record<string, unknown>)[BIGINT_KEY]
  return typeof digits === 'string' && /^-?\d{1,78}$/.test(digits) ? BigInt(digits) : undefined
}

/** Signs that begin each message, so that the file can be read back; a browser or editor does not show them. */
export const MARKDOWN_SIGN = '<!-- open-chat:'
const INNER_SIGN = '<!-- open-chat\u200B:'

/** A message may hold the sign itself. */
export const hideSign = (words: string): string => words.replaceAll(MARKDOWN_SIGN, INNER_SIGN)
export const showSign = (words: string): string => words.replaceAll(INNER_SIGN, MARKDOWN_SIGN)

/** The shown branch as Markdown. */
export function archiveMarkdown(conversation: Conversation): string {
  const shown = path(conversation)
  const left = conversation.messages.length - shown.length
  const title = oneLine(conversation.title) || 'Conversation'
  const lines = [
    `${MARKDOWN_SIGN}conversation ${new Date(conversation.createdAt).toISOString()} -->`,
    `# ${title}`,
    ...(left > 0
      ? [`_${left} more ${left === 1 ? 'message stands' : 'messages stand'} in other branches, which only the JSON export holds._`]
      : []),
    ...shown.flatMap(messageMarkdown),
  ]
  return `${lines.join('\n\n')}\n`
}

function messageMarkdown(message: Message): string[] {
  const at = new Date(message.at).toISOString()
  if (message.role === 'user') {
    const beside = (message.attachments ?? []).map(({ name }) => `_With ${oneLine(name)}_`)
    return [`${MARKDOWN_SIGN}user ${at} -->`, '## You', ...beside, hideSign(message.text)]
  }
  const speaker = message.speaker ? ` (${oneLine(message.speaker.model)})` : ''
  const names = (message.names ?? []).map(({ author, title }) => `${oneLine(author)}, _${oneLine(title)}_`)
  const feedback = message.feedback
  return [
    `${MARKDOWN_SIGN}assistant ${at} -->`,
    `## Answer${speaker}`,
    hideSign(message.text.trim()),
    ...(names.length + (feedback ? 1 : 0) > 0 ? [`${MARKDOWN_SIGN}about -->`] : []),
    ...(names.length > 0 ? [`— ${names.join('; ')}`] : []),
    ...(feedback ? [`_Judged ${feedback.thumb === 'up' ? 'good' : 'bad'}${feedback.note ? `: ${oneLine(feedback.note)}` : ''}_`] : []),
  ]
}

/** A name for a file: words of the title, no sign that any file system minds, never empty, never longer than 60 characters. */
export function fileNameOf(title: string): string {
  const words = title
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '')
    .toLowerCase()
  // Windows keeps these names for itself.
  return words === '' || /^(con|prn|aux|nul|com\d|lpt\d)$/.test(words) ? `conversation${words === '' ? '' : `-${words}`}` : words
}

const oneLine = (words: string): string => hideSign(words.replace(/\s+/g, ' ').trim())
