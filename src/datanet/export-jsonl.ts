// An export as JSON Lines: one row a line, UTF-8, keys in the order of EXPORT_COLUMNS. Memory holds one piece at a time.
import { EXPORT_COLUMNS, type ExportRow } from './export-rows.ts'

/** Characters that are encoded and handed on together. */
const PIECE = 256 * 1024
const KEYS = EXPORT_COLUMNS.map(({ name }) => name)

/** Pieces of the file, in order; none for no rows. */
export function* jsonLines(rows: Iterable<ExportRow>): Generator<Uint8Array> {
  const encoder = new TextEncoder()
  let waiting = ''
  for (const row of rows) {
    // The key list also keeps out what a row may carry beyond its columns.
    waiting += `${JSON.stringify(row, KEYS)}\n`
    if (waiting.length < PIECE) continue
    yield encoder.encode(waiting)
    waiting = ''
  }
  if (waiting !== '') yield encoder.encode(waiting)
}
