// A file of any kind as documents: the reader that fits what the file is. The heavy readers are loaded when a file needs them.
import type { IntakeFormat } from '../intake-types.ts'
import { readCsv } from './csv.ts'
import { readHtml } from './html.ts'
import { readJson, readJsonLines } from './json.ts'
import type { PdfHost } from './pdf.ts'
import { readPlain } from './plain.ts'
import type { Reader } from './raw-document.ts'

export interface ReadOptions {
  textField: string | undefined
  rows: 'auto' | 'each' | 'grouped'
  /** Its thread is ended after the file. */
  pdfHost(): PdfHost
}

/** @throws what the format's reader throws */
export async function* readDocuments(blob: Blob, format: Exclude<IntakeFormat, 'zip'>, options: ReadOptions, signal: AbortSignal): Reader {
  switch (format) {
    case 'text':
    case 'markdown':
      return yield* readPlain(blob, format, signal)
    case 'html':
      return yield* readHtml(blob, signal)
    case 'jsonl':
      return yield* readJsonLines(blob, options, signal)
    case 'json':
      return yield* readJson(blob, options, signal)
    case 'csv':
      return yield* readCsv(blob, options, signal)
    case 'parquet': {
      const { readParquet } = await import('./parquet.ts')
      return yield* readParquet(blob, options, signal)
    }
    case 'pdf': {
      const { readPdf } = await import('./pdf.ts')
      const host = options.pdfHost()
      try {
        return yield* readPdf(blob, host, signal)
      } finally {
        host.thread?.terminate()
      }
    }
  }
}
