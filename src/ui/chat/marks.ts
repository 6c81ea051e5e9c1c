// Marks of an answer (UTF-16 ranges of its raw text) carried through markdown into the DOM. Markdown moves and drops
// characters, so ranges are not mapped afterwards: each edge becomes one private-use character in the source, travels
// with the words, and is taken out again when the text nodes are wrapped. Nothing here parses markdown or sanitises.
// Invariants: the words shown are the words of the source; a mark never crosses a line, so never a block; private-use
// characters of the source itself are replaced first and can forge no edge.

export interface Mark {
  from: number
  to: number
  /** 0 is provisional (dotted); 1 to 3 are final, from faint to strong. */
  strength: 0 | 1 | 2 | 3
  /** Which paid span it shows; -1 while provisional. */
  span: number
}

const FIRST = 0xe000
/** Two characters a mark, inside U+E000–U+F8FF. */
const MOST_MARKS = 3000
const PRIVATE_USE = /[\uE000-\uF8FF]/g
/** Lines that are signs only: fences, rows that rule a table, rules. */
const SIGNS_ONLY = /^[ \t>]*(?:(?:`{3,}|~{3,}).*|\$\$|[-|:=*_ \t]+)$/
const BLOCK_MARKER = /^[ \t]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+|#{1,6}[ \t]+|>[ \t]?)+/

/** Bits above which a final mark is shown stronger: the lowest span of true quotations has 83 bits, the median 225. */
const STRONGER_BITS = [100, 225]

/** @param surprisal Σ −log2 p of the span, Q16.16 */
export function strengthOf(surprisal: bigint): 1 | 2 | 3 {
  const bits = Number(surprisal >> 16n)
  return bits < STRONGER_BITS[0] ? 1 : bits < STRONGER_BITS[1] ? 2 : 3
}

/**
 * The source with the edges of its marks written into it, and the marks by number of their edge pair.
 * Overlapping or empty marks are left out: the first of them stands.
 */
export function writeEdges(source: string, marks: Mark[]): { text: string; pieces: Mark[] } {
  const clean = source.replace(PRIVATE_USE, '\uFFFD')
  const pieces: Mark[] = []
  for (const piece of marks.flatMap((mark) => lines(clean, mark)).sort((a, b) => a.from - b.from)) {
    if (pieces.length < MOST_MARKS && piece.from >= (pieces.at(-1)?.to ?? 0)) pieces.push(piece)
  }
  let text = ''
  let at = 0
  pieces.forEach((piece, i) => {
    text += clean.slice(at, piece.from) + String.fromCharCode(FIRST + 2 * i)
    text += clean.slice(piece.from, piece.to) + String.fromCharCode(FIRST + 2 * i + 1)
    at = piece.to
  })
  return { text: text + clean.slice(at), pieces }
}

/** A mark as its parts on single lines, clear of list and heading markers, fences, table bars and blanks at their ends. */
function lines(text: string, mark: Mark): Mark[] {
  const parts: Mark[] = []
  let from = Math.max(0, mark.from)
  const end = Math.min(text.length, mark.to)
  while (from < end) {
    const newline = text.indexOf('\n', from)
    const to = newline === -1 || newline > end ? end : newline
    const lineStart = text.lastIndexOf('\n', from - 1) + 1
    const marker = lineStart + (BLOCK_MARKER.exec(text.slice(lineStart))?.[0].length ?? 0)
    const lineEnd = text.indexOf('\n', lineStart)
    if (!SIGNS_ONLY.test(text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd))) {
      parts.push(...cells(text, mark, Math.max(from, marker), to))
    }
    from = to + 1
  }
  return parts
}

/** The words between the bars of a table's row; a line without bars is one cell. An edge beside a bar would make a cell of its own. */
function cells(text: string, mark: Mark, from: number, to: number): Mark[] {
  const parts: Mark[] = []
  let start = from
  for (const words of text.slice(from, Math.max(from, to)).split('|')) {
    const lead = words.length - words.trimStart().length
    if (words.trim() !== '') parts.push({ ...mark, from: start + lead, to: start + words.trimEnd().length })
    start += words.length + 1
  }
  return parts
}

/** Drawn as one: a mark has all of it. */
const WHOLE = 'var[data-maths]'

/** Takes the edges out of every text node under `root` and puts a `<mark>` around what stood between them. */
export function wrapMarks(root: ParentNode & Node, pieces: Mark[], make: (mark: Mark, first: boolean) => HTMLElement): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) => {
    if (node.parentElement?.closest(WHOLE)) return NodeFilter.FILTER_REJECT
    return node instanceof Text || (node as Element).matches(WHOLE) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP
  })
  const nodes: (Text | Element)[] = []
  while (walker.nextNode()) nodes.push(walker.currentNode as Text | Element)
  const seen = new Set<number>()
  let current = -1
  const marked = (content: string | Element) => {
    const element = make(pieces[current], !seen.has(pieces[current].span))
    seen.add(pieces[current].span)
    element.append(content)
    return element
  }
  for (const node of nodes) {
    if (!(node instanceof Text)) {
      if (current === -1) continue
      const place = document.createComment('')
      node.replaceWith(place)
      place.replaceWith(marked(node))
      continue
    }
    const fragment = document.createDocumentFragment()
    for (const part of node.data.split(/([\uE000-\uF8FF])/)) {
      const edge = part.length === 1 ? part.charCodeAt(0) - FIRST : -1
      if (edge >= 0 && edge < 2 * pieces.length) current = edge % 2 === 0 ? edge / 2 : -1
      else if (part !== '' && current === -1) fragment.append(part)
      else if (part !== '') fragment.append(marked(part))
    }
    node.replaceWith(fragment)
  }
  for (const element of root.querySelectorAll('*')) {
    for (const attribute of element.attributes) {
      const clean = attribute.value.replace(PRIVATE_USE, '')
      if (clean !== attribute.value) attribute.value = clean
    }
  }
}
