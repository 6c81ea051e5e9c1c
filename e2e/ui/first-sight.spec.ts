// What a stranger stumbles over at first sight: words that contradict each other, things that lie over each other or outside of
// their frame, an address that leads beside its place.
import type { Locator } from '@playwright/test'
import { expect, test } from './fake-page.ts'

const boxOf = async (what: Locator) => (await what.boundingBox())!

test('where the processor plays the graphics card, no sentence speaks of a graphics card of one’s own', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'software' })
  await expect(page.getByText('its processor stands in for a graphics card')).toBeVisible()
  await page.getByRole('button', { name: /^Where it is computed/ }).click()
  await expect(page.getByRole('group', { name: 'Where it is computed' })).toContainText('by WebGPU on your processor')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /^Model and adapter/ }).click()
  await expect(page.getByRole('group', { name: 'Model and adapter' })).toContainText('by WebGPU on your processor')
  await expect(page.getByText(/your (own )?graphics card/)).toHaveCount(0)
})

test('what an adapter is chosen for is said of the automatic choice alone', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.getByRole('button', { name: /^Model and adapter/ }).click()
  const choice = page.getByRole('group', { name: 'Model and adapter' }).getByRole('combobox').nth(1)
  const hint = page.getByText('The adapter that quotes from the datanet a source was found in.')
  await expect(hint).toBeVisible()
  await choice.selectOption('Public speech')
  await expect(hint).toHaveCount(0)
  await choice.selectOption('automatic')
  await expect(hint).toBeVisible()
})

for (const width of [360, 1440]) {
  test(`a notice lies neither over the question nor over what sends it, at ${width} px`, async ({ fake }) => {
    const { page } = fake
    await page.setViewportSize({ width, height: 740 })
    await fake.open()
    await fake.ask('Why a navy?')
    await fake.answered()
    await page.getByLabel('You', { exact: true }).hover()
    await page.getByRole('button', { name: 'Delete this turn' }).click()
    const notice = page.getByText('The question and its answers were removed.')
    await expect(notice).toBeVisible()
    const [above, below] = [await boxOf(notice), await boxOf(page.locator('form.composer'))]
    expect(above.y + above.height).toBeLessThan(below.y)
  })
}

test('on a phone the split of the fee stands inside its frame', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 360, height: 740 })
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await page.getByText(/^How a fee of/).click()
  const table = page.locator('.shaped table')
  await expect(table).toBeVisible()
  const [inner, outer] = [await boxOf(table), await boxOf(page.locator('.shaped'))]
  // As far from the frame on the right as on the left.
  expect(outer.x + outer.width - inner.x - inner.width).toBeGreaterThan(inner.x - outer.x - 1)
})

test('an address of a section leads to it, also while those above it are still being read', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 1440, height: 700 })
  await fake.open({}, '#/settings/erase')
  const heading = page.getByRole('heading', { name: 'Delete everything' })
  // The account above it is read by now.
  await expect(page.getByRole('button', { name: 'Show the words' })).toBeAttached()
  await expect(heading).toBeInViewport()
  // Whoever moves on is not brought back.
  await page.keyboard.press('Home')
  await page.getByRole('heading', { name: 'Settings', level: 1 }).scrollIntoViewIfNeeded()
  await page.setViewportSize({ width: 1400, height: 700 })
  await expect(heading).not.toBeInViewport()
})

test('the list in the drawer is drawn when it is first opened, not twice for every visitor', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await expect(page.locator('[data-row]')).toHaveCount(1)
  await page.setViewportSize({ width: 768, height: 900 })
  await page.keyboard.press('Control+k')
  await expect(page.getByRole('dialog').getByRole('searchbox')).toBeFocused()
  await expect(page.getByRole('dialog').locator('[data-row]')).toHaveCount(1)
})

test('the end of an answer is told in another room, and by the title of a tab that nobody looks at', async ({ fake }) => {
  const { page } = fake
  // The model waits to be asked for, and the answer for the model: it cannot end before somebody is elsewhere.
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) }))
  await fake.open({ engine: 'absent' })
  await fake.ask('Why a navy?')
  await expect(page.getByText('Answered when the model is ready.')).toBeVisible()
  await page.getByRole('link', { name: 'Models' }).first().click()
  await page.getByRole('button', { name: /^Use SmolLM2/ }).click()
  await expect(page.getByText('“Why a navy?” has its answer.')).toBeVisible()
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await expect(page.getByLabel('Answer')).toHaveAttribute('data-state', 'complete')
  const looking = (looks: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }, !looks)
  await expect(page).toHaveTitle('Open Chat')
  await looking(false)
  await fake.ask('And why so large?')
  await expect(page).toHaveTitle('● Open Chat')
  await looking(true)
  await expect(page).toHaveTitle('Open Chat')
})
