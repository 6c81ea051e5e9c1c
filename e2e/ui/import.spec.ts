// A year of chats from another machine, 20 MB and 400 conversations in one file: the page stays free while it is read.
import { staysFree } from '../main-thread.ts'
import { expect, test } from './fake-page.ts'

const CONVERSATIONS = 400
const MEGABYTES = 20

test('a large import is read beside the page, which answers to keys all the while', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const question = page.getByLabel('Your question')
  await expect(question).toBeVisible()
  const bytes = await page.evaluate(
    async ([conversations, size]) => {
      // Made in slices, so that making it is not what is measured.
      const each = Math.floor(size / conversations / 10)
      const words = (i: number) =>
        `Words of message ${i}: ${'the keeper wrote down each ship that passed, her flag and her course. '.repeat(each / 70)}`
      const parts = ['[']
      for (let i = 0; i < conversations; i++) {
        const messages = Array.from({ length: 10 }, (_, k) => ({ role: k % 2 === 0 ? 'user' : 'assistant', content: words(10 * i + k) }))
        const chat = { title: `Chat number ${i}`, created_at: 1_700_000_000 + i, updated_at: 1_700_000_000 + i, chat: { messages } }
        parts.push(`${i === 0 ? '' : ','}${JSON.stringify(chat)}`)
        if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve))
      }
      const list = new DataTransfer()
      const file = new File([...parts, ']'], 'year.json', { type: 'application/json' })
      list.items.add(file)
      document.querySelector<HTMLInputElement>('input[type=file][aria-label="Files to import"]')!.files = list.files
      return file.size
    },
    [CONVERSATIONS, MEGABYTES * 2 ** 20] as const,
  )
  expect(bytes).toBeGreaterThan(MEGABYTES * 1_000_000)
  await staysFree(page, `import of ${(bytes / 1e6).toFixed(1)} MB`, async () => {
    await page.getByLabel('Files to import').first().dispatchEvent('change')
    await expect(page.getByText(`Imported ${CONVERSATIONS} conversations.`)).toBeVisible({ timeout: 60_000 })
  })
  await expect(page.getByRole('link', { name: `Chat number ${CONVERSATIONS - 1}` }).first()).toBeVisible()
})
