// Datanets: looking around, finding exact words, making one, contributing with everything shown beforehand, curating, taking back,
// taking along. On fakes; the real loop is in ../contribute.spec.ts.
import { readFile } from 'node:fs/promises'
import type { Page } from '@playwright/test'
import { expect, test, violations } from './fake-page.ts'

const BEES = 'Bees find their way home by the sun, and they tell each other where the flowers are.'
const FILES = [
  { name: 'hive.md', mimeType: 'text/markdown', buffer: Buffer.from(`${BEES} Write to ada@hive.example or eve@hive.example.`) },
  { name: 'copy.txt', mimeType: 'text/plain', buffer: Buffer.from('These words are copied from a speech about the navy of long ago.') },
  { name: 'broken.bad', mimeType: 'text/plain', buffer: Buffer.from('x') },
]

const found = (page: Page, title: string) => page.getByRole('article', { name: title })
const publish = (page: Page) => page.getByRole('form', { name: 'What would be published' }).getByRole('button', { name: 'Publish' })

async function bring(page: Page, text: string, author = 'Ada Keeper'): Promise<void> {
  await page.getByLabel('Text', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.getByLabel('Author, as shown to readers').fill(author)
}

test('a datanet shows its contributors and documents, and finds exact words', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets')
  await page.getByRole('link', { name: 'Public speech' }).click()
  await expect(page.getByRole('region', { name: 'Contributors' })).toContainText('Theodore Roosevelt')
  await page.getByLabel('Find exact words').fill('looked to the navy')
  await page.keyboard.press('Enter')
  await expect(page.locator('mark')).toHaveText('looked to the navy')
  await page.getByRole('button', { name: 'State of the Union 1915' }).click()
  await expect(page.getByRole('dialog')).toContainText('No thoughtful man')
  await page.keyboard.press('Escape')
  await page.getByLabel('Find exact words').fill('pancakes')
  await page.keyboard.press('Enter')
  await expect(page.getByText('These words stand in no document')).toBeVisible()
})

test('names are filtered as one types, and words are found across all datanets', async ({ fake }) => {
  const { page } = fake
  await fake.open({ datanets: 'rich' }, '#/datanets')
  const card = (name: string) => page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) })
  await expect(card('Beekeeping')).toContainText('you curate it')
  await expect(card('Beekeeping')).toContainText('2 waiting · 1 asking for access')
  await expect(card('Case notes')).toContainText('by grant')
  const field = page.getByRole('searchbox')
  await field.fill('legal clinic')
  await expect(page.getByRole('heading', { level: 2 })).toHaveText(['Case notes'])
  await field.fill('slowly, and')
  await expect(page.getByText('No datanet is called so')).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(page.locator('mark')).toHaveText('slowly, and')
  await expect(page.getByRole('listitem').filter({ hasText: 'Winter notes' })).toContainText('Ada Keeper · Beekeeping')
})

test('a new datanet takes a pasted text, after a look at what would be published; then it can be asked', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/new')
  await page.getByLabel('Name').fill('Beekeeping')
  await page.getByLabel('What it is about').fill('Notes of keepers.')
  const waits = page.getByLabel('It waits until I accept it')
  await waits.check()
  // A choice of the usual size with its words beside it.
  const [dot, line] = [(await waits.boundingBox())!, (await page.getByText('It waits until I accept it').boundingBox())!]
  expect(dot.width).toBeLessThan(24)
  expect(dot.x).toBeLessThan(line.x + 24)
  await page.getByRole('button', { name: 'Create datanet' }).click()
  await expect(page.getByRole('heading', { name: 'Contribute to Beekeeping' })).toBeVisible()
  await page.getByRole('main').getByRole('link', { name: 'Beekeeping' }).click()
  await expect(page.getByText('Nothing stands in it yet.')).toBeVisible()
  await page.getByRole('link', { name: 'Contribute text' }).click()
  await bring(page, ` ${BEES}`)
  await expect(page.locator('blockquote')).toContainText('Bees find')
  await expect(page.getByText('What becomes public for good')).toBeVisible()
  await publish(page).click()
  // The curator's own text waits for nobody.
  await expect(page.getByRole('heading', { name: 'Published' })).toBeVisible()
  await expect(page.locator('li[data-stage][data-state="done"]')).toHaveCount(5)
  await page.getByRole('main').getByRole('link', { name: 'Chat' }).click()
  await expect(page.getByRole('button', { name: 'Choose datanets' })).toHaveText('all 2')
  await fake.ask('Why a navy?')
  await fake.answered()
})

