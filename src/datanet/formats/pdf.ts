// The text of a PDF in reading order, page by page: lines joined, words that were broken at a line's end mended, running heads
// and page numbers left out. Pages without text (scans) are counted and said. No picture is decoded, no script is run.
// Runs without a DOM. In a browser PDF.js works in a thread of its own, which is ended when a page takes too long; where no
// thread is given (Node) it works in this one, and only the limits between pages hold.
// Source: PDF.js, whose text items come in the order in which the file paints them.
import { getDocument, type PDFDocumentProxy, PDFWorker } from 'pdfjs-dist/legacy/build/pdf.mjs'
import { OpenChatError } from '../../errors.ts'
import { tooLarge } from './json.ts'
import { documentOf, PART_CHARACTERS, type RawDocument, type Reader, yearIn } from './raw-document.ts'

const LARGEST_PDF = 256 * 2 ** 20
const MOST_PAGES = 5_000
const MOST_ITEMS = 200_000
export const PAGE_MS = 20_000
/** Characters below which a page holds no text to speak of. */
const SCANNED_BELOW = 16

/** Where a PDF is read. */
export interface PdfHost {
  /** A PDF.js worker to work in, or null for this thread; whoever gave it ends it. */
  thread: Worker | null
  /**
   * The folder of Adobe's predefined character maps (`pdfjs-dist/cmaps`), as a URL, or as a path in Node, with its slash: without
   * them Chinese, Japanese and Korean PDFs that name one read as pages without text.
   */
  characterMaps: string
}

interface Item {
  str: string
  hasEOL: boolean
  height: number
  transform: number[]
}

function tooHard(what: string): OpenChatError {
  return new OpenChatError('pdf_too_hard', `The PDF ${what}.`, { meta: { what }, action: 'Save its text as a text file, and bring that.' })
}

