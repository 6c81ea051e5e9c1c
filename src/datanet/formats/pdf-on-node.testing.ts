// What PDF.js 6 expects of a platform and Node 20 does not have yet; every browser with WebGPU has it. To be imported before
// formats/pdf.ts; to be deleted with Node 20.
import { fileURLToPath } from 'node:url'
import type { PdfHost } from './pdf.ts'

if (!('withResolvers' in Promise)) {
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    value<T>(this: PromiseConstructor) {
      const parts: { resolve?: (value: T) => void; reject?: (reason: unknown) => void } = {}
      const promise = new this<T>((resolve, reject) => Object.assign(parts, { resolve, reject }))
      return { promise, ...parts }
    },
  })
}

/** In this thread, with the maps of the package. */
export const nodePdfHost: PdfHost = {
  thread: null,
  characterMaps: fileURLToPath(new URL('../../../node_modules/pdfjs-dist/cmaps/', import.meta.url)),
}
