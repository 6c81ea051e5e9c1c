// The text column of a Parquet file, one row group at a time. What the file says of its own sizes is checked against its
// bytes before it is believed: a page of four gigabytes that is forty bytes long is refused, not allocated.
// Source: hyparquet reads the format; the page headers are read here first, because it allocates what they promise.
import type { AsyncBuffer, FileMetaData, RowGroup } from 'hyparquet'
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { type Compressors, compressors } from 'hyparquet-compressors'
import { OpenChatError } from '../../errors.ts'
import { readBytes } from './decode.ts'
import { tooLarge } from './json.ts'
import type { Reader } from './raw-document.ts'
import { type Row, Table, type TableOptions } from './table.ts'

const MOST_COLUMNS = 4_096
/** Of one page when it is unpacked, of one row group's columns, and of the file's own description. */
const LARGEST_PAGE = 64 * 2 ** 20
const LARGEST_GROUP = 128 * 2 ** 20
const LARGEST_FOOTER = 16 * 2 ** 20
const MOST_ROWS_OF_GROUP = 4_000_000
/** Columns beside the text that are read, by name. */
const FACTS = /^(?:title|headline|subject|name|author|creator|by|speaker|writer|year|date|published|published_at|created_at)$/i

function invalid(reason: string, cause?: unknown): OpenChatError {
  return new OpenChatError('parquet_invalid', `The Parquet file cannot be read: ${reason}.`, {
    ...(cause === undefined ? {} : { cause }),
    meta: { reason: reason.slice(0, 200) },
    action: 'Write it again, or bring it as JSON lines.',
  })
}

const source = (blob: Blob): AsyncBuffer => ({
  byteLength: blob.size,
  slice: async (start, end) => (await readBytes(blob, start, end ?? blob.size)).buffer as ArrayBuffer,
})

/** Unpackers that refuse to make more than was checked. */
const bounded: Compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, unpack]) => [
    codec,
    (input: Uint8Array, length: number) => {
      if (length > LARGEST_PAGE || length < 0) throw invalid(`a page says that it unpacks to ${length} bytes`)
      return unpack(input, length)
    },
  ]),
)

async function readMetadata(blob: Blob): Promise<FileMetaData> {
  const tail = await readBytes(blob, Math.max(0, blob.size - 8), blob.size)
  const footer = new DataView(tail.buffer).getUint32(0, true)
  if (blob.size < 12 || footer > blob.size - 12) throw invalid('its description is longer than the file')
  if (footer > LARGEST_FOOTER) throw tooLarge(footer, LARGEST_FOOTER, 'Write it with fewer row groups or columns.')
  try {
    return await parquetMetadataAsync(source(blob), { geoparquet: false })
  } catch (cause) {
    throw invalid('its description is damaged', cause)
  }
}

/** Names of the columns that hold strings at the top level. */
function stringColumns({ schema }: FileMetaData): string[] {
  const names: string[] = []
  for (let i = 1; i < schema.length; ) {
    const element = schema[i]
    const plain = (element.num_children ?? 0) === 0
    if (plain && element.type === 'BYTE_ARRAY' && element.repetition_type !== 'REPEATED') names.push(element.name)
    // Skips the children of a nested column; a count that lies runs off the list and ends the loop.
    let left = 1
    while (left > 0 && i < schema.length) left += (schema[i++].num_children ?? 0) - 1
  }
  return names
}

