// Maths in markdown: `$…$`, `\(…\)`, `$$…$$` and `\[…\]`, drawn as MathML by KaTeX, which is loaded with the first formula.
// Until then, and where KaTeX refuses, the source stands there as it was written. MathML, because KaTeX's HTML needs inline
// styles, which the page's policy forbids. Sums of money ("$5 or $6") are not maths.
import type { MarkedExtension, Tokens } from 'marked'

/** Longest formula that is drawn, in characters; a longer one stays source. */
const LONGEST = 4000
const EDGE = /[\uE000-\uF8FF]/g
const INLINE = /^(?:\$\$([^$\n]+?)\$\$|\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?![\d$])|\\\(([^\n]+?)\\\)|\\\[([^\n]+?)\\\])/
const BLOCK = /^ {0,3}(?:\$\$((?:(?!\n[ \t]*\n)[^$])+?)\$\$|\\\[((?:(?!\n[ \t]*\n)[\s\S])+?)\\\])[ \t]*(?:\n+|$)/
const MONEY = /^[\d.,]+(?:\s|$)/

const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)

/** `<var data-maths>` with the source. A formula is marked whole or not at all, so edges of marks stand beside it. */
function source({ text, display }: Tokens.Generic): string {
  const shown = display === true ? 'block' : 'inline'
  const { before, after } = edgesBeside(String(text).match(EDGE) ?? [])
  return `${before}<var data-maths="${shown}">${escaped(String(text).replace(EDGE, ''))}</var>${after}`
}

/**
 * Edges that stood inside a formula, moved beside it so that the first mark that touches it has all of it, and one that begins
 * inside and goes on has what follows. Even characters open a mark, the odd one after each closes it (marks.ts).
 */
export function edgesBeside(edges: readonly string[]): { before: string; after: string } {
  const [first] = edges
  if (first === undefined) return { before: '', after: '' }
  const opens = (edge: string) => edge.charCodeAt(0) % 2 === 0
  const closes = opens(first) ? String.fromCharCode(first.charCodeAt(0) + 1) : first
  const last = edges.at(-1)!
  const next = opens(last) && last !== first ? last : ''
  return { before: opens(first) ? first : '', after: `${edges.includes(closes) ? closes : ''}${next}` }
}

export const maths: MarkedExtension = {
  extensions: [
    {
      name: 'maths_block',
      level: 'block',
      start: (src) => /^ {0,3}(?:\$\$|\\\[)/m.exec(src)?.index,
      tokenizer(src) {
        const found = BLOCK.exec(src)
        if (found === null) return undefined
        return { type: 'maths_block', raw: found[0], text: (found[1] ?? found[2]).trim(), display: true }
      },
      renderer: (token) => `<p>${source(token)}</p>`,
    },
    {
      name: 'maths_inline',
      level: 'inline',
      start: (src) => /\$|\\[([]/.exec(src)?.index,
      tokenizer(src) {
        const found = INLINE.exec(src)
        if (found === null) return undefined
        const [raw, double, single, round, square] = found
        if (single !== undefined && MONEY.test(single)) return undefined
        const display = double !== undefined || square !== undefined
        return { type: 'maths_inline', raw, text: (double ?? single ?? round ?? square).trim(), display }
      },
      renderer: source,
    },
  ],
}

let katex: typeof import('katex').default | undefined
let coming: Promise<unknown> | undefined

/** Draws every formula under `root`, if KaTeX is here. @returns a promise of its coming, or null when nothing waits. */
export function drawMaths(root: ParentNode, clean: (html: string) => DocumentFragment): Promise<unknown> | null {
  const formulas = root.querySelectorAll<HTMLElement>('var[data-maths]')
  if (formulas.length === 0) return null
  if (katex === undefined) {
    coming ??= import('katex').then((module) => (katex = module.default))
    return coming
  }
  for (const formula of formulas) {
    const tex = formula.textContent ?? ''
    if (tex.length > LONGEST) continue
    try {
      const html = katex.renderToString(tex, {
        output: 'mathml',
        displayMode: formula.dataset.maths === 'block',
        throwOnError: true,
        trust: false,
        strict: 'ignore',
        maxExpand: 200,
        maxSize: 20,
      })
      formula.replaceChildren(clean(html))
      formula.dataset.drawn = ''
    } catch (thrown) {
      // Half a formula while it streams, or none at all: its source is the honest thing to show.
      formula.title = thrown instanceof Error ? thrown.message.replace(EDGE, '') : ''
    }
  }
  return null
}
