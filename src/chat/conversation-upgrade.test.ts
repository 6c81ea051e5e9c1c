import { expect, test } from 'vitest'
import { memoryRecords } from '../storage/records.ts'
import { type Conversation, findQuestion, history, lastVersion, path, show, versionsOf } from './conversation.ts'
import { conversationStore } from './conversation-store.ts'
import { type ConversationOf1, upgradeConversation } from './conversation-upgrade.ts'

const options = { askWithSources: true, datanets: ['1'], payContributors: false, temperature: 0 }
const version = (text: string) => ({ state: 'complete' as const, at: 2, text, options, marks: [], adapter: 'feed' })

/** As the page of "First light" wrote it. */
const old: ConversationOf1 = {
  id: 'c',
  title: 'Ships',
  createdAt: 1,
  changedAt: 4,
  options,
  messages: [
    { role: 'user', id: 'u1', at: 1, text: 'Q1' },
    { role: 'assistant', id: 'a1', versions: [version('one'), { ...version('two'), receipt: '0xaa' }], shown: 1 },
    { role: 'user', id: 'u2', at: 3, text: 'Q2' },
    { role: 'assistant', id: 'a2', versions: [version('three')], shown: 0 },
  ],
}

test('a conversation of the first format keeps its words, versions, receipts and what was shown', () => {
  const c = upgradeConversation(old)
  expect(path(c).map((m) => m.text)).toEqual(['Q1', 'two', 'Q2', 'three'])
  expect(path(c)[1]).toMatchObject({ receipt: '0xaa', speaker: { engine: 'local', adapter: 'feed' }, options: { adapter: 'auto' } })
  expect(versionsOf(c, path(c)[1]).map((m) => m.text)).toEqual(['one', 'two'])
  expect(history(c, findQuestion(c, 'u2')!).map((turn) => turn.content)).toEqual(['Q1', 'two'])
  expect(lastVersion(show(c, 'a1.0'))?.text).toBe('one')
  expect(upgradeConversation(c)).toBe(c)
})

test('a question without an answer, and an empty conversation, are read too', () => {
  const open = upgradeConversation({ ...old, messages: old.messages.slice(0, 1) })
  expect(path(open).map((m) => m.text)).toEqual(['Q1'])
  expect(upgradeConversation({ ...old, messages: [] }).messages).toEqual([])
})

test('the store gives the present form of what an earlier page wrote', async () => {
  const records = memoryRecords().open<Conversation | ConversationOf1>('conversations')
  await records.set('c', old)
  const store = conversationStore(records)
  expect(await store.list()).toEqual([{ id: 'c', title: 'Ships', changedAt: 4 }])
  expect((await store.load('c'))?.format).toBe(2)
})
