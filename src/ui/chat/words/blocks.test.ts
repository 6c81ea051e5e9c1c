import fc from 'fast-check'
import { Marked } from 'marked'
import { expect, test } from 'vitest'
import { BlockSplitter } from './blocks.ts'
import { maths } from './maths.ts'

const marked = new Marked()
marked.use(maths)
let lexedCharacters = 0
const splitter = () =>
  new BlockSplitter((source) => {
    lexedCharacters += source.length
    return marked.lexer(source)
  })

const piece = fc.constantFrom(
  'words ',
  'and more',
  '\n',
  '\n\n',
  '- item',
  '\n1. one',
  '\n\n   under it',
  '\n```\ncode\n```\n',
  '\n```',
  '\n    indented',
  '\n# Title\n',
  '\n> quoted\n',
  '\n| a | b |\n|---|---|\n| 1 | 2 |\n',
  '\n---\n',
  '\n===\n',
  '[link][ref] ',
  '\n[ref]: https://example.org\n',
  '\n$$\nx^2\n$$\n',
  '$y$ ',
  '<b>',
  '\n<div>\n',
  '  ',
  'é😀',
)

test('a text cut as it grows has the blocks of the text cut whole, and they are ranges of it', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const growing = splitter()
      let text = ''
      for (const p of pieces) {
        text += p
        growing.split(text)
      }
      const cut = growing.split(text)
      const whole = splitter().split(text)
      expect(cut.blocks.map((b) => b.raw)).toEqual(whole.blocks.map((b) => b.raw))
      expect(cut.definitions).toBe(whole.definitions)
      for (const { from, to, raw } of cut.blocks) expect(text.slice(from, to)).toBe(raw)
    }),
    { numRuns: 1000 },
  )
})

test('a growing text reads each block about once, not once a word', () => {
  const paragraph = `${'word '.repeat(50)}\n\n`
  const growing = splitter()
  lexedCharacters = 0
  for (let n = 1; n <= 200; n++) growing.split(paragraph.repeat(n))
  expect(lexedCharacters).toBeLessThan(200 * paragraph.length * 4)
})

test('another text is cut anew; \\r\\n shifts no range', () => {
  const one = splitter()
  one.split('# One\n\ntwo\n\nthree')
  expect(one.split('else\n\nother').blocks.map((b) => b.raw.trim())).toEqual(['else', 'other'])
  const { blocks } = one.split('a\r\n\r\nb\r\nc')
  expect(blocks.at(-1)).toMatchObject({ from: 5, to: 9 })
})
