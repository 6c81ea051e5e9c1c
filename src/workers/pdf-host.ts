// Where a PDF is read in a browser: a thread of PDF.js's own, which can be ended, and the character maps that the build lays
// beside the workers (vite.config.ts).
import type { PdfHost } from '../datanet/formats/pdf.ts'

export function pdfHost(): PdfHost {
  return {
    thread: new Worker(new URL('./pdf.worker.ts', import.meta.url), { type: 'module' }),
    characterMaps: new URL('cmaps/', self.location.href).href,
  }
}
