// An export as Parquet: the columns of EXPORT_COLUMNS, snappy, one row group for some megabytes of text, so that memory holds
// one group at a time and a reader can skip. The file's own metadata names the datanet and its commitment.
// Source: Apache Parquet; written by hyparquet-writer.
import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import { EXPORT_COLUMNS, type ExportRow } from './export-rows.ts'

/** Characters of text in one row group, about. */
const GROUP_CHARACTERS = 4 * 2 ** 20

/** Pieces of the file, in order. @param facts key-value metadata of the file */
export function* parquetFile(rows: Iterable<ExportRow>, facts: Readonly<Record<string, string>>): Generator<Uint8Array> {
  const writer = new ByteWriter()
  const columns = (held: readonly ExportRow[]) =>
    EXPORT_COLUMNS.map(({ name, type, nullable }) => ({ name, type, nullable, data: held.map((row) => row[name]) }))
  const schema = schemaFromColumnData({ columnData: columns([]) })
  const kvMetadata = Object.entries(facts).map(([key, value]) => ({ key, value }))
  const parquet = new ParquetWriter({ writer, schema, kvMetadata, createdBy: 'open-chat' })
  // `offset` runs on over the whole file; `index` is the place in the buffer, which is handed on and begun again.
  const taken = () => {
    const piece = writer.getBytes().slice()
    writer.index = 0
    return piece
  }
  let group: ExportRow[] = []
  let characters = 0
  for (const row of rows) {
    group.push(row)
    characters += row.text.length
    if (characters < GROUP_CHARACTERS) continue
    parquet.write({ columnData: columns(group), rowGroupSize: group.length })
    group = []
    characters = 0
    yield taken()
  }
  if (group.length > 0) parquet.write({ columnData: columns(group), rowGroupSize: group.length })
  parquet.finish()
  yield taken()
}
