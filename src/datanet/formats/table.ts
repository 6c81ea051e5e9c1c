// Rows of named fields as documents: which field is the text, which name title, author and year, and whether a row is a
// document by itself. Shared by JSON lines, CSV and Parquet, which know how their bytes become rows.
// Invariants: at most SAMPLE_ROWS rows wait before the first document leaves; a row's text never stands in two documents.
import { OpenChatError } from '../../errors.ts'
import { documentOf, type RawDocument, type ReaderEvent, yearIn } from './raw-document.ts'

export type Row = Record<string, unknown>

export interface TableOptions {
  textField?: string | undefined
  rows: 'auto' | 'each' | 'grouped'
  /** Of the whole file, to judge how many rows there will be. */
  bytes: number
}

const SAMPLE_ROWS = 100
/** A file of more rows than this is grouped, unless told otherwise. */
const MANY_ROWS = 2_000
/** Characters of a document that is made of many rows. */
const GROUP_CHARACTERS = 16_000
/** Fields of one row that are looked at. */
const MOST_FIELDS = 4_096

const TEXT_NAMES =
  /^(?:text|content|contents|body|document|article|markdown|passage|story|chapter|page_content|messages|conversations?|completion|output|response|answer|description|abstract)$/i
const TITLE_NAMES = ['title', 'headline', 'subject', 'name']
const AUTHOR_NAMES = ['author', 'creator', 'by', 'speaker', 'writer']
const YEAR_NAMES = ['year', 'date', 'published', 'published_at', 'created_at']

/** A cell as text: strings as they are, chats as turns, anything else as nothing. */
export function cellText(value: unknown): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return ''
  return value
    .map((turn: unknown) => {
      if (typeof turn === 'string') return turn
      if (typeof turn !== 'object' || turn === null) return ''
      const { role, from, content, value: said } = turn as Record<string, unknown>
      const words = typeof content === 'string' ? content : typeof said === 'string' ? said : partsText(content)
      const who = typeof role === 'string' ? role : typeof from === 'string' ? from : null
      if (words === '') return ''
      return who === null ? words : `${who[0]?.toUpperCase() ?? ''}${who.slice(1)}: ${words}`
    })
    .filter((words) => words !== '')
    .join('\n\n')
}

/** The words of a message in parts, as `[{ type: 'text', text }]`. */
function partsText(content: unknown): string {
  if (!Array.isArray(content)) return ''
  const texts = content.map((part: unknown) => (part as { text?: unknown } | null)?.text)
  return texts.filter((text) => typeof text === 'string').join('\n')
}

const field = (row: Row, names: readonly string[]): unknown => {
  const keys = Object.keys(row).slice(0, MOST_FIELDS)
  for (const name of names) {
    const key = keys.find((candidate) => candidate.toLowerCase() === name)
    if (key !== undefined && row[key] !== '' && row[key] !== null) return row[key]
  }
  return null
}

/** Rows in, events out; the caller pushes and drains. */
export class Table {
  readonly #options: TableOptions
  #chosen: string | null = null
  #grouped = false
  #sample: { row: Row; bytes: number }[] = []
  #group: { texts: string[]; characters: number; from: number } | null = null
  #row = 0

  constructor(options: TableOptions) {
    this.#options = options
  }

  /** @param bytes of the file that the row took. @throws table_no_text */
  *push(row: Row, bytes: number): Generator<ReaderEvent> {
    if (this.#chosen !== null) return yield* this.#take(row)
    this.#sample.push({ row, bytes })
    if (this.#sample.length === SAMPLE_ROWS) yield* this.#decide()
  }

  /** @throws table_no_text */
  *end(): Generator<ReaderEvent> {
    if (this.#chosen === null) yield* this.#decide()
    yield* this.#flush()
  }

  *#decide(): Generator<ReaderEvent> {
    const sizes = new Map<string, { characters: number; sample: string }>()
    let sampled = 0
    for (const { row, bytes } of this.#sample) {
      sampled += bytes
      for (const name of Object.keys(row).slice(0, MOST_FIELDS)) {
        const text = cellText(row[name])
        const known = sizes.get(name) ?? { characters: 0, sample: '' }
        sizes.set(name, { characters: known.characters + text.length, sample: known.sample || text.slice(0, 80) })
      }
    }
    const total = [...sizes.values()].reduce((sum, { characters }) => sum + characters, 0)
    const fields = [...sizes]
      .map(([name, { characters, sample }]) => ({ name, share: total === 0 ? 0 : characters / total, sample }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share)
    const { textField } = this.#options
    const named = fields.find(({ name, share }) => TEXT_NAMES.test(name) && share >= 0.2)
    const chosen = fields.find(({ name }) => name === textField) ?? (textField === undefined ? (named ?? fields[0]) : undefined)
    if (chosen === undefined) {
      const sentence =
        textField === undefined ? 'No field of this table holds text.' : `No field named ${textField.slice(0, 60)} holds text.`
      throw new OpenChatError('table_no_text', sentence, {
        meta: { fields: [...sizes.keys()].slice(0, 20).join(', ').slice(0, 400) },
        action: 'Choose the field that holds the text.',
      })
    }
    this.#chosen = chosen.name
    const rows = this.#options.bytes / Math.max(1, sampled / this.#sample.length)
    this.#grouped = this.#options.rows === 'grouped' || (this.#options.rows === 'auto' && rows > MANY_ROWS)
    yield { type: 'fields', chosen: chosen.name, fields: [chosen, ...fields.filter((other) => other !== chosen)].slice(0, 40) }
    const held = this.#sample
    this.#sample = []
    for (const { row } of held) yield* this.#take(row)
  }

  *#take(row: Row): Generator<ReaderEvent> {
    this.#row++
    const text = cellText(row[this.#chosen ?? '']).trim()
    if (text === '') return
    if (!this.#grouped) {
      yield { type: 'document', document: this.#document(row, text) }
      return
    }
    this.#group ??= { texts: [], characters: 0, from: this.#row }
    this.#group.texts.push(text)
    this.#group.characters += text.length
    if (this.#group.characters >= GROUP_CHARACTERS) yield* this.#flush()
  }

  #document(row: Row, text: string): RawDocument {
    const title = field(row, TITLE_NAMES)
    const author = field(row, AUTHOR_NAMES)
    return documentOf(text, {
      label: `row ${this.#row}`,
      title: typeof title === 'string' ? title.slice(0, 300) : null,
      author: typeof author === 'string' ? author.slice(0, 200) : null,
      year: yearIn(field(row, YEAR_NAMES)),
    })
  }

  *#flush(): Generator<ReaderEvent> {
    const group = this.#group
    this.#group = null
    if (group === null) return
    const label = group.from === this.#row ? `row ${this.#row}` : `rows ${group.from}–${this.#row}`
    const notes = group.texts.length > 1 ? [`${group.texts.length} rows were put together.`] : []
    yield { type: 'document', document: documentOf(group.texts.join('\n\n'), { label, notes }) }
  }
}
