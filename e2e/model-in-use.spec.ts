// A model's download that is paused in the middle, and the page closed: what arrived stays, and only what is missing is fetched again.
// Then the model is deleted while it is loaded: it is unloaded, that is said, nothing is fetched again unasked, and undo loads it.
import { expect, test } from '@playwright/test'
import catalogue from '../public/catalogue.json' with { type: 'json' }
import { LOAD_MS, newVisitor, pageUrl } from './real-page.ts'

const [model] = catalogue.models
const CHUNK = 4 * 2 ** 20

test('a download goes on where it was paused; a model that is deleted in use is unloaded', async ({ browser }) => {
  test.setTimeout(2 * LOAD_MS)
  const { context, page, errors } = await newVisitor(browser, { metered: true })
  let slow = true
  const served: number[] = []
  await context.route(`**/models/${model.sha256}.gguf`, async (route) => {
    const [from, to] = (/\d+-\d+/.exec(route.request().headers().range ?? '')?.[0] ?? '0-0').split('-').map(Number) as [number, number]
    const whole = from % CHUNK === 0 && to + 1 === Math.min(from + CHUNK, model.bytes)
    if (whole && slow) await new Promise((resolve) => setTimeout(resolve, 700))
    // A pause ends what is under way.
    await route.continue().then(
      () => whole && served.push(from / CHUNK),
      () => undefined,
    )
  })
  await page.goto(pageUrl('#/models'))
  const card = page.getByRole('article', { name: model.name })
  await card.getByRole('button', { name: 'Download 98.4 MB' }).click()
  await expect.poll(() => served.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(8)
  await card.getByRole('button', { name: 'Pause' }).click()
  await expect(card.getByRole('button', { name: 'Resume' })).toBeVisible()
  const before = served.length
  expect(before).toBeLessThan(Math.ceil(model.bytes / CHUNK))

  await page.reload()
  const resume = card.getByRole('button', { name: 'Resume' })
  await expect(resume).toBeVisible({ timeout: 30_000 })
  slow = false
  await resume.click()
  await expect(card.getByText('In use')).toBeVisible({ timeout: LOAD_MS })
  expect(new Set(served).size).toBe(Math.ceil(model.bytes / CHUNK))
  // Of those that were under way when it was paused, none had arrived.
  expect(served.length - new Set(served).size).toBeLessThanOrEqual(6)
  await page.goto(pageUrl('#/chat'))
  await expect(page.getByText(/^Ready on/)).toBeVisible({ timeout: LOAD_MS })

  served.length = 0
  await page.goto(pageUrl('#/models'))
  await card.getByRole('button', { name: `Delete ${model.name}` }).click()
  const told = page.getByText(`${model.name} is deleted and no longer loaded. Choose another model, or download it again.`)
  await expect(told).toBeVisible()
  await page.goto(pageUrl('#/chat'))
  await expect(page.locator('[data-engine="absent"]')).toBeVisible({ timeout: 30_000 })
  await page.waitForTimeout(1000)
  expect(served).toEqual([])
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByText(/^Ready on/)).toBeVisible({ timeout: LOAD_MS })
  expect(served).toEqual([])
  expect(errors).toEqual([])
  await context.close()
})
