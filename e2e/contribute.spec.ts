// A visitor's own text joins a datanet and is paid for when an answer takes its words; the same words typed by the visitor are
// not. Then what is refused, a data-availability server that dies in the middle, and one that lies to a reader.
import { expect, type Page, test } from '@playwright/test'
import { bytesAtRest } from './bytes-at-rest.ts'
import { chainReader } from './chain-reader.ts'
import { type MeddlingProxy, startMeddlingProxy } from './meddling-proxy.ts'
import {
  ANSWER_MS,
  answered,
  ask,
  createDatanet,
  devnetSettings,
  keptAnswer,
  LOAD_MS,
  leaveOut,
  modelReady,
  newVisitor,
  PAID_MS,
  pageUrl,
  payContributors,
  type Visitor,
  writeContribution,
} from './real-page.ts'
import { violations } from './ui/fake-page.ts'

/** About something that no president spoke of. */
const TEXT =
  'The red mason bee seals every nest cell with damp clay that she carries from the river bank. A single female fills eleven hollow reeds before midsummer, and wasps that find an open reed lay their own eggs beside hers.'
const AUTHOR = 'Ines Halvorsen'

test.describe('a contribution', () => {
  test.describe.configure({ mode: 'serial' })
  let visitor: Visitor
  let page: Page
  let da: MeddlingProxy
  let datanet: string

  test.beforeAll(async ({ browser }) => {
    da = await startMeddlingProxy((await devnetSettings()).daUrl)
    visitor = await newVisitor(browser, { settings: { daUrl: da.url } })
    page = visitor.page
  })
  test.afterAll(async () => {
    await visitor.context.close()
    await da.close()
  })

  async function write(text: string, title: string): Promise<void> {
    await page.goto(pageUrl(`#/datanets/${datanet}/contribute`))
    await page.reload()
    await writeContribution(page, { text, title, author: AUTHOR })
  }

  const preview = () => page.getByRole('button', { name: 'Preview' }).click()
  const step = (name: string) => page.getByRole('listitem').filter({ hasText: name })

  test('a new datanet is made, and a text that data availability refuses outlives a reload and is published once it is back', async () => {
    test.setTimeout(LOAD_MS + 90_000)
    datanet = await createDatanet(page, 'Solitary bees')
    await write(TEXT, 'Notes of a spring')
    await preview()
    await expect(page.getByText('The red mason bee seals every nest cell')).toBeVisible({ timeout: 60_000 })
    da.behave = () => 'refuse'
    await page.getByRole('button', { name: 'Publish' }).click()
    const problem = page.locator('[data-code="da_unreachable"]')
    await expect(problem).toContainText(`The data-availability server ${da.host} did not serve`, { timeout: 60_000 })
    const chain = await chainReader()
    expect(await chain.contributions(BigInt(datanet))).toEqual([])
    // The page goes away in between: the text and its place in the order are kept.
    await page.reload()
    await expect(page.getByText('“Notes of a spring” was being published when the page closed.')).toBeVisible()
    await page.getByRole('button', { name: 'Go on publishing' }).click()
    await expect(problem).toBeVisible({ timeout: 60_000 })
    da.behave = () => 'pass'
    await problem.getByRole('button', { name: 'Try again' }).click()
    await expect(page.getByRole('heading', { name: 'Published' })).toBeVisible({ timeout: 60_000 })
    for (const name of ['Commit to its digest', 'Publish the text', 'Reveal', 'Add to the index']) await expect(step(name)).toBeVisible()
    await page.getByRole('button', { name: 'Contribute another text' }).click()
    await expect(page.getByText('was being published')).toHaveCount(0)
    const { address } = await bytesAtRest(page)
    const held = await chain.contributions(BigInt(datanet))
    expect(held.map(({ author }) => author.toLowerCase())).toEqual([address])
    await page.getByRole('link', { name: 'Solitary bees' }).first().click()
    await expect(page.getByText('Notes of a spring')).toBeVisible()
    await expect(page.getByText(AUTHOR).first()).toBeVisible()
  })

  test('asked with sources, the words taken from it are credited to its author and paid', async () => {
    test.setTimeout(LOAD_MS + ANSWER_MS + PAID_MS)
    await page.goto(pageUrl())
    await modelReady(page)
    await leaveOut(page, 'Public speech')
    await payContributors(page)
    await ask(page, 'With what does the red mason bee seal a nest cell?')
    const answer = await answered(page)
    const { trace, retrieval } = await keptAnswer(page)
    expect(retrieval!.open).toBe(true)
    expect(retrieval!.passages[0]!.entry.title).toBe('Notes of a spring')
    const { address } = await bytesAtRest(page)
    expect(trace!.spans.length).toBeGreaterThan(0)
    const owed = trace!.spans.reduce((sum, { amount }) => sum + amount, 0n)
    await expect(answer.locator('.shaped tbody tr').first()).toContainText(AUTHOR)
    await expect(answer.locator('.shaped tbody .hex').first()).toHaveAttribute('title', address)
    await expect(answer.locator('.cite')).toContainText(`— ${AUTHOR}, Notes of a spring`)
    await expect(answer.locator('.badge[data-state="paid"]')).toBeVisible({ timeout: PAID_MS })
    expect(await (await chainReader()).totalPaid(address as `0x${string}`)).toBe(owed)
  })

  test('the same words typed by the visitor pay nobody', async () => {
    test.setTimeout(ANSWER_MS + 30_000)
    await ask(page, `Is this so? ${TEXT}`)
    const answer = await answered(page)
    const { trace, text } = await keptAnswer(page)
    expect(text).toMatch(/red mason bee|single female|wasps/)
    expect(trace!.spans).toEqual([])
    expect(trace!.unpaid.map(({ reason }) => reason)).toContain('in_prompt')
    await expect(answer.locator('.shaped')).toContainText('your own words')
    await expect(answer.locator('.badge[data-state="private"]')).toBeVisible()
  })

  test('the very same text is refused as a duplicate, and words of another are shown as theirs before anything is sent', async () => {
    test.setTimeout(120_000)
    await write(TEXT, 'Notes of a spring')
    await preview()
    await expect(page.getByRole('alert')).toContainText(`100 % of it stands in “Notes of a spring” by ${AUTHOR}.`)
    await page.getByRole('button', { name: 'Publish' }).click()
    await expect(page.locator('[data-code="contribution_duplicate"]')).toContainText('exactly these documents to this datanet before')
    expect(await (await chainReader()).contributions(BigInt(datanet))).toHaveLength(1)
  })

  test('empty, binary and enormous texts are refused with a sentence, pasted or from a file', async () => {
    test.setTimeout(120_000)
    await write('Bees.', 'Too little')
    await preview()
    await expect(page.locator('[data-code="contribution_empty"]')).toContainText(
      'The text has 1 words; a passage that can be credited needs 8.',
    )
    await write('bee '.repeat(400_000), 'Too much')
    await preview()
    await expect(page.locator('[data-code="contribution_too_large"]')).toContainText('one document may have 1500000')
    await page.getByLabel('Text', { exact: true }).fill(`bees \u0001\u0002\u0003\u0004${'\u0005'.repeat(40)} and bees and bees and bees`)
    await preview()
    await expect(page.locator('[data-code="contribution_binary"]')).toContainText('it looks like a binary file')

    const chooser = page.getByLabel('Open a text file')
    const file = (name: string, buffer: Buffer) => chooser.setInputFiles({ name, mimeType: 'text/plain', buffer })
    await file('picture.txt', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]))
    await expect(page.locator('[data-code="contribution_binary"]')).toContainText('“picture.txt” is not UTF-8 text.')
    await file('heap.txt', Buffer.alloc(17 * 2 ** 20, 'bee '))
    await expect(page.locator('[data-code="contribution_too_large"]')).toContainText('“heap.txt” holds 17825792 bytes')
    await file('leaves.md', Buffer.from('Leafcutter bees line their cells with rounds of rose leaf, cut as if by compasses.\r\n'))
    await expect(page.getByLabel('Text', { exact: true })).toHaveValue(/^Leafcutter bees/)
    await preview()
    await expect(page.getByText('Line ends were made uniform.')).toBeVisible()
    await expect(page.getByRole('alert')).toHaveCount(0)
    expect(await (await chainReader()).contributions(BigInt(datanet))).toHaveLength(1)
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
      await expect(reader.page.getByText('Notes of a spring')).toHaveCount(0)
      liar.change = (_, answer) => answer
      await reader.page.reload()
      await expect(reader.page.getByText('Notes of a spring')).toBeVisible({ timeout: 30_000 })
      expect(await violations(reader.page)).toEqual([])
    } finally {
      await reader.context.close()
      await liar.close()
    }
    expect(visitor.errors).toEqual([])
  })
})