/** Reads the page headers of the columns wanted and refuses what they promise beyond their bytes. @throws parquet_invalid */
async function checkGroup(blob: Blob, group: RowGroup, wanted: readonly string[]): Promise<void> {
  const rows = Number(group.num_rows)
  if (!(rows >= 0 && rows <= MOST_ROWS_OF_GROUP)) throw invalid(`a row group says that it has ${rows} rows`)
  let unpacked = 0
  for (const { meta_data: meta } of group.columns) {
    if (meta === undefined || !wanted.includes(meta.path_in_schema[0])) continue
    const from = Number(meta.dictionary_page_offset || meta.data_page_offset)
    const length = Number(meta.total_compressed_size)
    if (!(from >= 0 && length >= 0 && from + length <= blob.size)) throw invalid(`column ${meta.path_in_schema[0]} lies outside the file`)
    if (length > LARGEST_GROUP) throw tooLarge(length, LARGEST_GROUP, 'Write it with smaller row groups.')
    const bytes = await readBytes(blob, from, from + length)
    const reader = { view: new DataView(bytes.buffer), offset: 0 }
    while (reader.offset < length - 1) {
      const header = pageHeader(reader)
      const { compressed_page_size: packed, uncompressed_page_size: size } = header
      const values =
        header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? header.dictionary_page_header?.num_values ?? 0
      if (!(packed >= 0 && reader.offset + packed <= length)) throw invalid('a page is longer than its column')
      if (!(size >= 0 && size <= LARGEST_PAGE)) throw invalid(`a page says that it unpacks to ${size} bytes`)
      if (!(values >= 0 && values <= Math.max(rows, header.dictionary_page_header === undefined ? rows : size))) {
        throw invalid(`a page of a group of ${rows} rows says that it holds ${values}`)
      }
      unpacked += size
      if (unpacked > LARGEST_GROUP) throw tooLarge(unpacked, LARGEST_GROUP, 'Write it with smaller row groups.')
      reader.offset += packed
    }
  }
}

function pageHeader(reader: { view: DataView; offset: number }): ReturnType<typeof parquetHeader> {
  try {
    return parquetHeader(reader)
  } catch (cause) {
    throw invalid('a page has no readable header', cause)
  }
}

/** @throws parquet_invalid, file_too_large, table_too_wide, table_no_text */
export async function* readParquet(blob: Blob, options: Omit<TableOptions, 'bytes'>, signal: AbortSignal): Reader {
  const metadata = await readMetadata(blob)
  if (metadata.schema.length > MOST_COLUMNS) {
    throw new OpenChatError('table_too_wide', `The table has ${metadata.schema.length} columns; ${MOST_COLUMNS} can be read.`, {
      meta: { columns: metadata.schema.length, limit: MOST_COLUMNS },
      action: 'Keep the columns that hold text, and bring it again.',
    })
  }
  const columns = stringColumns(metadata)
  const table = new Table({ ...options, bytes: blob.size })
  let rowStart = 0
  let chosen: string | undefined
  for (const group of metadata.row_groups) {
    signal.throwIfAborted()
    const wanted = chosen === undefined ? columns : columns.filter((name) => name === chosen || FACTS.test(name))
    await checkGroup(blob, group, wanted)
    const rowEnd = rowStart + Number(group.num_rows)
    const rows = await readGroup(blob, metadata, wanted, rowStart, rowEnd)
    const bytes = blob.size / Math.max(1, Number(metadata.num_rows))
    for (const row of rows) {
      for (const event of table.push(row, bytes)) {
        // From the second group on only the text and what is said of it are unpacked.
        if (event.type === 'fields') chosen = event.chosen
        yield event
      }
    }
    rowStart = rowEnd
    yield { type: 'at', doneBytes: Math.min(blob.size, Math.round(blob.size * (rowEnd / Math.max(1, Number(metadata.num_rows))))) }
  }
  yield* table.end()
}

async function readGroup(blob: Blob, metadata: FileMetaData, columns: string[], rowStart: number, rowEnd: number): Promise<Row[]> {
  if (columns.length === 0 || rowStart === rowEnd) return []
  try {
    return await parquetReadObjects({
      file: source(blob),
      metadata,
      columns,
      rowStart,
      rowEnd,
      compressors: bounded,
      utf8: true,
      geoparquet: false,
    })
  } catch (cause) {
    throw cause instanceof OpenChatError ? cause : invalid(cause instanceof Error ? cause.message : 'its pages are damaged', cause)
  }
}
