import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Drafts } from './drafts.svelte.ts'

const place = () => {
  const kept = new Map<string, string>()
  return { kept, getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) }
}
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('drafts are found again after a reload, each with its conversation', () => {
  const storage = place()
  const drafts = new Drafts(storage)
  drafts.put('a', { text: 'half a ques', attachments: [{ name: 'notes.txt', text: 'Blue.' }] })
  drafts.put('new', { text: 'other', attachments: [] })
  vi.advanceTimersByTime(300)
  const again = new Drafts(storage)
  expect(again.of('a')).toEqual({ text: 'half a ques', attachments: [{ name: 'notes.txt', text: 'Blue.' }] })
  expect(again.of('new').text).toBe('other')
  again.put('a', { text: '', attachments: [] })
  again.write()
  expect(new Drafts(storage).of('a').text).toBe('')
})

test('a temporary chat’s draft, and one too large, stay on the page only', () => {
  const storage = place()
  const drafts = new Drafts(storage)
  drafts.put('temporary-1', { text: 'secret', attachments: [] })
  drafts.put('b', { text: 'x'.repeat(200_001), attachments: [] })
  drafts.write()
  expect(drafts.of('temporary-1').text).toBe('secret')
  expect(storage.kept.get('open-chat/drafts')).toBe('{}')
})

test('a hostile value is as good as none', () => {
  for (const value of ['nonsense', 'null', '[1]', '{"a":{"text":3}}', '{"a":{"text":"t","attachments":[null]}}']) {
    const storage = place()
    storage.setItem('open-chat/drafts', value)
    expect(new Drafts(storage).of('a')).toEqual({ text: '', attachments: [] })
  }
})