test('of several files each is shown with what is personal in it, where it stands already, and can be changed or left out', async ({
  fake,
}) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  await page.getByLabel('Choose files').setInputFiles(FILES)
  await expect(page.getByRole('heading', { name: '2 documents found' })).toBeVisible()
  await expect(page.getByText('Could not be taken: broken.bad')).toBeVisible()
  const hive = found(page, 'hive')
  await expect(hive.getByText('2 personal or secret details, 2 masked')).toBeVisible()
  await expect(hive.locator('blockquote')).toContainText('[EMAIL]')
  await hive.getByLabel('Mask ada@hive.example').uncheck()
  await expect(hive.locator('blockquote')).toContainText('ada@hive.example')
  await expect(hive.getByText('2 personal or secret details, 1 masked')).toBeVisible()
  await hive.getByRole('button', { name: 'Mask all' }).click()
  await expect(hive.locator('blockquote')).not.toContainText('ada@hive.example')
  const copy = found(page, 'copy')
  await expect(copy.getByRole('alert')).toContainText('State of the Union 1915')
  await copy.getByRole('button', { name: 'Leave out' }).click()
  await expect(copy.getByText('left out')).toBeVisible()
  // Its name follows its title.
  const first = page.getByRole('article').first()
  await first.getByLabel('Title').fill('On the way home')
  await first.getByLabel('Year').fill('2024')
  await first.getByLabel('Year').blur()
  await expect(found(page, 'On the way home')).toBeVisible()
  await page.getByLabel('Author, as shown to readers').fill('Ada Keeper')
  await publish(page).click()
  await expect(page.getByRole('heading', { name: 'Published' })).toBeVisible()
  await page.getByRole('main').getByRole('link', { name: 'Public speech' }).first().click()
  await expect(page.getByRole('button', { name: 'On the way home' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'copy' })).toHaveCount(0)
})

test('files that are dropped are taken like chosen ones', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([text], 'dropped.txt', { type: 'text/plain' }))
    return transfer
  }, BEES)
  const zone = page.getByRole('region', { name: 'Drop files or a folder here' })
  await zone.dispatchEvent('dragover', { dataTransfer: data })
  await zone.dispatchEvent('drop', { dataTransfer: data })
  await expect(found(page, 'dropped')).toBeVisible()
})

test('a file dropped beside the field is taken too, and two refused files of one name are both named', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer()
    for (const [content, name] of [
      [text, 'beside.txt'],
      ['x', 'twin.bad'],
      ['x', 'twin.bad'],
    ] as const)
      transfer.items.add(new File([content], name, { type: 'text/plain' }))
    return transfer
  }, BEES)
  await page.getByRole('heading', { level: 1 }).dispatchEvent('drop', { dataTransfer: data })
  await expect(found(page, 'beside')).toBeVisible()
  await expect(page.getByText('Could not be taken: twin.bad')).toHaveCount(2)
})

