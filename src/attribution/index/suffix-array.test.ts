// Suffix sorting against sorting by comparison.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { suffixArray } from './suffix-array.ts'

function bySorting(text: ArrayLike<number>): number[] {
  const n = text.length
  return Array.from({ length: n }, (_, i) => i).sort((a, b) => {
    while (a < n && b < n && text[a] === text[b]) {
      a++
      b++
    }
    return a < n && b < n ? text[a] - text[b] : b - a
  })
}

test('texts over tiny alphabets, where repeats nest deepest', () => {
  const texts = fc
    .integer({ min: 1, max: 4 })
    .chain((alphabet) => fc.record({ alphabet: fc.constant(alphabet), text: fc.array(fc.nat(alphabet - 1), { maxLength: 60 }) }))
  fc.assert(
    fc.property(texts, ({ text, alphabet }) => {
      expect(Array.from(suffixArray(Uint8Array.from(text), alphabet))).toEqual(bySorting(text))
      expect(Array.from(suffixArray(Int32Array.from(text), alphabet))).toEqual(bySorting(text))
    }),
    { numRuns: 1500 },
  )
})

test.each([
  ['nothing', []],
  ['one symbol', [0]],
  ['all equal', new Array(500).fill(3)],
  ['ascending', Array.from({ length: 300 }, (_, i) => i)],
  ['descending', Array.from({ length: 300 }, (_, i) => 299 - i)],
  ['Fibonacci word', fibonacci(14)],
  ['a square of a square', [...fibonacci(9), ...fibonacci(9), ...fibonacci(9), ...fibonacci(9)]],
])('%s', (_, text) => {
  expect(Array.from(suffixArray(Uint16Array.from(text), 300))).toEqual(bySorting(text))
})

function fibonacci(order: number): number[] {
  let [shorter, longer] = [[0], [0, 1]]
  for (let i = 0; i < order; i++) [shorter, longer] = [longer, [...longer, ...shorter]]
  return longer
}
