// Tables in text: comma, semicolon, tab or bar between the cells, told from the first lines. Papa Parse cuts the cells; this
// file feeds it piece by piece, so that the file is never whole in memory, and refuses what only looks like a table.
// Source: RFC 4180, and Papa Parse's own streaming, which needs a DOM or a Node stream.
import Papa from 'papaparse'
import { OpenChatError } from '../../errors.ts'
import { decodePieces, sniffEncoding } from './decode.ts'
import { tooLong } from './json.ts'
import type { Reader } from './raw-document.ts'
import { type Row, Table, type TableOptions } from './table.ts'

const MOST_COLUMNS = 4_096
/** Characters that may wait for the end of a row. */
const LONGEST_ROW = 8 * 2 ** 20
const DELIMITERS = [',', ';', '\t', '|']

interface Parsed {
  data: string[][]
  meta: { cursor: number }
}

/** The delimiter that cuts the first lines into the same number of cells, most of them; a comma when none does. */
function delimiterOf(sample: string): string {
  const scores = DELIMITERS.map((delimiter) => {
    const { data } = Papa.parse<string[]>(sample, { delimiter, preview: 20 })
    const widths = data.slice(0, -1).map((row) => row.length)
    const [width = 1] = widths
    const steady = widths.filter((other) => other === width).length / Math.max(1, widths.length)
    return { delimiter, score: width > 1 ? steady * 100 + Math.min(width, 50) / 100 : 0 }
  })
  return scores.reduce((best, next) => (next.score > best.score ? next : best)).delimiter
}

/** Whether a first row names its columns: short, different, and no numbers. */
export function namesColumns(cells: readonly string[]): boolean {
  const names = cells.map((cell) => cell.trim())
  const short = names.every((name) => name.length <= 64 && !/^[-+\d.,%]+$/.test(name) && !/[.!?]\s/.test(name))
  return short && names.some((name) => name !== '') && new Set(names).size === names.length
}

function tooWide(columns: number): OpenChatError {
  return new OpenChatError('table_too_wide', `The table has ${columns} columns; ${MOST_COLUMNS} can be read.`, {
    meta: { columns, limit: MOST_COLUMNS },
    action: 'Keep the columns that hold text, and bring it again.',
  })
}

/** @throws table_too_wide, row_too_long, table_no_text, contribution_empty, contribution_binary */
export async function* readCsv(blob: Blob, options: Omit<TableOptions, 'bytes'>, signal: AbortSignal): Reader {
  const encoding = await sniffEncoding(blob)
  const table = new Table({ ...options, bytes: blob.size })
  let rest = ''
  let rows = 0
  let names: string[] | null = null
  let parser: Papa.Parser | null = null

  function* take(cells: string[]) {
    if (cells.length > MOST_COLUMNS) throw tooWide(cells.length)
    if (names === null) {
      const named = namesColumns(cells)
      names = cells.map((cell, i) => (named && cell.trim() !== '' ? cell.trim() : `column ${i + 1}`))
      if (named) return
    }
    rows++
    const row: Row = {}
    for (let i = 0; i < cells.length; i++) row[names[i] ?? `column ${i + 1}`] = cells[i]
    yield* table.push(
      row,
      cells.reduce((sum, cell) => sum + cell.length + 1, 0),
    )
  }

  function* feed(last: boolean) {
    // A row of 10^6 cells costs a count, not 10^6 objects: columns are counted before rows are made.
    parser ??= new Papa.Parser({ delimiter: delimiterOf(rest.slice(0, 65_536)), skipEmptyLines: 'greedy' } as Papa.ParseConfig)
    const { data, meta } = parser.parse(rest, 0, !last) as Parsed
    rest = last ? '' : rest.slice(meta.cursor)
    if (rest.length > LONGEST_ROW) throw tooLong(rows + 1, rest.length)
    for (const cells of data) if (cells.length > 1 || cells[0]?.trim()) yield* take(cells)
  }

  for await (const { text, doneBytes } of decodePieces(blob, encoding, signal)) {
    rest += text
    yield* feed(doneBytes === blob.size)
    yield { type: 'at', doneBytes }
  }
  yield* feed(true)
  yield* table.end()
}
