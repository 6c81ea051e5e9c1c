// A year of chats in this browser, 500 of 40 messages each: the page begins, and writes all of them into one zip, without its thread
// being held.
import { staysFree } from '../main-thread.ts'
import { expect, test } from './fake-page.ts'

const CHATS = 500
const MESSAGES = 40

test('the page begins and exports with 500 chats of 40 messages, and its thread stays free', async ({ fake }) => {
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
  await staysFree(page, `the page begins with ${CHATS} chats`, async () => {
    await fake.open()
    await expect(list.getByRole('link', { name: 'Chat 99', exact: true })).toBeVisible()
  })
  await staysFree(page, `${CHATS} chats become a zip`, async () => {
    await list.getByRole('button', { name: 'All conversations' }).press('Enter')
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export all as a zip' }).press('Enter')
    await (await download).path()
  })
})
