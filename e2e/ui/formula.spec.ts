// A paid quotation that ends inside a formula: the formula is marked whole, drawn as maths, and opens its document; one beside it
// is not. Unmarked, people would be paid for words that nobody sees.
import { expect, test, violations } from './fake-page.ts'

test('a formula is marked whole when any of it is paid', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Which formula of energy at rest is there?')
  await fake.answered()
  const formulas = page.locator('.answer-text var[data-drawn]')
  await expect(formulas).toHaveCount(2)
  await expect(formulas.first().locator('math')).toHaveCount(1)
  await expect(page.locator('mark[data-span] > var')).toHaveCount(1)
  await expect(formulas.first().locator('xpath=..')).toHaveAttribute('data-span', '0')
  await expect(page.locator('.answer-text math mark')).toHaveCount(0)
  await expect(formulas.last().locator('xpath=..')).not.toHaveAttribute('data-span')
  expect(await violations(page)).toEqual([])
  await formulas.first().click()
  await expect(page.getByRole('dialog')).toContainText('Theodore Roosevelt')
})
