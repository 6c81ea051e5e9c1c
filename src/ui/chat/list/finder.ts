// Places of words in what is drawn: ranges over the text nodes of the messages, also where a mark or emphasis stands between
// them. It changes no node, so marks, selection and streaming are left alone; the browser paints the ranges by itself
// (CSS Custom Highlight API). Buttons and labels of the page are no words of the conversation.
import { folded } from './search.ts'

const WORDS = '.answer-text, .user'
const BLOCK = 'p, li, td, th, pre, h1, h2, h3, h4, h5, h6, blockquote, summary, article'
const NOT_WORDS = '.bar, button, .unseen'
/** More would be counted, not read. */
const MOST = 2000

export function placesOf(root: ParentNode, query: string): Range[] {
  const sought = folded(query).trim()
  if (sought === '') return []
  const ranges: Range[] = []
  for (const message of root.querySelectorAll(WORDS)) {
    const { nodes, text } = words(message)
    for (let at = text.indexOf(sought); at >= 0 && ranges.length < MOST; at = text.indexOf(sought, at + sought.length)) {
      ranges.push(rangeAt(nodes, at, at + sought.length))
    }
  }
  return ranges
}

interface Piece {
  node: Text
  from: number
}

function words(message: Element): { nodes: Piece[]; text: string } {
  const walker = document.createTreeWalker(message, NodeFilter.SHOW_TEXT)
  const nodes: Piece[] = []
  let text = ''
  let block: Element | null = null
  while (walker.nextNode()) {
    const node = walker.currentNode as Text
    const parent = node.parentElement
    if (parent === null || parent.closest(NOT_WORDS)) continue
    const own = parent.closest(BLOCK)
    // Words of two blocks are not one phrase.
    if (block !== null && own !== block) text += '\n'
    block = own
    nodes.push({ node, from: text.length })
    text += folded(node.data)
  }
  return { nodes, text }
}

function rangeAt(nodes: Piece[], from: number, to: number): Range {
  const range = new Range()
  const [first, last] = [pieceAt(nodes, from), pieceAt(nodes, to - 1)]
  range.setStart(first.node, Math.min(from - first.from, first.node.length))
  range.setEnd(last.node, Math.min(to - last.from, last.node.length))
  return range
}

function pieceAt(nodes: Piece[], at: number): Piece {
  let [low, high] = [0, nodes.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (nodes[middle].from <= at) low = middle
    else high = middle - 1
  }
  return nodes[low]
}
