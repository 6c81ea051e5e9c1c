// A year of chats in this browser, 500 of 40 messages each: the page begins with them and writes them into one zip, and its thread is
// not held.
import { staysFree } from '../main-thread.ts'
import { expect, test } from './fake-page.ts'

const CHATS = 500
const MESSAGES = 40

test('500 chats of 40 messages are read one by one and become a zip, and the page’s thread stays free', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  // Each is the one that was just answered, twenty times over: traces, marks and names included.
  await page.evaluate(
    async ([chats, messages]) => {
      const opening = indexedDB.open('open-chat/fake-conversations')
      const database = await new Promise<IDBDatabase>((resolve) => {
        opening.onsuccess = () => resolve(opening.result)
      })
      const done = (request: IDBRequest) =>
        new Promise((resolve) => {
          request.onsuccess = () => resolve(request.result)
        })
      const records = () => database.transaction('records', 'readwrite').objectStore('records')
      type Kept = {
        id: string
        title: string
        changedAt: number
        messages: { id: string; parent: string | null }[]
        shown: Record<string, string>
      }
      const [first] = (await done(records().getAll())) as Kept[]
      for (let i = 0; i < chats; i++) {
        const id = `chat-${i}`
        const turns = Array.from({ length: messages }, (_, k) => ({
          ...first!.messages[k % 2]!,
          id: `${id}-${k}`,
          parent: k === 0 ? null : `${id}-${k - 1}`,
        }))
        const shown = Object.fromEntries(turns.map((turn) => [turn.parent ?? '', turn.id]))
        await done(records().put({ ...first, id, title: `Chat ${i}`, changedAt: first!.changedAt - i, messages: turns, shown }, id))
      }
      database.close()
    },
    [CHATS, MESSAGES] as const,
  )
  const list = page.getByRole('complementary', { name: 'Conversations' })
  // What is read at once is copied in one task of the page: 20,000 messages would hold it.
  await page.addInitScript(() => {
    const [getAll, get] = [IDBObjectStore.prototype.getAll, IDBObjectStore.prototype.get]
    const seen = { atOnce: 0, single: 0 }
    Object.assign(window, { seen })
    const ofChats = (store: IDBObjectStore) => store.transaction.db.name.endsWith('conversations')
    IDBObjectStore.prototype.getAll = function (...args) {
      if (ofChats(this)) seen.atOnce++
      return getAll.apply(this, args)
    }
    IDBObjectStore.prototype.get = function (key) {
      if (ofChats(this)) seen.single++
      return get.call(this, key)
    }
  })
  await fake.open()
  await expect(list.getByRole('link', { name: /^Chat 20 / })).toBeVisible()
  expect(await page.evaluate(() => (window as unknown as { seen: unknown }).seen)).toEqual({ atOnce: 0, single: CHATS + 1 })
  await staysFree(page, `${CHATS} chats become a zip`, async () => {
    await list.getByRole('button', { name: 'All conversations' }).press('Enter')
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export all as a zip' }).press('Enter')
    await (await download).path()
  })
})
