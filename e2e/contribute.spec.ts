// A datanet by grant whose curator looks first: somebody asks, is let in, contributes a file with a masked address, is accepted,
// is quoted and paid, and withdraws. Two visitors on the real house, one question. Then what is refused, a data-availability
// server that dies in the middle, and one that lies to a reader.
import { readFile } from 'node:fs/promises'
import { expect, type Page, test } from '@playwright/test'
import { parquetReadObjects } from 'hyparquet'
import { bytesAtRest } from './bytes-at-rest.ts'
import { chainReader } from './chain-reader.ts'
import { type MeddlingProxy, startMeddlingProxy } from './meddling-proxy.ts'
import {
  ANSWER_MS,
  answered,
  ask,
  askOnly,
  devnetSettings,
  keptAnswer,
  LOAD_MS,
  modelReady,
  newVisitor,
  PAID_MS,
  pageUrl,
  payContributors,
  type Visitor,
  verified,
  verifySteps,
} from './real-page.ts'
import { violations } from './ui/fake-page.ts'

/** About something that no president spoke of. */
const TEXT =
  'The red mason bee seals every nest cell with damp clay that she carries from the river bank. A single female fills eleven hollow reeds before midsummer, and wasps that find an open reed lay their own eggs beside hers.'
const MAIL = 'ines.halvorsen@solitary-bees.example'
const AUTHOR = 'Ines Halvorsen'
const TITLE = 'Notes of a spring'
const QUESTION = 'With what does the red mason bee seal a nest cell?'
const publishButton = (page: Page) => page.getByRole('button', { name: 'Publish' })