test('a year that is none and an empty title are said and not taken; an author is asked for when not all are shown', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  const many = Array.from({ length: 21 }, (_, i) => ({ name: `n${i}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`${BEES} ${i}`) }))
  await page.getByLabel('Choose files').setInputFiles(many)
  const first = found(page, 'n0')
  const [title, year] = [first.getByLabel('Title'), first.getByLabel('Year')]
  await year.fill('19th')
  await year.blur()
  await expect(first.getByRole('alert')).toHaveText('“19th” is no year: write up to four digits.')
  await expect(year).toHaveValue('')
  await title.fill(' ')
  await title.blur()
  await expect(first.getByRole('alert')).toHaveText('A document needs a title: it keeps the one it has.')
  await expect(title).toHaveValue('n0')
  await year.fill('1999')
  await year.blur()
  await expect(first.getByRole('alert')).toHaveCount(0)
  const authors = page.getByRole('article').getByLabel('Author')
  await expect(authors).toHaveCount(20)
  for (const author of await authors.all()) await author.fill('Ada Keeper')
  await page.getByRole('button', { name: 'Publish' }).focus()
  const shared = page.getByLabel('Author, as shown to readers')
  await expect(shared).toHaveAttribute('required')
  await page.getByRole('button', { name: 'Show more documents' }).click()
  await authors.last().fill('Eve Keeper')
  await authors.last().blur()
  await expect(shared).not.toHaveAttribute('required')
})

test('of hundreds of files that cannot be taken twenty are named and the others counted', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  const bad = Array.from({ length: 60 }, (_, i) => ({ name: `b${i}.bad`, mimeType: 'text/plain', buffer: Buffer.from('x') }))
  await page.getByLabel('Choose files').setInputFiles(bad)
  await expect(page.getByText('And 40 more that could not be taken.')).toBeVisible()
  await expect(page.getByText('Could not be taken: b')).toHaveCount(20)
  await page.getByRole('button', { name: 'Start over' }).click()
  await expect(page.getByText('could not be taken')).toHaveCount(0)
})

test('reading that is stopped says so, and what was read stays', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  const slow = { name: 'slow.txt', mimeType: 'text/plain', buffer: Buffer.from(`${BEES} A pause comes here.`) }
  await page.getByLabel('Choose files').setInputFiles([FILES[0]!, slow, FILES[1]!])
  await expect(page.getByText('Reading slow.txt …')).toBeVisible()
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByText('Stopped. What was read so far is below.')).toBeVisible()
  await expect(found(page, 'hive')).toBeVisible()
  await expect(page.getByRole('main').getByRole('alert')).toHaveCount(0)
})

test('an outage, a stop and a reload lose nothing, and what is not wanted is thrown away', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1/contribute')
  await bring(page, `${BEES} outage`)
  await found(page, 'pasted').or(page.getByRole('article')).first().getByLabel('Title').fill('An outage')
  await page.keyboard.press('Tab')
  await publish(page).click()
  await expect(page.locator('[data-code="da_unreachable"]')).toBeVisible()
  await page.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByRole('heading', { name: 'Published' })).toBeVisible()
  await page.getByRole('button', { name: 'Contribute another text' }).click()
  await bring(page, `${BEES} slow`)
  await page.getByRole('article').getByLabel('Title').fill('A slow one')
  await page.keyboard.press('Tab')
  await publish(page).click()
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByText('Stopped. Nothing is lost')).toBeVisible()
  await page.getByRole('button', { name: 'Start over' }).click()
  await expect(page.getByText('“A slow one” was being published and is not finished.')).toBeVisible()
  await page.getByRole('button', { name: 'Throw it away' }).click()
  await expect(page.getByText('was being published')).toHaveCount(0)
})

test('access is asked for; what is contributed without it is not offered', async ({ fake }) => {
  const { page } = fake
  await fake.open({ datanets: 'rich' }, '#/datanets/3')
  await expect(page.getByRole('link', { name: 'Contribute text' })).toHaveCount(0)
  await page.getByLabel('A word to the curator').fill('I worked there.')
  await page.getByRole('button', { name: 'Ask for access' }).click()
  await expect(page.getByText('You have asked for access.')).toBeVisible()
  await page.goto(page.url().replace('#/datanets/3', '#/datanets/3/contribute'))
  await expect(page.getByLabel('Text', { exact: true })).toHaveCount(0)
})

test('a curator reads what waits, accepts, refuses with a reason, and lets people in', async ({ fake }) => {
  const { page } = fake
  await fake.open({ datanets: 'rich' }, '#/datanets/2')
  await page.getByRole('link', { name: /^Curate: 2 waiting/ }).click()
  const first = page.getByRole('article', { name: 'Contribution 1' })
  await first.getByRole('button', { name: 'Read it' }).click()
  await expect(first.getByText('Its texts hash to what was committed.')).toBeVisible()
  await expect(first.getByText('62 % of it stands in')).toBeVisible()
  await first.getByRole('button', { name: 'Accept' }).click()
  await expect(page.getByText('Accepted: it is part of the datanet.')).toBeVisible()
  const second = page.getByRole('article', { name: 'Contribution 2' })
  await second.getByRole('button', { name: 'Read it' }).click()
  await expect(second.getByRole('alert')).toContainText('they cannot be indexed')
  await expect(second.getByRole('button', { name: 'Accept' })).toBeDisabled()
  await second.getByRole('button', { name: 'Refuse' }).click()
  await second.getByLabel('Reason').selectOption('other')
  await second.getByLabel('Say why').fill('The texts are not those committed.')
  await second.getByRole('button', { name: 'Refuse' }).last().click()
  await expect(page.getByText('Nothing waits.')).toBeVisible()
  await page.getByText('Decided (2)').click()
  await expect(page.getByText('“The texts are not those committed.”')).toBeVisible()
  await expect(page.getByText('“I have kept bees on the heath since 2009.”')).toBeVisible()
  await page.getByRole('button', { name: 'Let in' }).click()
  await expect(page.getByText('let in', { exact: true })).toBeVisible()
  await page.getByLabel('Reason, public').fill('Copied texts.')
  await page.getByRole('button', { name: 'Revoke' }).click()
  await expect(page.getByText('Copied texts.')).toBeVisible()
})

test('my contributions say what they earned; one is withdrawn after its limits were read, and is found no more', async ({ fake }) => {
  const { page } = fake
  await fake.open({ datanets: 'rich', used: '' }, '#/datanets')
  await expect(page.getByText('An answer took words of yours: 0.000003 OPEN.')).toBeVisible()
  await page.getByRole('button', { name: 'Look' }).click()
  const own = page.getByRole('article', { name: 'Winter notes' })
  await expect(own).toContainText('Used by 2 answers, 2 quotes. 0.000002 OPEN earned, 0.000003 on the way.')
  await own.getByText('Answers', { exact: true }).click()
  await expect(own.getByRole('row')).toHaveCount(3)
  // On a phone the table scrolls within its card.
  await page.setViewportSize({ width: 360, height: 800 })
  expect(await own.evaluate((card) => card.scrollWidth - card.clientWidth)).toBeLessThanOrEqual(0)
  await own.getByRole('button', { name: 'Withdraw' }).click()
  const dialog = page.getByRole('dialog', { name: 'Withdraw this contribution?' })
  await expect(dialog).toContainText('adapters already trained have learned from it, and receipts that are final stay')
  await dialog.getByRole('button', { name: 'Withdraw' }).click()
  await expect(page.getByText('Withdrawn: no new answer retrieves it.')).toBeVisible()
  await own.getByRole('link', { name: 'Beekeeping' }).click()
  await expect(page.getByRole('listitem').filter({ hasText: 'Winter notes' })).toContainText('withdrawn')
  await page.getByLabel('Find exact words').fill('honey slowly')
  await page.keyboard.press('Enter')
  await expect(page.getByText('These words stand in no document')).toBeVisible()
})

test('a datanet is taken along as a file', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/datanets/1')
  await page.getByRole('button', { name: 'Export' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'JSON Lines' }).click()
  const file = await download
  expect(file.suggestedFilename()).toBe('public speech.jsonl')
  const lines = (await readFile(await file.path(), 'utf8')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).title)).toEqual(['State of the Union 1915', 'State of the Union 1901'])
  await expect(page.getByText('public speech.jsonl was saved')).toBeVisible()
})

test('every screen of the room is clean to axe and fits at 360 and 768 px, light and dark', async ({ fake }) => {
  test.setTimeout(90_000)
  const { page } = fake
  await fake.open({ datanets: 'rich' }, '#/datanets')
  for (const [width, colorScheme] of [
    [360, 'light'],
    [768, 'dark'],
  ] as const) {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const room of ['', '/new', '/mine', '/1', '/2/curate', '/3', '/2/contribute']) {
      await page.goto(page.url().replace(/#.*/, `#/datanets${room}`))
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
      if (room === '/2/contribute') {
        await page.getByLabel('Choose files').setInputFiles(FILES)
        await expect(page.getByRole('heading', { name: '2 documents found' })).toBeVisible()
      }
      if (room === '/2/curate') await page.getByRole('button', { name: 'Read it' }).first().click()
      await expect(page.getByRole('status').filter({ hasText: 'Loading' })).toHaveCount(0)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${room} at ${width}`).toBeLessThanOrEqual(0)
      expect(await violations(page), `${room} at ${width}`).toEqual([])
      const shots = process.env.OPEN_CHAT_SHOTS
      if (shots) await page.screenshot({ path: `${shots}/datanets${room.replaceAll('/', '-')}-${width}.png`, fullPage: true })
    }
  }
})
