// The attachment worker: reads a PDF for a question with the reader that the intake has. Opened for one file and closed after
// it, PDF.js' own thread with it, so that a file that is stuck costs nothing further.
import { readPdf } from '../datanet/formats/pdf.ts'
import type { AttachmentWorker } from './attachment-api.ts'
import { pdfHost } from './pdf-host.ts'
import { expose } from './rpc.ts'

const worker: AttachmentWorker = {
  async pdfText(file, signal) {
    const host = pdfHost()
    try {
      const parts: string[] = []
      for await (const event of readPdf(file, host, signal)) if (event.type === 'document') parts.push(event.document.text)
      return parts.join('\n\n')
    } finally {
      host.thread?.terminate()
    }
  },
}

expose(worker)
