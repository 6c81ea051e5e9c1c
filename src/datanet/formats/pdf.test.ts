import { describe, expect, it } from 'vitest'
import { documents, never, pdfOf } from './fixtures.testing.ts'
import { linesOf, paragraphsOf, readPdf, runningLines } from './pdf.ts'
import { nodePdfHost } from './pdf-on-node.testing.ts'

const prose = ['The first line of a paragraph that is long,', 'its second line with a bro-', 'ken word in it.', '', 'Another paragraph.']

describe('readPdf', () => {
  it('reads pages in order, mends broken words and joins lines', async () => {
    const [document, ...others] = await documents(
      readPdf(pdfOf([prose, ['Second page.']], { title: 'A Report', author: 'Ada' }), nodePdfHost, never),
    )
    expect(others).toEqual([])
    expect(document).toMatchObject({ title: 'A Report', author: 'Ada', year: 2019, label: '' })
    expect(document.text.trim()).toBe(
      'The first line of a paragraph that is long, its second line with a broken word in it.\n\nAnother paragraph.\n\nSecond page.',
    )
  })

  it('leaves out running heads and page numbers, and says so', async () => {
    const pages = Array.from({ length: 6 }, (_, i) => [
      'The Journal of Things',
      `Words of page ${'abcdef'[i]} alone`,
      'more words',
      String(i + 1),
    ])
    const [document] = await documents(readPdf(pdfOf(pages), nodePdfHost, never))
    expect(document.text).not.toMatch(/Journal|\d/)
    expect(document.text).toContain('Words of page d alone')
    expect(document.notes.join()).toContain('Running heads')
  })

  it('reads Japanese and Chinese through the predefined character maps that their fonts name', async () => {
    const written = [
      ['日本の海', 'UniJIS-UCS2-H', 'Japan1'],
      ['人民的海', 'UniGB-UCS2-H', 'GB1'],
    ] as const
    for (const [text, encoding, ordering] of written) {
      const [document] = await documents(readPdf(pdfOf([[text.repeat(8)]], { cjk: { encoding, ordering } }), nodePdfHost, never))
      expect(document.text.trim()).toBe(text.repeat(8))
    }
  })

  it('counts pages without text, and refuses a scan', async () => {
    const [document] = await documents(readPdf(pdfOf([prose, [], []]), nodePdfHost, never))
    expect(document.flags).toEqual([{ code: 'scanned_pages', sentence: '2 of 3 pages hold no text: pictures of pages are not read.' }])
    await expect(documents(readPdf(pdfOf([[], []]), nodePdfHost, never))).rejects.toMatchObject({ code: 'pdf_scanned', meta: { pages: 2 } })
  })

  it('refuses what is locked, damaged, or has too many pages', async () => {
    await expect(documents(readPdf(pdfOf([prose], { locked: true }), nodePdfHost, never))).rejects.toMatchObject({ code: 'pdf_encrypted' })
    await expect(documents(readPdf(new Blob(['%PDF-1.7\nnothing']), nodePdfHost, never))).rejects.toMatchObject({ code: 'pdf_invalid' })
    const many = pdfOf(Array.from({ length: 5001 }, () => ['x']))
    await expect(documents(readPdf(many, nodePdfHost, never))).rejects.toMatchObject({ code: 'pdf_too_hard' })
  })

  it('ends when a page takes too long', async () => {
    const bomb = pdfOf([prose], { paddingBytes: 30_000_000 })
    await expect(documents(readPdf(bomb, nodePdfHost, never, 1))).rejects.toMatchObject({ code: 'pdf_too_hard' })
  })

  it('stops when it is cancelled', async () => {
    const controller = new AbortController()
    const reader = readPdf(pdfOf([prose, prose]), nodePdfHost, controller.signal)
    await reader.next()
    controller.abort()
    await expect(documents(reader)).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('lines and paragraphs', () => {
  const item = (str: string, y: number, hasEOL = false) => ({ str, hasEOL, height: 10, transform: [10, 0, 0, 10, 0, y] })

  it('keeps the pieces of one line together and splits at paragraphs', () => {
    expect(linesOf([item('One ', 700), item('line', 700, true), item('next', 688), item('far', 650)])).toEqual([
      'One line',
      'next',
      '',
      'far',
    ])
  })

  it('joins only broken words, not compounds before a capital', () => {
    expect(paragraphsOf(['a bro-', 'ken word and Jean-', 'Paul'])).toBe('a broken word and Jean- Paul')
  })

  it('needs four pages before anything is running', () => {
    expect(
      runningLines([
        ['A', 'x', 'y'],
        ['A', 'p', 'q'],
      ]),
    ).toEqual(new Set())
  })
})
