import { expect, test } from 'vitest'
import type { Conversation } from '../../../chat/conversation.ts'
import { folded, search, searchText } from './search.ts'

const chat = (id: string, changedAt: number, title: string, ...texts: string[]) =>
  searchText({ id, changedAt, title, messages: texts.map((text) => ({ text })) } as unknown as Conversation)

test('every word must be there, in any case and accent; titles come first, then the latest', () => {
  const texts = [
    chat('a', 1, 'Ships', 'Why a navy?', 'A strong NAVY\nkeeps the seas'),
    chat('b', 2, 'Cafés', 'the navy drinks coffee'),
    chat('c', 3, 'Strong navy', 'bees'),
  ]
  expect(search(texts, 'navy').map((f) => f.id)).toEqual(['c', 'b', 'a'])
  expect(search(texts, 'strong navy').map((f) => f.id)).toEqual(['c', 'a'])
  expect(search(texts, 'CAFE').map((f) => f.id)).toEqual(['b'])
  expect(search(texts, '  ')).toEqual([])
  expect(search(texts, 'submarine')).toEqual([])
})

test('the snippet shows the hit where it says', () => {
  const [found] = search([chat('a', 1, 'T', `${'x '.repeat(100)}Élan vital of bees ${'y '.repeat(100)}`)], 'elan vital')
  expect(found.snippet.slice(found.from, found.to)).toBe('Élan vital')
  expect(found.snippet.length).toBeLessThan(150)
  const [title] = search([chat('a', 1, 'Only here', 'words')], 'only')
  expect(title.snippet).toBe('')
})

test('folding keeps places', () => {
  for (const text of ['Élan', 'ÅÄÖ', 'naïve café', '日本語', '😀É']) expect(folded(text)).toHaveLength(text.length)
})

test('a thousand chats are searched between two frames', () => {
  const words = 'some words of a conversation about nothing in particular '.repeat(200)
  const texts = Array.from({ length: 1000 }, (_, i) => chat(`c${i}`, i, `Chat ${i}`, words, i % 100 === 7 ? 'the needle' : 'hay'))
  const began = performance.now()
  expect(search(texts, 'the needle')).toHaveLength(10)
  // 11 million characters: 4 ms when quiet; the margin is for a machine that is busy with something else.
  expect(performance.now() - began).toBeLessThan(150)
})
