// The readable text of an HTML page: paragraphs, headings and list items in their order; scripts, styles, navigation, forms
// and what is hidden are left out. Nothing of the page is run or fetched. Not a guess at which block is the article.
// Source: htmlparser2's event parser, which keeps no tree and does not recurse.
import { Parser } from 'htmlparser2'
import { OpenChatError } from '../../errors.ts'
import { decodePieces, encodingNote, sniffEncoding, type TextPiece } from './decode.ts'
import { partsOf } from './plain.ts'
import { type RawDocument, type Reader, yearIn } from './raw-document.ts'

const LEFT_OUT = new Set(
  'script style noscript template nav form button select option textarea iframe object embed svg math canvas video audio dialog menu'.split(
    ' ',
  ),
)
const BLOCK = new Set(
  (
    'address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup ' +
    'hr li main ol p pre section summary table tbody td th thead tr ul'
  ).split(' '),
)
/** Elements that have no end tag. */
const VOID = new Set('area base br col embed hr img input link meta source track wbr'.split(' '))
/** Bytes up to which a page is one document. */
const WHOLE_BYTES = 4_000_000

/** htmlparser2 moves its whole stack at each tag: 200,000 open elements took it minutes. */
const DEEPEST = 2_000

/** Collects text while the parser runs; `take` empties it. */
class PageText {
  title: string | null = null
  author: string | null = null
  year: number | null = null
  #text = ''
  #line = ''
  /** How many open elements are left out, by depth of the outermost; 0 when none is. */
  #skipped = 0
  #skippedName = ''
  #pre = 0
  #inTitle = false
  #depth = 0
  readonly #parser = new Parser(
    {
      onopentag: (name, attributes) => this.#open(name, attributes),
      ontext: (text) => this.#say(text),
      onclosetag: (name) => this.#close(name),
    },
    { decodeEntities: true, lowerCaseTags: true },
  )

  write(html: string): void {
    this.#parser.write(html)
  }

  end(): void {
    this.#parser.end()
    this.#break()
  }

  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  #open(name: string, attributes: Record<string, string>): void {
    if (!VOID.has(name) && ++this.#depth > DEEPEST) {
      throw new OpenChatError('html_too_deep', `The page has elements nested more than ${DEEPEST} deep.`, {
        meta: { limit: DEEPEST },
        action: 'Save its text as a text file, and bring that.',
      })
    }
    if (this.#skipped > 0) {
      if (name === this.#skippedName) this.#skipped++
      return
    }
    const hidden = 'hidden' in attributes || attributes['aria-hidden'] === 'true' || /display:\s*none/i.test(attributes.style ?? '')
    const role = /^(?:navigation|banner|search|menu|dialog)$/.test(attributes.role ?? '')
    if ((LEFT_OUT.has(name) || hidden || role) && !VOID.has(name) && name !== 'body' && name !== 'html') {
      this.#skipped = 1
      this.#skippedName = name
      return
    }
    if (name === 'title') this.#inTitle = this.title === null
    else if (name === 'meta') this.#meta(attributes)
    else if (name === 'br') this.#line += '\n'
    else if (BLOCK.has(name)) this.#break()
    if (name === 'li') this.#line = '- '
    if (name === 'pre') this.#pre++
  }

  #close(name: string): void {
    if (!VOID.has(name)) this.#depth--
    if (this.#skipped > 0) {
      if (name === this.#skippedName) this.#skipped--
      return
    }
    if (name === 'title') this.#inTitle = false
    if (BLOCK.has(name)) this.#break()
    if (name === 'pre') this.#pre = Math.max(0, this.#pre - 1)
  }

  #say(text: string): void {
    if (this.#skipped > 0) return
    if (this.#inTitle) this.title = `${this.title ?? ''}${text}`
    else this.#line += this.#pre > 0 ? text : text.replace(/[ \t\r\n\f]+/g, ' ')
  }

  #break(): void {
    const line =
      this.#pre > 0
        ? this.#line
        : this.#line
            .replace(/ *\n */g, '\n')
            .replace(/ {2,}/g, ' ')
            .trim()
    this.#line = ''
    if (line.trim() !== '' && line !== '-') this.#text += `${line}\n${line.startsWith('- ') ? '' : '\n'}`
  }

  #meta({ name = '', property = '', content = '' }: Record<string, string>): void {
    if (/^(?:author|article:author|dc\.creator)$/i.test(name || property) && !content.startsWith('http'))
      this.author ??= content.trim() || null
    if (/^(?:date|dc\.date|article:published_time)$/i.test(name || property)) this.year ??= yearIn(content)
  }
}

/** @throws html_too_deep, contribution_empty, contribution_binary */
export async function* readHtml(blob: Blob, signal: AbortSignal): Reader {
  const encoding = await sniffEncoding(blob)
  const note = encodingNote(encoding)
  const page = new PageText()
  async function* pieces(): AsyncGenerator<TextPiece> {
    for await (const { text, doneBytes } of decodePieces(blob, encoding, signal)) {
      page.write(text)
      yield { text: page.take(), doneBytes }
    }
    page.end()
    yield { text: page.take(), doneBytes: blob.size }
  }
  const notes = ['Only the readable text of the page was kept.', ...(note === null ? [] : [note])]
  for await (const event of partsOf(pieces(), blob.size <= WHOLE_BYTES, { notes })) {
    if (event.type === 'document') Object.assign(event.document, factsOf(page))
    yield event
  }
}

function factsOf({ title, author, year }: PageText): Pick<RawDocument, 'title' | 'author' | 'year'> {
  return { title: title?.replace(/\s+/g, ' ').trim() || null, author, year }
}
