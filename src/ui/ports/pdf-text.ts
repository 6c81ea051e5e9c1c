// The words of a PDF for an attachment, read in a worker that lives for one file.
import type { AttachmentWorker } from '../../workers/attachment-api.ts'
import { openWorker } from '../../workers/rpc.ts'

/** @throws pdf_encrypted, pdf_invalid, pdf_scanned, pdf_too_hard, file_too_large, cancelled */
export async function pdfText(file: File, signal: AbortSignal): Promise<string> {
  const { api, close } = openWorker<AttachmentWorker>(
    new Worker(new URL('../../workers/attachment.worker.ts', import.meta.url), { type: 'module' }),
  )
  try {
    return await api.pdfText(file, signal)
  } finally {
    close()
  }
}
