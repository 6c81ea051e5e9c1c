// The settings room as a whole: an index that brings each section into view by mouse and keyboard, at every width; and an account
// that came from a bare key moving to one with a recovery phrase, its coin with it.
import { expect, test, violations } from './fake-page.ts'

const SECTIONS = ['Appearance', 'Privacy', 'Account and key', 'Another wallet', 'Servers', 'Remote engines', 'Delete everything']

for (const width of [360, 1440]) {
  test(`the index leads to every section at ${width} px`, async ({ fake }) => {
    const { page } = fake
    await page.setViewportSize({ width, height: 700 })
    await fake.open({}, '#/settings')
    const index = page.getByRole('navigation', { name: 'Sections of the settings' })
    await expect(index.getByRole('link')).toHaveText(SECTIONS)
    for (const name of [...SECTIONS].reverse()) {
      await index.getByRole('link', { name }).press('Enter')
      const heading = page.getByRole('heading', { level: 2, name })
      await expect(heading).toBeFocused()
      await expect(heading).toBeInViewport({ ratio: 1 })
      await expect(index.getByRole('link', { name })).toHaveAttribute('aria-current', 'location')
      // The index stays above it, and covers nothing of it.
      const [bar, title] = [(await index.boundingBox())!, (await heading.boundingBox())!]
      expect(title.y).toBeGreaterThanOrEqual(bar.y + bar.height)
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    expect(await violations(page)).toEqual([])
  })
}

test('a bare key moves to an account with a phrase; what does not go over is said before, and the old one stays', async ({ fake }) => {
  const { page } = fake
  await fake.open({ balance: '2' }, '#/settings/account')
  const shown = page.locator('[data-address]')
  await expect(shown).toHaveText(/^0x/)
  await page.getByText('Save a key file').first().click()
  await page.getByLabel('Passphrase', { exact: true }).first().fill('on a stick in a drawer')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save a key file' }).click()
  const file = await (await download).path()
  await page.getByText('Restore or change the account').click()
  await page.getByRole('button', { name: 'Start a new account' }).click()
  await page.getByLabel('Key file', { exact: true }).setInputFiles(file)
  await page.getByLabel('Passphrase of the file').fill('on a stick in a drawer')
  await page.getByRole('button', { name: 'Restore from the file' }).click()
  await expect(page.getByText('This account has no recovery phrase')).toBeVisible({ timeout: 20_000 })
  const bare = (await shown.textContent())!
  await expect(page.getByText('What does not go over: the deposit for answers')).toBeVisible()
  await page.getByRole('button', { name: 'Move to a new account with a phrase' }).click()
  await expect(page.getByText(/^2 OPEN went to the new account 0x/)).toBeVisible()
  await expect(shown).not.toHaveText(bare)
  await page.getByRole('button', { name: 'Show the words' }).click()
  await expect(page.getByRole('list', { name: 'Recovery phrase' }).getByRole('listitem')).toHaveCount(12)
  await expect(page.locator(`[title="${bare}"]`)).toBeVisible()
})
