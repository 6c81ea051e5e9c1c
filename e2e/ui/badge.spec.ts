// The badge that says where answers are computed: what stands on it, what it opens, with the keyboard alone, at 360 px too.
import { expect, test, violations } from './fake-page.ts'

test('names the graphics card, and says that nothing was restricted', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const badge = page.getByRole('button', { name: 'Where it is computed: fake GPU', exact: true })
  await expect(badge).toHaveText('fake GPU')
  await badge.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('group', { name: 'Where it is computed' })).toContainText('On your graphics card, in this page.')
  await expect(page.getByText('It holds 2,048 tokens of conversation.')).toBeVisible()
  await expect(page.getByText('Nothing had to be restricted.')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByText('Nothing had to be restricted.')).toBeHidden()
  await expect(badge).toBeFocused()
})

test('counts what was restricted, and says what and why', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 360, height: 740 })
  await fake.open({ engine: 'software' })
  const badge = page.getByRole('button', { name: 'Where it is computed: fake GPU, 1 restriction' })
  await expect(badge).toHaveText(/fake GPU\s+· 1 restriction/)
  await badge.click()
  await expect(page.getByText('WebGPU runs in software here, without a graphics card.')).toBeVisible()
  await expect(page.getByText('Nothing had to be restricted.')).toHaveCount(0)
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(await violations(page)).toEqual([])
})

test('where nothing can answer there is no badge', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'no_webgpu' })
  await expect(page.getByText('The same model can run on the processor')).toBeVisible()
  await expect(page.getByRole('button', { name: /Where it is computed/ })).toHaveCount(0)
})
