// Files for the intake's tests, made in code: a PDF of given pages, a .zip of given files, and what goes through a reader.
// Not a PDF library: one font, no compression, no cross-reference streams.
import { zlibSync } from 'fflate'
import type { RawDocument, Reader, ReaderEvent } from './raw-document.ts'

const escapeText = (text: string): string => text.replace(/[\\()]/g, '\\$&')

export interface PdfShape {
  title?: string
  author?: string
  /** An encryption dictionary that the empty password does not open. */
  locked?: boolean
  /** A content stream of this many bytes on every page, packed. */
  paddingBytes?: number
  /** A font that is not in the file and names one of Adobe's character maps, for text in UCS-2. */
  cjk?: { encoding: string; ordering: string }
}

/** @param pages lines of each page; an empty line leaves room, as between paragraphs */
export function pdfOf(
  pages: readonly (readonly string[])[],
  { title, author, locked = false, paddingBytes = 0, cjk }: PdfShape = {},
): Blob {
  const objects: (string | [string, Uint8Array, string])[] = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${4 + 2 * i} 0 R`).join(' ')}] >>`,
    cjk
      ? `<< /Type /Font /Subtype /Type0 /BaseFont /Face /Encoding /${cjk.encoding} /DescendantFonts [<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Face /DW 1000 /CIDSystemInfo << /Registry (Adobe) /Ordering (${cjk.ordering}) /Supplement 2 >> /FontDescriptor << /Type /FontDescriptor /FontName /Face /Flags 4 /Ascent 880 /Descent -120 /CapHeight 880 /ItalicAngle 0 /StemV 90 /FontBBox [0 -120 1000 880] >> >>] >>`
      : '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  for (const [i, lines] of pages.entries()) {
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F 3 0 R >> >> /Contents ${5 + 2 * i} 0 R >>`)
    const drawn = lines.map((line) => (line === '' ? 'T*' : `${cjk ? ucs2(line) : `(${escapeText(line)})`} Tj T*`)).join('\n')
    const content = zlibSync(new TextEncoder().encode(`BT /F 10 Tf 12 TL 50 750 Td\n${drawn}\nET\n${' '.repeat(paddingBytes)}`))
    objects.push([`<< /Filter /FlateDecode /Length ${content.length} >>\nstream\n`, content, '\nendstream'])
  }
  objects.push(
    `<< ${title ? `/Title (${escapeText(title)})` : ''} ${author ? `/Author (${escapeText(author)})` : ''} /CreationDate (D:20190304120000) >>`,
  )
  const info = objects.length
  if (locked) objects.push(`<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <${'11'.repeat(32)}> /U <${'22'.repeat(32)}> >>`)
  const parts: (string | Uint8Array<ArrayBuffer>)[] = []
  const offsets: number[] = []
  let at = 0
  const put = (part: string | Uint8Array) => {
    const bytes = typeof part === 'string' ? Uint8Array.from(part, (character) => character.charCodeAt(0)) : Uint8Array.from(part)
    at += bytes.length
    parts.push(bytes)
  }
  put('%PDF-1.4\n')
  for (const [i, object] of objects.entries()) {
    offsets.push(at)
    put(`${i + 1} 0 obj\n`)
    for (const part of typeof object === 'string' ? [object] : object) put(part)
    put('\nendobj\n')
  }
  const xref = at
  put(
    `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')}`,
  )
  const encrypt = locked ? `/Encrypt ${objects.length} 0 R /ID [<00><00>]` : ''
  put(`trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info ${info} 0 R ${encrypt} >>\nstartxref\n${xref}\n%%EOF\n`)
  return new Blob(parts)
}

const ucs2 = (text: string): string => `<${Array.from(text, (letter) => letter.charCodeAt(0).toString(16).padStart(4, '0')).join('')}>`

export const never = new AbortController().signal

export async function events(reader: Reader): Promise<ReaderEvent[]> {
  const all: ReaderEvent[] = []
  for await (const event of reader) all.push(event)
  return all
}

export async function documents(reader: Reader): Promise<RawDocument[]> {
  return (await events(reader)).flatMap((event) => (event.type === 'document' ? [event.document] : []))
}

export const textBlob = (text: string): Blob => new Blob([text])
