import { expect, test } from 'vitest'
import { saidUpTo, spoken } from './sentences.ts'

test('sentences are told once each, when they have ended', () => {
  const text = 'We have looked. “Strong on the seas.” And'
  const steps: string[] = []
  let said = 0
  for (let length = 0; length <= text.length; length++) {
    const next = saidUpTo(text.slice(0, length), said)
    if (next > said) steps.push(text.slice(said, next).trim())
    said = next
  }
  expect(steps).toEqual(['We have looked.', '“Strong on the seas.”'])
  expect(text.slice(said).trim()).toBe('And')
})

test('a number does not end a sentence before its digits do, and nothing is taken back', () => {
  expect(saidUpTo('It grew by 3.5 percent', 0)).toBe(0)
  expect(saidUpTo('short', 9)).toBe(9)
})

test('signs of markdown are not read out', () => {
  expect(spoken('## Title\n- **bold** and `code`\n> [link](https://example.org)\n| a | b |')).toBe('Title bold and code link a b')
})