test.describe('a contribution by grant', () => {
  test.describe.configure({ mode: 'serial' })
  let curator: Visitor
  let visitor: Visitor
  let page: Page
  let da: MeddlingProxy
  let datanet: string
  /** Address of the one question's conversation. */
  let asked: string
  const bodies: string[] = []

  test.beforeAll(async ({ browser }) => {
    da = await startMeddlingProxy((await devnetSettings()).daUrl)
    curator = await newVisitor(browser, { metered: true })
    visitor = await newVisitor(browser, { settings: { daUrl: da.url } })
    page = visitor.page
    page.on('request', (request) => bodies.push(request.postData() ?? ''))
  })
  test.afterAll(async () => {
    await Promise.all([visitor.context.close(), curator.context.close()])
    await da.close()
  })

  const room = async (who: Page, at: string) => {
    await who.goto(pageUrl(`#/datanets/${datanet}${at}`))
    await who.reload()
  }
  const contributions = async () => (await chainReader()).contributions(BigInt(datanet))

  test('somebody asks for access, and the curator lets them in', async () => {
    test.setTimeout(120_000)
    const { page: theirs } = curator
    await theirs.goto(pageUrl('#/datanets/new'))
    await theirs.getByLabel('Name').fill('Solitary bees')
    await theirs.getByLabel('What it is about').fill('Notes on bees that live alone.')
    await theirs.getByLabel('Those I let in').check()
    await theirs.getByLabel('It waits until I accept it').check()
    await theirs.getByRole('button', { name: 'Create datanet' }).click()
    await expect(theirs.getByRole('heading', { name: 'Contribute to Solitary bees' })).toBeVisible({ timeout: 60_000 })
    datanet = /#\/datanets\/(\d+)/.exec(theirs.url())![1]!

    await page.goto(pageUrl(`#/datanets/${datanet}`))
    await expect(page.getByText('Notes on bees that live alone.')).toBeVisible({ timeout: 30_000 })
    await expect(page.getByRole('link', { name: 'Contribute text' })).toHaveCount(0)
    await page.getByLabel('A word to the curator').fill('I count nests by the river.')
    await page.getByRole('button', { name: 'Ask for access' }).click()
    await expect(page.getByText('You have asked for access.')).toBeVisible({ timeout: 30_000 })

    await room(theirs, '/curate')
    await expect(theirs.getByText('“I count nests by the river.”')).toBeVisible({ timeout: 30_000 })
    await theirs.getByRole('button', { name: 'Let in' }).click()
    await expect(theirs.getByText('let in', { exact: true })).toBeVisible({ timeout: 30_000 })
  })

  test('a file with a masked address outlives a dead data-availability server and a reload, and waits for the curator', async () => {
    test.setTimeout(LOAD_MS + 90_000)
    await room(page, '/contribute')
    const file = { name: 'spring.md', mimeType: 'text/markdown', buffer: Buffer.from(`${TEXT} Write to ${MAIL} about it.\n`) }
    await page.getByLabel('Choose files').setInputFiles([file])
    const found = page.getByRole('article').first()
    await expect(found.locator('blockquote')).toContainText('[EMAIL]', { timeout: LOAD_MS })
    await expect(found.getByText('1 personal or secret detail, 1 masked')).toBeVisible()
    await found.getByLabel('Title').fill(TITLE)
    await page.getByLabel('Author, as shown to readers').fill(AUTHOR)
    await expect(found.getByRole('heading', { name: TITLE })).toBeVisible()
    da.behave = () => 'refuse'
    await publishButton(page).click()
    const problem = page.locator('[data-code="da_unreachable"]')
    await expect(problem).toContainText(`The data-availability server ${da.host} did not serve`, { timeout: 60_000 })
    // The page goes away in between: the text and its place in the order are kept.
    await page.reload()
    await expect(page.getByText(`“${TITLE}” was being published and is not finished.`)).toBeVisible({ timeout: 30_000 })
    await page.getByRole('button', { name: 'Go on publishing' }).click()
    await expect(problem).toBeVisible({ timeout: 60_000 })
    da.behave = () => 'pass'
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect(page.getByRole('heading', { name: 'Sent to the curator' })).toBeVisible({ timeout: 60_000 })
    expect(await contributions()).toEqual([])
    expect(bodies.join()).toContain('red mason bee')
    expect(bodies.join()).not.toContain(MAIL)
    await room(page, '')
    await expect(page.getByRole('heading', { name: 'Documents' })).toBeVisible({ timeout: 30_000 })
    await expect(page.getByText(TITLE)).toHaveCount(0)
    await expect(page.getByRole('alert')).toHaveCount(0)
  })

  test('the curator reads it, checked against what was committed, and accepts it', async () => {
    test.setTimeout(120_000)
    const { page: theirs } = curator
    await room(theirs, '/curate')
    await theirs.getByRole('button', { name: 'Read it' }).click({ timeout: 30_000 })
    await expect(theirs.getByText('Its texts hash to what was committed.')).toBeVisible({ timeout: 60_000 })
    await expect(theirs.locator('blockquote')).toContainText('Write to [EMAIL] about it.')
    await theirs.getByRole('button', { name: 'Accept' }).click()
    await expect(theirs.getByText('Nothing waits.')).toBeVisible({ timeout: 30_000 })
    const { address } = await bytesAtRest(page)
    expect((await contributions()).map(({ author }) => author.toLowerCase())).toEqual([address.toLowerCase()])
  })

  test('asked with sources, the words taken from it are credited to its author and paid, and its author sees by which answer', async () => {
    test.setTimeout(LOAD_MS + ANSWER_MS + PAID_MS)
    await page.goto(pageUrl())
    await page.reload()
    await modelReady(page)
    await askOnly(page, 'Solitary bees')
    await payContributors(page)
    await ask(page, QUESTION)
    const answer = await answered(page)
    asked = new URL(page.url()).hash
    const { trace, retrieval } = await keptAnswer(page)
    expect(retrieval!.passages[0]!.entry.title).toBe(TITLE)
    expect(trace!.spans.length).toBeGreaterThan(0)
    const owed = trace!.spans.reduce((sum, { amount }) => sum + amount, 0n)
    await expect(answer.locator('.badge[data-state="paid"]')).toBeVisible({ timeout: PAID_MS })
    const { address } = await bytesAtRest(page)
    expect(await (await chainReader()).totalPaid(address as `0x${string}`)).toBe(owed)
    await page.goto(pageUrl('#/datanets/mine'))
    const own = page.getByRole('article', { name: TITLE })
    await expect(own).toContainText('Used by 1 answer', { timeout: 30_000 })
    await own.getByText('Answers', { exact: true }).click()
    await expect(own.locator('td[title$=" wei"]')).toHaveAttribute('title', `${owed} wei`)
    await expect(own.getByRole('cell', { name: 'paid' })).toBeVisible()
  })

  test('the same words typed by the visitor pay nobody', async () => {
    test.setTimeout(ANSWER_MS + 30_000)
    await page.goto(pageUrl(asked))
    await ask(page, `Is this so? ${TEXT}`)
    const answer = await answered(page)
    const { trace, text } = await keptAnswer(page)
    expect(text).toMatch(/red mason bee|single female|wasps/)
    expect(trace!.spans).toEqual([])
    expect(trace!.unpaid.map(({ reason }) => reason)).toContain('in_prompt')
    await expect(answer.locator('.shaped')).toContainText('your own words')
    await expect(answer.locator('.badge[data-state="private"]')).toBeVisible()
  })

  test('it is taken along as JSON Lines, as Parquet and with a card, each row with its contributor and commitment', async () => {
    test.setTimeout(90_000)
    await room(page, '')
    const { address } = await bytesAtRest(page)
    const take = async (name: string) => {
      const download = page.waitForEvent('download')
      await page.getByRole('button', { name }).click()
      return readFile(await (await download).path())
    }
    await page.getByRole('button', { name: 'Export' }).click({ timeout: 30_000 })
    const [line] = (await take('JSON Lines')).toString('utf8').trim().split('\n')
    const row = JSON.parse(line!)
    expect(row).toMatchObject({ title: TITLE, author: AUTHOR, contributor: address.toLowerCase(), contribution: 0 })
    expect(row.text).toContain('Write to [EMAIL] about it.')
    const bytes = await take('Parquet')
    expect(await parquetReadObjects({ file: Uint8Array.from(bytes).buffer })).toEqual([row])
    const card = (await take('Data card')).toString('utf8')
    expect(card).toContain('# Solitary bees')
    expect(card).toContain(row.commitment)
    expect(card).toContain('| English | 1 |')
  })

  test('withdrawn, it is retrieved by no new answer, and the receipt of the old one verifies as before', async () => {
    test.setTimeout(LOAD_MS + 180_000)
    await page.goto(pageUrl('#/datanets/mine'))
    await page
      .getByRole('article', { name: TITLE })
      .getByRole('button', { name: /^Withdraw/ })
      .click({ timeout: 30_000 })
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click()
    await expect(page.getByRole('article', { name: TITLE }).getByText('withdrawn', { exact: true })).toBeVisible({ timeout: 60_000 })
    await room(page, '')
    await expect(page.getByRole('listitem').filter({ hasText: TITLE })).toContainText('withdrawn', { timeout: 30_000 })
    await page.getByLabel('Find exact words').fill('red mason bee')
    await page.keyboard.press('Enter')
    await expect(page.getByText('These words stand in no document')).toBeVisible()

    await page.goto(pageUrl(asked))
    await page.getByRole('link', { name: 'Verify here' }).click()
    await verified(page)
    expect({ failed: await verifySteps(page, 'failed'), unknown: await verifySteps(page, 'unknown') }).toEqual({ failed: [], unknown: [] })

    // Asked again, once the model is back after the reload: looked for, not found, and stopped there.
    await page.goto(pageUrl(asked))
    await ask(page, QUESTION)
    const answer = page.getByLabel('Answer', { exact: true }).last()
    await expect(answer).toHaveAttribute('data-state', 'running', { timeout: LOAD_MS })
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await expect(answer).toHaveAttribute('data-state', 'stopped', { timeout: 60_000 })
    expect((await keptAnswer(page)).retrieval).toMatchObject({ open: false, passages: [] })
  })

  test('bad files are refused each with a sentence beside the good ones, and the very same text is a duplicate', async () => {
    test.setTimeout(LOAD_MS + 120_000)
    await room(page, '/contribute')
    const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'text/plain', buffer })
    await page
      .getByLabel('Choose files')
      .setInputFiles([
        file('picture.txt', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00, 0xfe, 0x01])),
        file('empty.txt', Buffer.alloc(0)),
        file('leaves.md', Buffer.from(`${TEXT}\r\n`)),
      ])
    await expect(page.getByText('Could not be taken: picture.txt')).toBeVisible({ timeout: LOAD_MS })
    await expect(page.getByText('Could not be taken: empty.txt')).toBeVisible()
    await expect(page.getByRole('heading', { name: '1 document found' })).toBeVisible()
    await expect(page.getByRole('article').getByRole('alert')).toContainText(`“${TITLE}” by ${AUTHOR}`)
    await page.getByRole('button', { name: 'Start over' }).click()
    // An exact copy is left out at first; who takes it back in is told by the contract's own rule.
    await page.getByLabel('Text', { exact: true }).fill(`${TEXT} Write to [EMAIL] about it.`)
    await page.getByRole('button', { name: 'Preview' }).click()
    const copy = page.getByRole('article').first()
    await copy.getByRole('button', { name: /^Take back in/ }).click({ timeout: 60_000 })
    await copy.getByLabel('Title').fill(TITLE)
    await page.getByLabel('Author, as shown to readers').fill(AUTHOR)
    await expect(copy.getByRole('heading', { name: TITLE })).toBeVisible()
    await publishButton(page).click()
    await expect(page.locator('[data-code="contribution_duplicate"]')).toContainText('exactly these documents', { timeout: 60_000 })
    expect(await contributions()).toHaveLength(1)
  })

  test('a reader whose data-availability server lies is told which, and is shown none of it', async ({ browser }) => {
    const liar = await startMeddlingProxy((await devnetSettings()).daUrl)
    const reader = await newVisitor(browser, { metered: true, settings: { daUrl: liar.url } })
    try {
      liar.change = (_, answer) => answer.replace('red mason', 'tin mason')
      await reader.page.goto(pageUrl(`#/datanets/${datanet}`))
      await expect(reader.page.locator('[data-code="da_lied"]').first()).toContainText(`${liar.host} returned other bytes`, {
        timeout: 30_000,
      })
      await expect(reader.page.getByText(TITLE)).toHaveCount(0)
      liar.change = (_, answer) => answer
      await reader.page.reload()
      await expect(reader.page.getByText(TITLE)).toBeVisible({ timeout: 30_000 })
      expect(await violations(reader.page)).toEqual([])
    } finally {
      await reader.context.close()
      await liar.close()
    }
    expect([...visitor.errors, ...curator.errors]).toEqual([])
  })
})
