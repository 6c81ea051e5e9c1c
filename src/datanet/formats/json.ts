// JSON lines, one row a line, read as they come; and JSON files, which are read whole: a list of rows, a list of texts, or an
// object that holds one list. Depth is measured before anything is parsed.
import { OpenChatError } from '../../errors.ts'
import { decodePieces, encodingNote, sniffEncoding } from './decode.ts'
import type { Reader } from './raw-document.ts'
import { type Row, Table, type TableOptions } from './table.ts'

/** Characters of one line. */
const LONGEST_LINE = 8 * 2 ** 20
/** Bytes of a JSON file, which has no lines to be read by. */
const LARGEST_JSON = 64 * 2 ** 20
const DEEPEST = 64
/** Lines that are no JSON before the whole is taken for something else. */
const MOST_BAD_LINES = 20

/** @throws json_too_deep */
export function ensureShallow(json: string): void {
  let depth = 0
  let quoted = false
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i)
    if (code === 34) quoted = !quoted
    else if (code === 92) i++
    else if (quoted) continue
    else if (code === 91 || code === 123) depth++
    else if (code === 93 || code === 125) depth--
    if (depth > DEEPEST) {
      throw new OpenChatError('json_too_deep', `The JSON is nested more than ${DEEPEST} deep.`, {
        meta: { limit: DEEPEST },
        action: 'Flatten it, or bring the texts alone.',
      })
    }
  }
}

function asRow(value: unknown): Row {
  if (Array.isArray(value)) return { messages: value }
  if (typeof value === 'object' && value !== null) return value as Row
  return { text: value }
}

function notJson(line: number, cause: unknown): OpenChatError {
  return new OpenChatError('json_invalid', `Line ${line} is not JSON, as ${MOST_BAD_LINES} before it.`, {
    cause,
    meta: { line },
    action: 'Check that each line is one JSON object.',
  })
}

/** @throws json_invalid, json_too_deep, row_too_long, table_no_text, contribution_empty, contribution_binary */
export async function* readJsonLines(blob: Blob, options: Omit<TableOptions, 'bytes'>, signal: AbortSignal): Reader {
  const encoding = await sniffEncoding(blob)
  const table = new Table({ ...options, bytes: blob.size })
  let rest = ''
  let line = 0
  let bad = 0
  function* take(text: string) {
    line++
    const trimmed = text.trim()
    if (trimmed === '') return
    if (trimmed.length > LONGEST_LINE) throw tooLong(line, trimmed.length)
    ensureShallow(trimmed)
    let row: Row
    try {
      row = asRow(JSON.parse(trimmed))
    } catch (cause) {
      if (++bad > MOST_BAD_LINES) throw notJson(line, cause)
      return
    }
    yield* table.push(row, trimmed.length + 1)
  }
  for await (const { text, doneBytes } of decodePieces(blob, encoding, signal)) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LONGEST_LINE) throw tooLong(line + 1, rest.length)
    for (const one of lines) yield* take(one)
    yield { type: 'at', doneBytes }
  }
  yield* take(rest)
  yield* table.end()
}

export function tooLong(row: number, characters: number): OpenChatError {
  return new OpenChatError('row_too_long', `Row ${row} has more than ${characters} characters; one row may have ${LONGEST_LINE}.`, {
    meta: { row, limit: LONGEST_LINE },
    action: 'Check the quotes and line ends of the file, or split the row.',
  })
}

/** @throws json_invalid, json_too_deep, file_too_large, table_no_text, contribution_empty, contribution_binary */
export async function* readJson(blob: Blob, options: Omit<TableOptions, 'bytes'>, signal: AbortSignal): Reader {
  if (blob.size > LARGEST_JSON) throw tooLarge(blob.size, LARGEST_JSON, 'Save it as JSON lines, which are read piece by piece.')
  const encoding = await sniffEncoding(blob)
  let text = ''
  for await (const piece of decodePieces(blob, encoding, signal)) text += piece.text
  ensureShallow(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new OpenChatError('json_invalid', 'The file begins like JSON and is none.', {
      cause,
      action: 'Check the file, or save it as text.',
    })
  }
  const rows = listIn(value)
  const table = new Table({ ...options, bytes: blob.size })
  const note = encodingNote(encoding)
  for (const row of rows) {
    signal.throwIfAborted()
    for (const event of table.push(asRow(row), blob.size / rows.length)) {
      if (event.type === 'document' && note !== null) event.document.notes.push(note)
      yield event
    }
  }
  yield* table.end()
  yield { type: 'at', doneBytes: blob.size }
}

/** A list itself, the longest list of objects in an object, or the object as the only row. */
function listIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value !== 'object' || value === null) return [value]
  const lists = Object.values(value).filter(
    (held): held is unknown[] => Array.isArray(held) && held.every((row) => typeof row === 'object'),
  )
  const longest = lists.sort((a, b) => b.length - a.length)[0]
  const chat = longest?.some((turn) => turn !== null && ('role' in (turn as object) || 'from' in (turn as object)))
  return longest === undefined || chat ? [value] : longest
}

export function tooLarge(bytes: number, limit: number, action: string): OpenChatError {
  return new OpenChatError('file_too_large', `The file has ${bytes} bytes; of this kind ${limit} can be read.`, {
    meta: { bytes, limit },
    action,
  })
}
