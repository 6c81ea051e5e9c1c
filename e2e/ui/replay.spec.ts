// "Did this model say this?" in the Verify view: asked for after the other steps, by keyboard, and counted with them.
import { expect, test, violations } from './fake-page.ts'

test('the model is asked when a person asks, and its step counts with the others', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/verify')
  await page.getByLabel('Receipt as JSON').fill('{}')
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await expect(page.getByText('All 6 steps hold.')).toBeVisible()
  await expect(page.locator('li[data-step="said"]')).toHaveCount(0)
  const ask = page.getByRole('button', { name: 'Did this model say this?' })
  await ask.focus()
  await page.keyboard.press('Enter')
  await expect(page.locator('li[data-step="said"]')).toHaveAttribute('data-status', 'pending')
  await expect(page.locator('li[data-step="said"]')).toHaveAttribute('data-status', 'ok')
  await expect(page.getByText('All 7 steps hold.')).toBeVisible()
  await expect(ask).toHaveCount(0)
  await expect(page.locator('.outcome')).toBeFocused()
  expect(await violations(page)).toEqual([])
})

for (const [replay, outcome] of [
  ['other', 'One step does not hold.'],
  ['unrecorded', 'One step could not be checked.'],
] as const) {
  test(`${replay}: ${outcome}`, async ({ fake }, info) => {
    const { page } = fake
    await page.setViewportSize({ width: 360, height: 740 })
    await fake.open({ replay }, '#/verify')
    await page.getByLabel('Receipt as JSON').fill('{}')
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByRole('button', { name: 'Did this model say this?' }).click()
    await expect(page.getByText(outcome)).toBeVisible()
    await page.screenshot({ path: info.outputPath('replayed.png'), fullPage: true })
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await expect(page.getByText('All 6 steps hold.')).toBeVisible()
    await expect(page.getByRole('button', { name: 'Did this model say this?' })).toBeVisible()
  })
}
