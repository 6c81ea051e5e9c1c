// Datanets: looking around, finding exact words, making one, and contributing to it with everything shown beforehand.
import { expect, test } from './fake-page.ts'

const BEES = 'Bees find their way home by the sun, and they tell each other where the flowers are.'

test('a datanet shows its contributors and documents, and finds exact words', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets')
  await page.getByRole('link', { name: 'Public speech' }).click()
  await expect(page.getByRole('region', { name: 'Contributors' })).toContainText('Theodore Roosevelt')
  await page.getByLabel('Find exact words').fill('looked to the navy')
  await page.keyboard.press('Enter')
  await expect(page.locator('.snippet mark')).toHaveText('looked to the navy')
  await page.getByRole('button', { name: 'State of the Union 1915' }).click()
  await expect(page.getByRole('dialog')).toContainText('No thoughtful man')
  await page.keyboard.press('Escape')
  await page.getByLabel('Find exact words').fill('pancakes')
  await page.keyboard.press('Enter')
  await expect(page.getByText('These words stand in no document')).toBeVisible()
})

test('a new datanet takes a pasted text, after a look at what would be published; then it can be asked', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/new')
  await page.getByLabel('Name').fill('Beekeeping')
  await page.getByRole('button', { name: 'Create datanet' }).click()
  await expect(page.getByRole('heading', { name: 'Contribute to Beekeeping' })).toBeVisible()
  await page.getByLabel('Text', { exact: true }).fill(` ${BEES}`)
  await page.getByLabel('Title').fill('On bees')
  await page.getByLabel('Author').fill('Ada Keeper')
  await page.getByRole('button', { name: 'Preview' }).click()
  await expect(page.getByText('Blank space at the ends was removed.')).toBeVisible()
  await expect(page.locator('blockquote')).toContainText('Bees find')
  await page.getByRole('button', { name: 'Publish' }).click()
  await expect(page.getByRole('heading', { name: 'Published' })).toBeVisible()
  await expect(page.locator('li[data-stage][data-state="done"]')).toHaveCount(5)
  await page.getByRole('main').getByRole('link', { name: 'Chat' }).click()
  await expect(page.getByRole('button', { name: 'Choose datanets' })).toHaveText('all datanets')
  await fake.ask('Why a navy?')
  await fake.answered()
})

test('binary files are refused, duplicates are named, and the draft stays', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  const file = page.locator('input[type=file]')
  await file.setInputFiles({ name: 'photo.txt', mimeType: 'text/plain', buffer: Buffer.from([0xff, 0xd8, 0xff, 0, 1]) })
  await expect(page.getByText('“photo.txt” is not UTF-8 text.')).toBeVisible()
  const wilson =
    'It has been said that we are a peaceful people. We have always looked to the navy of the country as our first and chief line of defense. We have always seen it to be our manifest course of prudence to be strong on the seas. No thoughtful man feels any panic haste in this matter.'
  await file.setInputFiles({ name: 'speech.txt', mimeType: 'text/plain', buffer: Buffer.from(wilson) })
  await expect(page.getByLabel('Title')).toHaveValue('speech')
  await page.getByLabel('Author').fill('Somebody')
  await page.getByRole('button', { name: 'Preview' }).click()
  await expect(page.getByText('100 % of it stands in “State of the Union 1915” by Woodrow Wilson.')).toBeVisible()
  await page.getByRole('button', { name: 'Change it' }).click()
  await expect(page.getByLabel('Text', { exact: true })).toHaveValue(wilson)
})
