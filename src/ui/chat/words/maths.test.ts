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

test('tags in a formula are its text, and edges of marks stand after it', () => {
  expect(formulas('$a<b$')).toEqual(['inline: a&#60;b'])
  expect(marked.parse('$\uE000x\uE001$', { async: false })).toContain('x</var>\uE000\uE001')
})
