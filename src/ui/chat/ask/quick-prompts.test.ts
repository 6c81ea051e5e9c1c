import { expect, test } from 'vitest'
import { fitting } from './quick-prompts.ts'

const given: [string, string][] = [
  ['summary', 'Summarise: '],
  ['explain', 'Explain: '],
]
const names = (text: string, own = [{ name: 'mine', text: 'M' }]) => fitting(text, own, given)?.map((p) => p.name)

test('a slash alone lists all, one’s own first; letters narrow, beginnings first', () => {
  expect(names('/')).toEqual(['mine', 'summary', 'explain'])
  expect(names('/M')).toEqual(['mine', 'summary'])
  expect(names('/expl')).toEqual(['explain'])
  expect(names('/zzz')).toEqual([])
  expect(fitting('/summary', [{ name: 'summary', text: 'Mine' }], given)).toEqual([{ name: 'summary', text: 'Mine' }])
})

test('words that do not begin with a slash, or go on after it, ask for nothing', () => {
  for (const text of ['', 'a/b', ' /', '/summary please', 'x']) expect(names(text)).toBeUndefined()
})
