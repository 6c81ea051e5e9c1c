import fc from 'fast-check'
import { Marked } from 'marked'
import { describe, expect, test } from 'vitest'
import { type Mark, strengthOf, writeEdges } from './marks.ts'

const mark = (from: number, to: number): Mark => ({ from, to, strength: 1, span: 0 })
const EDGE = /[\uE000-\uF8FF]/g
const visible = (text: string) => text.replace(/[\uE000-\uF8FF]/g, (c) => ((c.charCodeAt(0) - 0xe000) % 2 === 0 ? '⟦' : '⟧'))
const edges = (source: string, ...marks: Mark[]) => visible(writeEdges(source, marks).text)

describe('edges of marks in markdown source', () => {
  test('stand around the words, off the blanks', () => {
    expect(edges('say We have always looked to it now', mark(3, 31))).toBe('say ⟦We have always looked to it⟧ now')
  })

  test('leave list, quote and heading markers alone, so blocks stay blocks', () => {
    const source = '# The navy\n\n- first line\n- second line\n\n> quoted words\n\n1. one'
    const marked = edges(source, mark(0, source.length))
    expect(marked).toBe('# ⟦The navy⟧\n\n- ⟦first line⟧\n- ⟦second line⟧\n\n> ⟦quoted words⟧\n\n1. ⟦one⟧')
    const html = (text: string) => new Marked().parse(text, { async: false })
    expect(html(writeEdges(source, [mark(0, source.length)]).text).replace(EDGE, '')).toBe(html(source))
  })

  test('leave fences and the bars of tables alone, so that code stays code and cells stay cells', () => {
    const source = '| Year | Ship |\n| ---- | :--: |\n| 1915 | 48 |\n\n```ts\nconst a = 1\n```\n\n---\n\n~~~\nb\n~~~'
    expect(edges(source, mark(0, source.length))).toBe(
      '| ⟦Year⟧ | ⟦Ship⟧ |\n| ---- | :--: |\n| ⟦1915⟧ | ⟦48⟧ |\n\n```ts\n⟦const a = 1⟧\n```\n\n---\n\n~~~\n⟦b⟧\n~~~',
    )
    const html = (text: string) => new Marked().parse(text, { async: false })
    expect(html(writeEdges(source, [mark(0, source.length)]).text).replace(EDGE, '')).toBe(html(source))
  })

  test('cannot be forged by the text itself', () => {
    expect(writeEdges('a \uE000b\uE001 c', []).text).toBe('a \uFFFDb\uFFFD c')
  })

  test('of overlapping marks the first stands; ranges beyond the text are cut', () => {
    expect(edges('one two three', mark(0, 7), mark(4, 13))).toBe('⟦one two⟧ three')
    expect(edges('one', mark(-4, 99))).toBe('⟦one⟧')
  })

  test('taking the edges out gives the source back, and edges come in pairs, for any text and any ranges', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', ' ', '\n', '- ', '**', '# ', '>', '1. ', '`', '\uE005', 'é', '😀'), { maxLength: 40 })
    fc.assert(
      fc.property(
        text,
        fc.array(fc.tuple(fc.integer({ min: -3, max: 60 }), fc.integer({ min: -3, max: 60 })), { maxLength: 6 }),
        (parts, ranges) => {
          const source = parts.join('')
          const { text: written, pieces } = writeEdges(
            source,
            ranges.map(([a, b]) => mark(a, b)),
          )
          expect(written.replace(EDGE, '')).toBe(source.replace(EDGE, '\uFFFD'))
          const found = [...(written.match(EDGE) ?? [])].map((c) => c.charCodeAt(0) - 0xe000)
          expect(found).toEqual(Array.from({ length: 2 * pieces.length }, (_, i) => i))
          for (const piece of pieces) expect(source.slice(piece.from, piece.to)).not.toContain('\n')
        },
      ),
    )
  })

  test('strength follows the bits of the span', () => {
    expect([83n, 99n, 100n, 224n, 225n, 900n].map((bits) => strengthOf(bits << 16n))).toEqual([1, 1, 2, 2, 3, 3])
  })
})
