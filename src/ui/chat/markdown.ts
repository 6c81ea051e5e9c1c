// Markdown of an answer into safe DOM, block by block, so that a streaming answer redraws only its last block. marked
// parses, DOMPurify cleans, both arrive with this module, which is loaded after the first paint.
// A model's words are hostile input: no scripts, styles, forms or frames, and nothing that loads by itself (an image
// address would tell a stranger what was asked).
import createPurifier from 'dompurify'
import { Marked } from 'marked'

/** Tags that a model writes are shown as the words they are: some browsers judge the handlers in them already while parsing. */
const asText = ({ text }: { text: string }) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
const marked = new Marked({ gfm: true, breaks: false, renderer: { html: asText } })
const purifier = createPurifier(window)

purifier.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank')
    node.setAttribute('rel', 'noopener noreferrer')
  }
  if (node.tagName === 'TABLE' || node.tagName === 'PRE') node.setAttribute('tabindex', '0')
})

/** Top-level blocks as sources of {@link render}, in order. */
export function blocksOf(source: string): string[] {
  const tokens = marked.lexer(source)
  // Reference links need their definitions at hand in every block.
  const definitions = tokens.filter((token) => token.type === 'def').map((token) => token.raw)
  return tokens
    .filter((token) => token.type !== 'space' && token.type !== 'def')
    .map((token) => token.raw + definitions.map((d) => `\n\n${d}`).join(''))
}

export function render(block: string): DocumentFragment {
  return purifier.sanitize(marked.parse(block, { async: false }), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: [
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
      'iframe',
      'dialog',
      'mark',
    ],
    FORBID_ATTR: ['style', 'id', 'name', 'class'],
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  })
}