/** Ends in `pdf_too_hard` when `work` takes longer than a page may. */
async function inTime<T>(work: Promise<T>, what: string, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooHard(what)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

async function open(blob: Blob, { thread, characterMaps }: PdfHost, ms: number): Promise<PDFDocumentProxy> {
  if (blob.size > LARGEST_PDF) throw tooLarge(blob.size, LARGEST_PDF, 'Split it, or bring its text.')
  const data = new Uint8Array(await blob.arrayBuffer())
  const task = getDocument({
    data,
    ...(thread === null ? {} : { worker: PDFWorker.create({ port: thread }) }),
    cMapUrl: characterMaps,
    disableFontFace: true,
    useSystemFonts: false,
    useWorkerFetch: thread !== null,
    useWasm: false,
    enableXfa: false,
    maxImageSize: 0,
    stopAtErrors: false,
    verbosity: 0,
  })
  try {
    return await inTime(task.promise, 'could not be opened in time', ms)
  } catch (cause) {
    if (cause instanceof OpenChatError) throw cause
    const name = cause instanceof Error ? cause.name : ''
    if (name === 'PasswordException') {
      throw new OpenChatError('pdf_encrypted', 'The PDF is locked with a password.', {
        cause,
        action: 'Save it without a password, and bring it again.',
      })
    }
    throw new OpenChatError('pdf_invalid', 'The PDF is damaged: it could not be opened.', {
      cause,
      action: 'Save it again from the program that shows it.',
    })
  }
}

/** Lines of a page; an empty line where the distance says that a paragraph ended. */
export function linesOf(items: readonly Item[]): string[] {
  const lines: string[] = []
  let line = ''
  let lastY: number | null = null
  let height = 0
  const close = () => {
    if (line.trim() !== '') lines.push(line.replace(/\s+/g, ' ').trim())
    line = ''
  }
  for (const { str, hasEOL, height: tall, transform } of items) {
    const y = transform[5] ?? 0
    if (str.trim() !== '') {
      if (lastY !== null && Math.abs(y - lastY) > 0.6 * Math.max(height, tall, 1)) {
        close()
        if (Math.abs(y - lastY) > 1.9 * Math.max(height, tall, 1) && lines.length > 0) lines.push('')
      }
      lastY = y
      height = tall
    }
    line += str
    if (hasEOL) close()
  }
  close()
  return lines
}

/** Lines as running text: broken words mended, lines of a paragraph joined. */
export function paragraphsOf(lines: readonly string[]): string {
  return lines
    .join('\n')
    .replace(/(\p{L})[-\u00ad\u2010]\n(?=\p{Ll})/gu, '$1')
    .replace(/([^\n])\n(?=[^\n])/g, '$1 ')
    .replace(/\n{2,}/g, '\n\n')
}

/** First and last lines that most pages share, digits aside. */
export function runningLines(pages: readonly string[][]): Set<string> {
  const counts = new Map<string, number>()
  const full = pages.filter((lines) => lines.length > 2)
  for (const lines of full) for (const line of edges(lines)) counts.set(line, (counts.get(line) ?? 0) + 1)
  return new Set([...counts].filter(([, count]) => full.length >= 4 && count > full.length / 2).map(([line]) => line))
}

const shape = (line: string): string => line.replace(/\d+/g, '#')
const edges = (lines: readonly string[]): Set<string> =>
  new Set([...lines.slice(0, 2), ...lines.slice(-2)].filter((line) => line !== '').map(shape))

function withoutRunning(lines: readonly string[], running: ReadonlySet<string>): string[] {
  return lines.filter((line, i) => !((i < 2 || i >= lines.length - 2) && line !== '' && running.has(shape(line))))
}

async function factsOf(pdf: PDFDocumentProxy): Promise<Pick<RawDocument, 'title' | 'author' | 'year'>> {
  const info = (await pdf.getMetadata().catch(() => null))?.info as Record<string, unknown> | undefined
  const text = (key: string) => (typeof info?.[key] === 'string' && info[key].trim() !== '' ? info[key].trim() : null)
  const title = text('Title')
  // Printers leave the name of the file or of their program as a title.
  return {
    title: title !== null && !/\.\w{2,4}$|^(?:untitled|microsoft word)/i.test(title) ? title : null,
    author: text('Author'),
    year: yearIn(text('CreationDate')?.slice(2, 6)),
  }
}

/**
 * @throws pdf_encrypted, pdf_invalid, pdf_scanned, pdf_too_hard, file_too_large
 */
export async function* readPdf(blob: Blob, host: PdfHost, signal: AbortSignal, pageMs = PAGE_MS): Reader {
  const pdf = await open(blob, host, pageMs)
  try {
    if (pdf.numPages > MOST_PAGES) throw tooHard(`has ${pdf.numPages} pages; ${MOST_PAGES} can be read`)
    const facts = await factsOf(pdf)
    let pages: { lines: string[] }[] = []
    let characters = 0
    let first = 1
    let empty = 0
    let part = 0
    const flush = (last: boolean, to: number): RawDocument => {
      part++
      const running = runningLines(pages.map(({ lines }) => lines))
      const text = paragraphsOf(pages.flatMap(({ lines }) => [...withoutRunning(lines, running), '']))
      const notes = [
        'Lines of the PDF were joined to paragraphs.',
        ...(running.size > 0 ? ['Running heads and page numbers were left out.'] : []),
      ]
      const document = documentOf(text, { ...facts, label: last && part === 1 ? '' : `pages ${first}–${to}`, notes })
      if (empty > 0) {
        const sentence = `${empty} of ${to} pages hold no text: pictures of pages are not read.`
        document.flags.push({ code: 'scanned_pages', sentence })
      }
      pages = []
      characters = 0
      first = to + 1
      return document
    }
    for (let number = 1; number <= pdf.numPages; number++) {
      signal.throwIfAborted()
      const lines = await inTime(pageLines(pdf, number), `takes too long at page ${number}`, pageMs)
      const size = lines.reduce((sum, line) => sum + line.length, 0)
      if (size < SCANNED_BELOW) empty++
      pages.push({ lines })
      characters += size
      if (characters > PART_CHARACTERS) yield { type: 'document', document: flush(false, number) }
      yield { type: 'at', doneBytes: Math.round((blob.size * number) / pdf.numPages) }
    }
    if (empty === pdf.numPages) {
      throw new OpenChatError('pdf_scanned', `None of the ${pdf.numPages} pages holds text: they are pictures.`, {
        meta: { pages: pdf.numPages },
        action: 'Run it through text recognition (OCR) first.',
      })
    }
    if (characters > 0) yield { type: 'document', document: flush(true, pdf.numPages) }
  } finally {
    // A thread that is stuck never answers; whoever gave the port ends it.
    void pdf.loadingTask.destroy().catch(() => undefined)
  }
}

async function pageLines(pdf: PDFDocumentProxy, number: number): Promise<string[]> {
  const page = await pdf.getPage(number).catch(() => null)
  if (page === null) return []
  const { items } = await page.getTextContent({ includeMarkedContent: false })
  if (items.length > MOST_ITEMS) throw tooHard(`has ${items.length} pieces of text on page ${number}; ${MOST_ITEMS} can be read`)
  page.cleanup()
  return linesOf(items.filter((item): item is (typeof items)[number] & Item => 'str' in item))
}
