// Plain text and Markdown. Markdown stays as it is written; its front matter becomes fields. A file that is too long for one
// document is cut at empty lines, else at line ends, else at blanks.
import { decodePieces, encodingNote, sniffEncoding } from './decode.ts'
import { documentOf, PART_CHARACTERS, type RawDocument, type Reader, yearIn } from './raw-document.ts'

/** Files up to this many bytes are one document. */
const WHOLE_BYTES = 1_400_000

/** Where a part of at most `limit` characters may end: after an empty line in its last half, else a line, else a word. */
export function cutAt(text: string, limit: number): number {
  if (text.length <= limit) return text.length
  for (const boundary of ['\n\n', '\n', ' ']) {
    const at = text.lastIndexOf(boundary, limit - boundary.length)
    if (at >= limit / 2) return at + boundary.length
  }
  // Not between the halves of a character.
  return /[\ud800-\udbff]/.test(text[limit - 1]) ? limit - 1 : limit
}

/** Cuts text that comes in pieces into documents; `whole` keeps it one. */
export async function* partsOf(
  pieces: AsyncIterable<{ text: string; doneBytes: number }>,
  whole: boolean,
  facts: Partial<RawDocument>,
): Reader {
  let held = ''
  let part = 0
  const give = (text: string, last: boolean): RawDocument => {
    part++
    return documentOf(text, { ...facts, label: last && part === 1 ? '' : `part ${part}`, ...(part > 1 ? { notes: [] } : {}) })
  }
  for await (const { text, doneBytes } of pieces) {
    held += text
    while (!whole && held.length > PART_CHARACTERS) {
      const at = cutAt(held, PART_CHARACTERS)
      yield { type: 'document', document: give(held.slice(0, at), false) }
      held = held.slice(at)
    }
    yield { type: 'at', doneBytes }
  }
  if (part === 0 || held.trim() !== '') yield { type: 'document', document: give(held, true) }
}

interface FrontMatter {
  body: string
  facts: Pick<RawDocument, 'title' | 'author' | 'year'>
}

const unquoted = (value: string): string => value.trim().replace(/^(["'])(.*)\1$/, '$2')

/** YAML's simplest form, `key: value` lines between two lines of three hyphens; anything else stays text. */
export function frontMatter(text: string): FrontMatter {
  const none = { body: text, facts: { title: null, author: null, year: null } }
  const [block, inner] = /^---[ \t]*\r?\n((?:[^\n]*\n){0,60}?)---[ \t]*\r?\n/.exec(text) ?? []
  if (block === undefined || inner === undefined) return none
  const fields = new Map(
    [...inner.matchAll(/^([A-Za-z_-]{1,40}):[ \t]*(\S.*)$/gm)].map(([, key, value]) => [key.toLowerCase(), unquoted(value)]),
  )
  if (fields.size === 0) return none
  const { title, author, by, date, year, published } = Object.fromEntries(fields)
  return {
    body: text.slice(block.length),
    facts: { title: title || null, author: author || by || null, year: yearIn(year ?? date ?? published) },
  }
}

/** The first heading of a Markdown text, without its marks. */
export function firstHeading(text: string): string | null {
  const heading = /^#{1,3}[ \t]+(\S[^\n]{0,200})$/m.exec(text.slice(0, 20_000))?.[1]
  return heading?.replace(/[ \t]*#+[ \t]*$/, '').replace(/[*_`]/g, '') ?? null
}

/** @throws contribution_empty, contribution_binary */
export async function* readPlain(blob: Blob, format: 'text' | 'markdown', signal: AbortSignal): Reader {
  const encoding = await sniffEncoding(blob)
  const note = encodingNote(encoding)
  const whole = blob.size <= WHOLE_BYTES
  let first = true
  let facts: FrontMatter['facts'] = { title: null, author: null, year: null }
  for await (const event of partsOf(decodePieces(blob, encoding, signal), whole, { notes: note === null ? [] : [note] })) {
    if (event.type === 'document' && format === 'markdown') {
      const { document } = event
      if (first) {
        const matter = frontMatter(document.text)
        facts = { ...matter.facts, title: matter.facts.title ?? firstHeading(matter.body) }
        document.text = matter.body
      }
      first = false
      Object.assign(document, facts)
    }
    yield event
  }
}
