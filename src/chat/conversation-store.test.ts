import { expect, test } from 'vitest'
import { memoryRecords } from '../storage/records.ts'
import { ask, type Conversation, newConversation } from './conversation.ts'
import { conversationStore } from './conversation-store.ts'

const made = (id: string, at: number) =>
  ask(
    newConversation(id, at, { askWithSources: true, datanets: [], payContributors: false, adapter: 'auto', temperature: 0 }),
    { text: `Question ${id}` },
    at,
    (() => {
      let n = 0
      return () => `${id}${n++}`
    })(),
  )

test('conversations come back whole, listed latest first, and are gone when removed', async () => {
  const store = conversationStore(memoryRecords().open<Conversation>('conversations'))
  for (const [id, at] of [
    ['a', 1],
    ['b', 3],
    ['c', 2],
  ] as const)
    await store.save(made(id, at))
  expect(await store.list()).toEqual([
    { id: 'b', title: 'Question b', changedAt: 3 },
    { id: 'c', title: 'Question c', changedAt: 2 },
    { id: 'a', title: 'Question a', changedAt: 1 },
  ])
  expect(await store.load('b')).toEqual(made('b', 3))
  await store.remove('b')
  expect(await store.load('b')).toBeUndefined()
  expect((await store.list()).map((h) => h.id)).toEqual(['c', 'a'])
})
