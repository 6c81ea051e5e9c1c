// Nothing is lost: an answer that is cut by a reload, a validator that is dead when the receipt is signed, one that takes a receipt
// and never says so. One answer over a small datanet goes through all of it and is posted and paid exactly once.
import { expect, type Page, test } from '@playwright/test'
import type { OutboxEntry } from '../src/wallet/outbox.ts'
import { chainReader } from './chain-reader.ts'
import { type MeddlingProxy, startMeddlingProxy } from './meddling-proxy.ts'
import {
  ANSWER_MS,
  answered,
  ask,
  askOnly,
  contribute,
  devnetSettings,
  keptAnswer,
  keptRecord,
  LOAD_MS,
  modelReady,
  newVisitor,
  PAID_MS,
  pageUrl,
  payContributors,
  type Visitor,
} from './real-page.ts'

const QUESTION = 'How does the keeper of a lighthouse clean the great lens?'
const TEXT =
  'The keeper of a lighthouse cleans the great lens with linen cloths and spirits of wine, working from the crown of the glass down to the brass frame so that no drop runs over a prism that is already dry, and he does so each morning before the lamp has cooled, with the shutters closed against the wind and the sand, and writes into the log who held the ladder, how many cloths were used, and which of the prisms had been touched by the sea.'

test.describe('interrupted', () => {
  test.describe.configure({ mode: 'serial' })
  let visitor: Visitor
  let page: Page
  let validator: MeddlingProxy

  test.beforeAll(async ({ browser }) => {
    validator = await startMeddlingProxy((await devnetSettings()).validatorUrls[0]!)
    visitor = await newVisitor(browser, { settings: { validatorUrls: [validator.url] } })
    page = visitor.page
  })
  test.afterAll(async () => {
    await visitor.context.close()
    await validator.close()
  })

  const words = async () => (await page.locator('.answer-text').textContent({ timeout: 15_000 }))!.trim()
  const outbox = () => keptRecord(page, 'outbox') as Promise<OutboxEntry[]>

  test('a reload in mid-answer keeps what was said, says that it was cut, and the answer goes on after its last word', async () => {
    test.setTimeout(2 * LOAD_MS + 2 * ANSWER_MS)
    await contribute(page, { datanet: 'Lighthouses', title: 'A keeper’s day', author: 'Tomas Brandt', text: TEXT })
    validator.behave = () => 'refuse'
    await page.goto(pageUrl('#/chat'))
    await modelReady(page)
    await askOnly(page, 'Lighthouses')
    await payContributors(page)
    await ask(page, QUESTION)
    // Looked at in every frame: the answer is not to end before the page is reloaded.
    await page.waitForFunction(() => /great lens/.test(document.querySelector('.answer-text')?.textContent ?? ''), null, {
      timeout: ANSWER_MS,
    })
    const before = await words()
    // What is on the screen is written down within a second; a busy machine takes longer to write.
    await expect.poll(async () => (await keptAnswer(page)).text.trim().startsWith(before), { timeout: 10_000, intervals: [50] }).toBe(true)
    await page.reload()
    await expect(page.getByText('This answer was cut when the page closed.')).toBeVisible()
    const after = await words()
    expect(after.startsWith(before)).toBe(true)
    expect((await keptAnswer(page)).state).toBe('running')
    await page.getByRole('button', { name: 'Continue' }).click()
    await answered(page)
    const { text, trace, state } = await keptAnswer(page)
    expect(state).toBe('complete')
    expect(text.trim().startsWith(after)).toBe(true)
    expect(text).toContain('working from the crown of the glass down to the brass frame')
    expect(trace!.spans.map(({ length }) => length)).toEqual([expect.any(Number)])
  })

  test('with the validator dead the receipt waits in the outbox, also over a reload', async () => {
    await expect(page.locator('.shaped .badge[data-state="signed"]')).toBeVisible()
    await expect.poll(async () => (await outbox()).map(({ attempts }) => attempts > 0), { timeout: 20_000 }).toEqual([true])
    const [{ receipt, trouble }] = (await outbox()) as [OutboxEntry]
    expect(trouble?.code).toBe('validator_unreachable')
    expect(trouble?.shortMessage).toContain(validator.host)
    await page.reload()
    await expect(page.locator('.shaped .badge[data-state="signed"]')).toBeVisible()
    expect((await outbox()).map((entry) => entry.receipt.id)).toEqual([receipt.id])
    expect(await (await chainReader()).timesPosted(receipt.id)).toBe(0)
  })

  test('a validator that takes it and loses its answer, and a second tab, post it exactly once; it is paid', async () => {
    test.setTimeout(2 * PAID_MS)
    const [{ receipt }] = (await outbox()) as [OutboxEntry]
    const second = await visitor.context.newPage()
    await second.goto(page.url())
    let lost = 0
    validator.behave = ({ method }) => (method === 'POST' && lost++ === 0 ? 'lose' : 'pass')
    await expect(page.locator('.shaped .badge[data-state="paid"]')).toBeVisible({ timeout: 2 * PAID_MS })
    await expect(second.locator('.shaped .badge[data-state="paid"]')).toBeVisible({ timeout: 30_000 })
    await second.close()
    expect(lost).toBeGreaterThan(0)
    const chain = await chainReader()
    expect(await chain.timesPosted(receipt.id)).toBe(1)
    const { trace } = await keptAnswer(page)
    for (const { account, amount } of trace!.shares) expect(await chain.totalPaid(account)).toBeGreaterThanOrEqual(amount)
    await expect
      .poll(async () => (await outbox()).map(({ done, state }) => [done, state.state]), { timeout: 20_000 })
      .toEqual([[true, 'paid']])
    expect(visitor.errors).toEqual([])
  })
})
