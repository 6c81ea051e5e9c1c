import { expect, test } from 'vitest'
import { readAttachment } from './attachment-file.ts'

const { signal } = new AbortController()
const pdfText = async (file: File) => `text of ${file.name}`
const read = (bytes: BlobPart, name: string, type = '') => readAttachment(new File([bytes], name, { type }), pdfText, signal)

test('a text is taken as it is, a PDF through the intake', async () => {
  expect(await read('  Blue.\n', 'notes.md')).toEqual({ name: 'notes.md', text: 'Blue.' })
  expect(await read('%PDF-', 'paper.PDF')).toEqual({ name: 'paper.PDF', text: 'text of paper.PDF' })
})

test('what is no text, holds none, or is too large is refused by name', async () => {
  await expect(read(new Uint8Array([0xff, 0xfe, 0x00]), 'a.bin')).rejects.toMatchObject({ code: 'attachment_binary' })
  await expect(read('a\0b', 'b.txt')).rejects.toMatchObject({ code: 'attachment_binary' })
  await expect(read(' \n', 'c.txt')).rejects.toMatchObject({ code: 'attachment_empty' })
  await expect(read(new Uint8Array(20_000_001), 'd.txt')).rejects.toMatchObject({ code: 'attachment_too_large' })
})
