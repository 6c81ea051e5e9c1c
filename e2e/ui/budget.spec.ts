// The budget of the day where the question is written: what it leaves, after each answer less, and that it is used up, before the
// question is sent and not after.
import { expect, test, violations } from './fake-page.ts'

async function setBudget(
  fake: { open(knobs?: Record<string, string>, room?: string): Promise<void>; page: import('@playwright/test').Page },
  wei: string,
) {
  await fake.open({}, '#/ledger')
  const region = fake.page.getByRole('region', { name: 'Budget a day' })
  await region.getByRole('textbox').fill(wei)
  await region.getByRole('button', { name: 'Set' }).click()
  await expect(region.getByRole('status')).toContainText(`of ${wei} OPEN`)
}

test('what is left of today stands beside the question, and that it is used up is said before sending', async ({ fake }) => {
  const { page } = fake
  await setBudget(fake, '0.0015')
  await page.goto(page.url().replace('#/ledger', '#/chat'))
  const composer = page.locator('form.composer')
  await expect(composer).not.toContainText('left today')
  await page.getByRole('switch', { name: 'Pay contributors' }).click()
  await page.getByRole('button', { name: 'Turn on' }).click()
  await expect(composer).toContainText('0.0015 of 0.0015 OPEN left today.')
  await fake.ask('What about the navy?')
  await fake.answered()
  await expect(composer.getByRole('status')).toContainText('This question would pay 0.001 OPEN and today’s budget leaves 0.0005')
  expect(await violations(page)).toEqual([])
  await composer.getByRole('link', { name: 'Change the budget' }).click()
  await expect(page.getByRole('heading', { name: 'Budget a day' })).toBeVisible()
})
