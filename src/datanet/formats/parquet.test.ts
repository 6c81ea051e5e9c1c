import { parquetMetadata } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { documents, events, never } from './fixtures.testing.ts'
import { readParquet } from './parquet.ts'

const rows = { rows: 'each', textField: undefined } as const
const texts = Array.from({ length: 30 }, (_, i) => `Text number ${i}: ${'some words and more of them '.repeat(3)}${i % 7}`)
const file = (rowGroupSize = 10) =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: texts.map((_, i) => i), type: 'INT32' },
        { name: 'content', data: texts, type: 'STRING' },
        { name: 'title', data: texts.map((_, i) => `T${i}`), type: 'STRING' },
      ],
      rowGroupSize,
    }),
  )
/** Where the first page of the text column begins. */
const textPage = (bytes: Uint8Array): number => {
  const meta = parquetMetadata(Uint8Array.from(bytes)).row_groups[0].columns[1].meta_data
  return Number(meta?.dictionary_page_offset ?? meta?.data_page_offset)
}
const blob = (bytes: Uint8Array) => new Blob([Uint8Array.from(bytes)])

describe('readParquet', () => {
  it('finds the text column and reads all row groups', async () => {
    const read = await documents(readParquet(blob(file()), rows, never))
    expect(read.map(({ text }) => text)).toEqual(texts.map((text) => text.trim()))
    expect(read[12]).toMatchObject({ title: 'T12', label: 'row 13' })
  })

  it('tells the columns and takes the one that is asked for', async () => {
    const told = await events(readParquet(blob(file()), { rows: 'each', textField: 'title' }, never))
    const fields = told.find(({ type }) => type === 'fields')
    expect(fields).toMatchObject({ chosen: 'title', fields: [{ name: 'title' }, { name: 'content' }] })
    await expect(events(readParquet(blob(file()), { rows: 'each', textField: 'nothing' }, never))).rejects.toMatchObject({
      code: 'table_no_text',
    })
  })

  it('refuses a description that is longer than the file', async () => {
    const bytes = file()
    new DataView(bytes.buffer).setUint32(bytes.length - 8, 0x7fffffff, true)
    await expect(events(readParquet(blob(bytes), rows, never))).rejects.toMatchObject({ code: 'parquet_invalid' })
  })

  it('ends in typed errors or in documents, whichever bytes are changed', async () => {
    const bytes = file(30)
    for (let i = 0; i < 150; i++) {
      const broken = bytes.slice()
      // The first bytes of each page are its header, the last thousand the description: both say sizes.
      const at = i < 60 ? textPage(bytes) + (i >> 1) : broken.length - 1 - (i - 60) * 5
      broken[at] ^= 1 << (i % 8)
      await documents(readParquet(blob(broken), rows, never)).catch((error: unknown) => {
        expect(error).toMatchObject({
          name: 'OpenChatError',
          code: expect.stringMatching(/^(?:parquet_invalid|table_no_text|file_too_large|table_too_wide)$/),
        })
      })
    }
  })

  it('refuses a page that says it unpacks to gigabytes', async () => {
    // Thrift compact: field 1 type, field 2 uncompressed size as zigzag varint; five bytes say two gigabytes.
    const bytes = file(30)
    const header = [0x15, 0x00, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f]
    const broken = bytes.slice()
    broken.set(header, textPage(bytes))
    await expect(documents(readParquet(blob(broken), rows, never))).rejects.toMatchObject({ code: 'parquet_invalid' })
  })
})
