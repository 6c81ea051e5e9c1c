// A file as an attachment of a question: its text, as it is. PDF text comes from the parser of the intake, so that one reader of
// PDF serves the whole page. Nothing leaves the machine here.
import type { Attachment } from '../../../chat/attachment.ts'
import { OpenChatError } from '../../../errors.ts'
import type { Services } from '../../services.ts'

/** Far more than any context holds; what is larger is a mistake or an attack. */
const MOST_BYTES = 20_000_000

/** @throws attachment_too_large, attachment_binary, attachment_empty, and what the PDF reader throws */
export async function readAttachment(file: File, pdfText: Services['pdfText'], signal: AbortSignal): Promise<Attachment> {
  if (file.size > MOST_BYTES) {
    throw new OpenChatError('attachment_too_large', `${file.name} has ${file.size} bytes; at most ${MOST_BYTES} can be attached.`, {
      meta: { bytes: file.size, most: MOST_BYTES },
      action: 'Attach the part that the question is about.',
    })
  }
  const pdf = file.type === 'application/pdf' || /\.pdf$/i.test(file.name)
  const text = pdf ? await pdfText(file, signal) : plainText(file.name, new Uint8Array(await file.arrayBuffer()))
  if (text.trim() === '') {
    throw new OpenChatError('attachment_empty', `${file.name} holds no text.`, { action: 'Attach a file with words in it.' })
  }
  return { name: file.name, text: text.trim() }
}

function plainText(name: string, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Not UTF-8: said below, in words for people.
  }
  throw new OpenChatError('attachment_binary', `${name} is not a text.`, { action: 'Attach a text file or a PDF.' })
}
