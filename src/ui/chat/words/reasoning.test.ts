import { expect, test } from 'vitest'
import { reasonedParts } from './reasoning.ts'

const cut = (text: string) => {
  const { reasoning, open, answerFrom } = reasonedParts(text)
  return { reasoning: reasoning && text.slice(reasoning.from, reasoning.to), open, answer: text.slice(answerFrom) }
}

test('reasoning stands apart from the answer, also while it is being written', () => {
  expect(cut('<think>\nFirst A.\nThen B.\n</think>\n\nC.')).toEqual({ reasoning: 'First A.\nThen B.', open: false, answer: 'C.' })
  expect(cut('<think>\nFirst A')).toEqual({ reasoning: 'First A', open: true, answer: '' })
  expect(cut(' <think>')).toEqual({ reasoning: '', open: true, answer: '' })
  expect(cut('No thoughts.')).toEqual({ reasoning: null, open: false, answer: 'No thoughts.' })
})

test('a template may have opened it; an empty one is left out', () => {
  expect(cut('First A.\n</think>\nC.')).toEqual({ reasoning: 'First A.', open: false, answer: 'C.' })
  expect(cut('<think>\n\n</think>\n\nC.')).toEqual({ reasoning: null, open: false, answer: 'C.' })
})

test('tags in the middle of an answer, or in code, are words', () => {
  expect(cut('Use `</think>` to end it.').reasoning).toBe(null)
  expect(cut('An <think>inner</think> one.')).toEqual({ reasoning: null, open: false, answer: 'An <think>inner</think> one.' })
})
