import { expect, test } from 'vitest'
import { sayOnce } from './say-once.ts'

const said = (begin: string, texts: string[]) => {
  const once = sayOnce(begin)
  return texts.map((text) => once(text)).join('') + once(null)
}

test.each([
  ['ab c', ['a', 'b', ' c', 'd'], 'd'],
  ['ab c', [' ab', ' cd'], 'd'],
  ['ab c', ['ab', ' x'], 'ab x'],
  ['ab c', ['ab'], 'ab'],
  ['ab c', [' then', ' ab c'], ' then ab c'],
  ['', ['a', 'b'], 'ab'],
])('after %j, %j says %j', (begin, texts, expected) => {
  expect(said(begin, texts)).toBe(expected)
})
