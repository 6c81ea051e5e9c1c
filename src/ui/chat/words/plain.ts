// The words of a drawn answer as plain text: what a letter or a mail wants. Blocks are lines apart, cells are tabs apart,
// items have their sign; buttons and labels of the page are left out. Markdown needs no such thing: it is the source.

/** @param root an element that markdown.ts drew */
export function plainText(root: Element): string {
  const blocks = [...root.children].map((child) => blockText(child)).filter((text) => text !== '')
  return blocks.join('\n\n')
}

function blockText(block: Element): string {
  if (block.matches('.bar, button')) return ''
  if (block.matches('pre')) return block.textContent?.replace(/\n$/, '') ?? ''
  if (block.matches('table')) {
    return [...block.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => inline(cell)).join('\t')).join('\n')
  }
  if (block.matches('ul, ol')) return listText(block, '')
  if (block.matches('hr')) return '---'
  if ([...block.children].some((child) => child.matches('p, ul, ol, pre, table, div, blockquote'))) return plainText(block)
  return inline(block)
}

function listText(list: Element, indent: string): string {
  const first = list instanceof HTMLOListElement ? list.start : 1
  return [...list.children]
    .map((item, i) => {
      const inner = [...item.querySelectorAll(':scope > ul, :scope > ol')]
      const own = item.cloneNode(true) as Element
      for (const nested of own.querySelectorAll('ul, ol')) nested.remove()
      const sign = list.matches('ol') ? `${first + i}.` : '-'
      return [`${indent}${sign} ${inline(own)}`, ...inner.map((nested) => listText(nested, `${indent}  `))].join('\n')
    })
    .join('\n')
}

function inline(element: Element): string {
  return (element.textContent ?? '').replace(/[ \t]*\n[ \t]*/g, ' ').trim()
}
