// What clean markdown still needs to be used: links that open safely and say where they lead, tables and code that scroll
// inside themselves, a button that copies, colours, the direction of each block's writing. It adds and never judges: the
// cleaning is markdown.ts's. Everything here is made with DOM calls from text, so nothing can be smuggled in.
import { strings } from '../../strings.ts'
import { highlighted } from './highlight.ts'

const EDGE = /[\uE000-\uF8FF]/g

/** @returns a promise when a grammar is on its way and the block is worth drawing again, else null */
export function dress(content: DocumentFragment, settled: boolean): Promise<unknown> | null {
  for (const link of content.querySelectorAll('a')) {
    const address = link.getAttribute('href')?.replace(EDGE, '')
    if (address === undefined) continue
    link.target = '_blank'
    link.rel = 'noopener noreferrer'
    link.title = address
  }
  for (const block of content.querySelectorAll<HTMLElement>('p, h1, h2, h3, h4, h5, h6, li, blockquote, td, th')) block.dir = 'auto'
  for (const table of content.querySelectorAll('table')) {
    const scroller = region('table', strings.words.table)
    table.replaceWith(scroller)
    scroller.append(table)
  }
  for (const task of content.querySelectorAll<HTMLElement>('[data-task]')) {
    task.setAttribute('role', 'img')
    task.setAttribute('aria-label', task.dataset.task === 'true' ? strings.words.done : strings.words.open)
    task.closest('li')?.classList.add('task')
  }
  const waits = [...content.querySelectorAll('pre')].map((pre) => dressCode(pre, settled)).filter((wait) => wait !== null)
  return waits.length === 0 ? null : Promise.all(waits)
}

function region(kind: string, name: string): HTMLElement {
  const scroller = document.createElement('div')
  scroller.className = `scroll ${kind}`
  scroller.tabIndex = 0
  scroller.setAttribute('role', 'region')
  scroller.setAttribute('aria-label', name)
  return scroller
}

function dressCode(pre: HTMLPreElement, settled: boolean): Promise<unknown> | null {
  const code = pre.querySelector('code')
  if (code === null) return null
  const language = code.dataset.language?.replace(EDGE, '') ?? ''
  const box = document.createElement('div')
  box.className = 'code'
  const bar = document.createElement('div')
  bar.className = 'bar'
  const name = document.createElement('span')
  name.textContent = language
  const copy = document.createElement('button')
  copy.type = 'button'
  copy.className = 'quiet'
  copy.dataset.copy = ''
  copy.textContent = strings.log.copy
  copy.setAttribute('aria-label', strings.words.copyCode)
  bar.append(name, copy)
  const scroller = region('source', strings.words.code(language))
  pre.replaceWith(box)
  pre.dir = 'ltr'
  scroller.append(pre)
  box.append(bar, scroller)
  if (!settled || language === '') return null

  const { clean, edges } = withoutEdges(code.textContent ?? '')
  const coloured = highlighted(clean, language)
  if (coloured === null || coloured instanceof Promise) return coloured
  code.replaceChildren(spans(coloured))
  putEdges(code, edges)
  return null
}

/** Markup of highlight.js (text and nested spans with classes) as nodes; anything else in it would be left out. */
function spans(markup: string): DocumentFragment {
  const parsed = new DOMParser().parseFromString(markup, 'text/html').body
  const copy = (from: Node, to: Node) => {
    for (const node of from.childNodes) {
      if (node instanceof Text) to.appendChild(document.createTextNode(node.data))
      else if (node instanceof HTMLSpanElement) {
        const span = document.createElement('span')
        span.className = node.className
        copy(node, span)
        to.appendChild(span)
      }
    }
  }
  const fragment = document.createDocumentFragment()
  copy(parsed, fragment)
  return fragment
}

interface Edge {
  at: number
  character: string
}

function withoutEdges(text: string): { clean: string; edges: Edge[] } {
  const edges: Edge[] = []
  const clean = text.replace(EDGE, (character, offset: number) => {
    edges.push({ at: offset - edges.length, character })
    return ''
  })
  return { clean, edges }
}

/** Sets edges of marks back at their offsets in the text under `root`. */
function putEdges(root: Node, edges: Edge[]): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  let passed = 0
  let next = 0
  while (next < edges.length && walker.nextNode()) {
    const node = walker.currentNode as Text
    const length = node.data.length
    let added = 0
    while (next < edges.length && edges[next].at <= passed + length) {
      node.insertData(edges[next].at - passed + added, edges[next].character)
      added++
      next++
    }
    passed += length
  }
}
