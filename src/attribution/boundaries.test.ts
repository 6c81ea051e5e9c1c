// Boundary sets on the token shapes of a byte-level vocabulary.
import { expect, test } from 'vitest'
import { boundarySets } from './boundaries.ts'

const starts = (text: string) => boundarySets([text]).wordStart[0] === 1
const delimits = (text: string) => boundarySets([text]).delimiters.has(0)

test('a space, a line break or punctuation begins a word; letters, digits, contractions and cut characters go on with one', () => {
  for (const text of [' the', '\n', ' 1', '.', '"', '(', ' Ünder', "'", '“']) expect(starts(text), text).toBe(true)
  for (const text of ['the', '9', 'ß', '\u0301', '\uFFFD', "'t", '’s', '']) expect(starts(text), text).toBe(false)
})

test('sentence ends and line breaks delimit; a dot inside a token does not', () => {
  for (const text of ['.', '?', ' !', '."', '.)', '...', '\n\n', '.\n', ',\n  ', '?”']) expect(delimits(text), text).toBe(true)
  for (const text of [' the', '.com', ',', ';', ':', '', '"', ' .NET']) expect(delimits(text), text).toBe(false)
})
