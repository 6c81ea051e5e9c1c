// Markdown of an answer into safe DOM, block by block (words/blocks.ts cuts). marked parses, DOMPurify cleans, both arrive
// with this module, which is loaded after the first paint.
// A model's words are hostile input: no scripts, styles, forms or frames, and nothing that loads by itself (an image
// address would tell a stranger what was asked, so an image is a link). What is put in after cleaning (buttons, colours,
// maths) is made by our own code from text, and maths are cleaned once more.
import createPurifier from 'dompurify'
import { Marked } from 'marked'
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
const purifier = createPurifier(window)

/** Absolute addresses only: a relative one would be a control of this page in a stranger's words. */
const ADDRESS = /^(?:https?:\/\/|mailto:)/i
purifier.addHook('afterSanitizeAttributes', (node) => {
  if (!ADDRESS.test(node.getAttribute('href') ?? '')) node.removeAttribute('href')
})

const SAFE = {
  FORBID_TAGS: ['img', 'picture', 'source', 'video', 'audio', 'form', 'input', 'button', 'textarea', 'select', 'style', 'dialog', 'mark'],
  FORBID_ATTR: ['style', 'id', 'name', 'class', 'tabindex', 'popover'],
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
} as const

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
  const content = purifier.sanitize(marked.parse(block, { async: false }), {
    ...SAFE,
    USE_PROFILES: { html: true },
    ADD_ATTR: ['data-language', 'data-maths', 'data-task'],
    FORBID_TAGS: [...SAFE.FORBID_TAGS],
    FORBID_ATTR: [...SAFE.FORBID_ATTR],
  })
  const formulas = drawMaths(content, mathml)
  const colours = dress(content, settled)
  const waits = [formulas, colours].filter((wait) => wait !== null)
  return { content, waits: waits.length === 0 ? null : Promise.all(waits) }
}

function mathml(html: string): DocumentFragment {
  const fragment = purifier.sanitize(html, {
    ...SAFE,
    USE_PROFILES: { mathMl: true },
    ADD_TAGS: ['semantics', 'annotation'],
    FORBID_TAGS: [...SAFE.FORBID_TAGS],
    FORBID_ATTR: [...SAFE.FORBID_ATTR, 'href', 'xlink:href'],
  })
  for (const annotation of fragment.querySelectorAll('annotation')) annotation.remove()
  return fragment
}
