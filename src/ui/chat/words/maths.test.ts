import { Marked } from 'marked'
import { expect, test } from 'vitest'
import { maths } from './maths.ts'

const marked = new Marked()
marked.use(maths)
const formulas = (source: string) =>
  [...marked.parse(source, { async: false }).matchAll(/<var data-maths="(\w+)">(.*?)<\/var>/gs)].map(([, shown, tex]) => `${shown}: ${tex}`)

test('maths in all four kinds of marks', () => {
  expect(formulas('a $x^2$ b \\(y\\) c')).toEqual(['inline: x^2', 'inline: y'])
  expect(formulas('so\n\n$$\n\\frac{a}{b}\n$$\n\nand \\[z\\]')).toEqual(['block: \\frac{a}{b}', 'block: z'])
})

test('money, escaped signs and half a formula are words', () => {
  for (const words of ['It costs $5 or $6.', '$5 and 7$', 'a \\$x\\$ b', 'half $x^2', '`$x$`', '$$\na\n\nb\n$$']) {
    expect(formulas(words), words).toEqual([])
  }
})

test('tags in a formula are its text', () => {
  expect(formulas('$a<b$')).toEqual(['inline: a&#60;b'])
})

test('a mark that touches a formula has all of it, and the next begins behind it', () => {
  const marked = new Marked()
  marked.use(maths)
  const shown = (source: string) =>
    marked
      .parse(
        source.replace(/[⟦⟧⦃⦄]/g, (c) => ({ '⟦': '\uE000', '⟧': '\uE001', '⦃': '\uE002', '⦄': '\uE003' })[c]!),
        { async: false },
      )
      .replace(/[\uE000-\uE003]/g, (c) => '⟦⟧⦃⦄'[c.charCodeAt(0) - 0xe000]!)
      .replace(/<var[^>]*>.*?<\/var>/g, 'F')
      .trim()
  expect(shown('a ⟦b $x y⟧ z$ c')).toBe('<p>a ⟦b F⟧ c</p>')
  expect(shown('a $x ⟦y$ b⟧ c')).toBe('<p>a ⟦F b⟧ c</p>')
  expect(shown('a $x⟦y⟧z$ c')).toBe('<p>a ⟦F⟧ c</p>')
  expect(shown('⟦a $x⟧ ⦃y$ b⦄')).toBe('<p>⟦a F⟧⦃ b⦄</p>')
  expect(shown('$x⟦y⟧⦃z$ b⦄')).toBe('<p>⟦F⟧⦃ b⦄</p>')
  expect(shown('⟦a $x$ b⟧')).toBe('<p>⟦a F b⟧</p>')
})
