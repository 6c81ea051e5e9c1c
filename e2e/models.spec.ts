// The model's file in a real browser's storage: fetched in ranges, a flipped bit found on the way and at rest and only its
// chunk fetched again, a loss noticed. What the models room looks like is ui/models.spec.ts's.

import { expect, type Page, test } from '@playwright/test'
import catalogue from '../public/catalogue.json' with { type: 'json' }
import { newVisitor, pageUrl } from './real-page.ts'

const [model] = catalogue.models
const CHUNK = 4 * 2 ** 20

test('a flipped bit costs one chunk, on the way and at rest; what the browser removes is missed', async ({ browser }) => {
  const { context, page, errors } = await newVisitor(browser, { metered: true })
  const asked: string[] = []
  await context.route(`**/models/${model.sha256}.gguf`, async (route) => {
    const range = route.request().headers().range ?? 'whole'
    // The tokeniser reads the file's header by itself, in small ranges.
    const [from, to] = (/\d+-\d+/.exec(range)?.[0] ?? '0-0').split('-').map(Number)
    if (from % CHUNK === 0 && to + 1 === Math.min(from + CHUNK, model.bytes)) asked.push(range)
    if (range !== `bytes=${2 * CHUNK}-${3 * CHUNK - 1}` || asked.filter((r) => r === range).length > 1) return route.continue()
    const response = await route.fetch()
    const body = await response.body()
    body[1000] ^= 4
    return route.fulfill({ response, body })
  })
  await page.goto(pageUrl('#/models'))
  const card = page.getByRole('article', { name: model.name })
  await expect(card).toHaveAttribute('data-fit', 'fits', { timeout: 60_000 })
  await card.getByRole('button', { name: 'Download 98.4 MB' }).click()
  await expect(card.getByText('In use')).toBeVisible({ timeout: 150_000 })
  expect(asked.filter((range) => range === `bytes=${2 * CHUNK}-${3 * CHUNK - 1}`)).toHaveLength(2)
  expect(new Set(asked).size).toBe(asked.length - 1)
  expect(new Set(asked).size).toBe(Math.ceil(model.bytes / CHUNK))

  // At rest: one byte of the sixth chunk.
  await page.evaluate(
    async ([name]) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('blobs')
      const file = await folder.getFileHandle(name)
      const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer())
      bytes[7] ^= 1
      const writable = await file.createWritable()
      await writable.write(bytes)
      await writable.close()
    },
    [`${model.sha256}.000005`] as const,
  )
  asked.length = 0
  await card.getByRole('button', { name: /^Check/ }).click()
  await expect(page.getByText('one chunk is damaged')).toBeVisible()
  await page.getByRole('button', { name: 'Fetch again' }).click()
  await expect.poll(() => asked).toEqual([`bytes=${5 * CHUNK}-${6 * CHUNK - 1}`])
  await card.getByRole('button', { name: /^Check/ }).click()
  await expect(page.getByText('all 24 chunks are as they should be')).toBeVisible()
  await expect(page.getByRole('row', { name: /^Models 1 98.4 MB/ })).toBeVisible()

  // Gone by itself.
  await page.evaluate(
    async ([name]) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('blobs')
      await folder.removeEntry(name)
    },
    [`${model.sha256}.000000`] as const,
  )
  await page.goto(pageUrl('#/ledger'))
  await page.reload()
  await expect(page.getByText(`The browser removed ${model.name} (98.4 MB) to make room.`)).toBeVisible({ timeout: 30_000 })
  expect(errors).toEqual([])
  await context.close()
})

test('one’s own model is read before it is fetched, kept by digest, and goes again', async ({ browser }) => {
  const { context, page, errors } = await newVisitor(browser, { metered: true })
  await page.goto(pageUrl('#/models'))
  await page.getByText('Add a model').click()
  await page.getByLabel('Address of a GGUF file').fill(pageUrl('catalogue.json'))
  await page.getByRole('button', { name: 'Add', exact: true }).first().click()
  await expect(page.getByRole('alert')).toContainText('This is no GGUF file')
  await page.getByLabel('Address of a GGUF file').fill(pageUrl(`models/${model.sha256}.gguf`))
  await page.getByRole('button', { name: 'Add', exact: true }).first().click()
  const card = page.getByRole('article', { name: model.name })
  // What is kept is loaded at once.
  const here = card.getByText(/On this machine|In use/)
  await expect(here).toBeVisible({ timeout: 60_000 })
  await expect.poll(() => keptBytes(page)).toBeGreaterThanOrEqual(model.bytes)
  await card.getByRole('button', { name: `Delete ${model.name}` }).click()
  await page.getByRole('button', { name: 'Undo' }).click()
  const deletion = card.getByRole('button', { name: `Delete ${model.name}` })
  await expect(deletion).toBeVisible()
  await deletion.click()
  await expect(deletion).toHaveCount(0)
  await expect.poll(() => keptBytes(page), { timeout: 25_000 }).toBeLessThan(model.bytes)
  expect(errors).toEqual([])
  await context.close()
})

/** Of all files in the page's own storage. */
function keptBytes(page: Page): Promise<number> {
  return page.evaluate(async () => {
    let bytes = 0
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('blobs')
    for await (const handle of folder.values()) {
      // It may be deleted just now.
      const file = await (handle as FileSystemFileHandle).getFile().catch(() => null)
      bytes += file?.size ?? 0
    }
    return bytes
  })
}
