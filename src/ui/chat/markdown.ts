// Markdown of an answer into safe DOM, block by block (words/blocks.ts cuts). marked parses, DOMPurify cleans, both arrive
// with this module, which is loaded after the first paint.
// A model's words are hostile input: no scripts, styles, forms or frames, and nothing that loads by itself (an image
// address would tell a stranger what was asked, so an image is a link). What is put in after cleaning (buttons, colours,
// maths) is made by our own code from text, and maths are cleaned once more.
import createPurifier, { type DOMPurify } from 'dompurify'
import { Marked } from 'marked'
import { OpenChatError } from '../../errors.ts'
import { dress } from './words/dress.ts'
import { drawMaths, maths } from './words/maths.ts'

const ENTITY: Record<string, string> = { '&': '&#38;', '<': '&#60;', '>': '&#62;', '"': '&#34;' }
const asText = (text: string) => text.replace(/[&<>"]/g, (character) => ENTITY[character])

const marked = new Marked({
  gfm: true,
  breaks: false,
  renderer: {
    /** Tags that a model writes are shown as the words they are: some browsers judge the handlers in them already while parsing. */
    html: ({ text }) => asText(text),
    image: ({ href, text }) => `<a href="${asText(href)}">${asText(text.trim() === '' ? href : text)}</a>`,
    checkbox: ({ checked }) => `<span data-task="${checked}">${checked ? '☑' : '☐'}</span> `,
    code: ({ text, lang }) => `<pre><code data-language="${asText(/^\S*/.exec(lang ?? '')?.[0] ?? '')}">${asText(text)}\n</code></pre>`,
  },
})
marked.use(maths)
const FORBID_TAGS = [
  'img',
  'picture',
  'source',
  'video',
  'audio',
  'form',
  'input',
  'button',
  'textarea',
  'select',
  'style',
  'dialog',
  'mark',
]
const FORBID_ATTR = ['style', 'id', 'name', 'class', 'tabindex', 'popover']

/** Absolute addresses only: a relative one would be a control of this page in a stranger's words. */
const ADDRESS = /^(?:https?:\/\/|mailto:)/i

// One cleaner each, since reading a configuration takes longer than cleaning a paragraph.
const html = createPurifier(window)
html.setConfig({
  USE_PROFILES: { html: true },
  ADD_ATTR: ['data-language', 'data-maths', 'data-task'],
  FORBID_TAGS,
  FORBID_ATTR,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
})
html.addHook('afterSanitizeAttributes', (node) => {
  if (!ADDRESS.test(node.getAttribute('href') ?? '')) node.removeAttribute('href')
})
const mathml = createPurifier(window)
mathml.setConfig({
  USE_PROFILES: { mathMl: true },
  ADD_TAGS: ['semantics', 'annotation'],
  FORBID_TAGS,
  FORBID_ATTR: [...FORBID_ATTR, 'href', 'xlink:href'],
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
})

/** Top-level tokens of the source, for words/blocks.ts. */
export function lexed(source: string): { type: string; raw: string }[] {
  return marked.lexer(source)
}

export interface Drawn {
  content: DocumentFragment
  /** Settles when something that this block needs has arrived and it is worth drawing again. */
  waits: Promise<unknown> | null
}

/** @param settled nothing will be added to the block: its code may be coloured */
export function render(block: string, settled: boolean): Drawn {
  const content = cleaned(html, marked.parse(block, { async: false }))
  const formulas = drawMaths(content, (markup) => {
    const fragment = cleaned(mathml, markup)
    for (const annotation of fragment.querySelectorAll('annotation')) annotation.remove()
    return fragment
  })
  const colours = dress(content, settled)
  const waits = [formulas, colours].filter((wait) => wait !== null)
  return { content, waits: waits.length === 0 ? null : Promise.all(waits) }
}

function cleaned(purifier: DOMPurify, markup: string): DocumentFragment {
  // The types know the shape of the result only from a configuration given here.
  const fragment: unknown = purifier.sanitize(markup)
  if (fragment instanceof DocumentFragment) return fragment
  throw new OpenChatError('markdown_unclean', 'Cleaned words came back in another form than was asked for.', { action: 'Reload the page.' })
}
