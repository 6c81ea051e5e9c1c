// A receipt outlives everything between it and the chain: the tab is closed while it is handed over, the validator and the chain's
// node are down when a new tab comes, the Ledger says what waits and why, and once they are back it is posted exactly once.
import { expect, test } from '@playwright/test'
import type { OutboxEntry } from '../src/wallet/outbox.ts'
import { chainReader } from './chain-reader.ts'
import { startMeddlingProxy } from './meddling-proxy.ts'
import {
  ANSWER_MS,
  ask,
  askOnly,
  contribute,
  devnetSettings,
  keptRecord,
  LOAD_MS,
  modelReady,
  newVisitor,
  PAID_MS,
  pageUrl,
  payContributors,
} from './real-page.ts'

const QUESTION = 'When does a bell founder pour the bronze into the mould?'
// Not a text of another spec: an exact copy is left out at first.
const TEXT =
  'A bell founder pours the bronze at dawn, when the air is still, into a mould of loam and horse hair that has dried for three weeks beside the furnace, and nobody speaks until the last ladle is empty and the vents have stopped singing.'

test('a tab closed while it posts, services down, then up: posted exactly once', async ({ browser }) => {
  test.setTimeout(LOAD_MS + ANSWER_MS + 2 * PAID_MS)
  const settings = await devnetSettings()
  const [validator, node] = await Promise.all([startMeddlingProxy(settings.validatorUrls[0]!), startMeddlingProxy(settings.rpcUrl)])
  const visitor = await newVisitor(browser, { settings: { validatorUrls: [validator.url], rpcUrl: node.url } })
  let { page } = visitor
  await contribute(page, { datanet: 'Bells', title: 'Casting day', author: 'Ines Falk', text: TEXT })
  await page.goto(pageUrl('#/chat'))
  await modelReady(page)
  await askOnly(page, 'Bells')
  await payContributors(page)
  // The validator takes it, and its answer never comes: the tab is closed in the middle of posting.
  validator.behave = ({ method }) => (method === 'POST' ? 'lose' : 'pass')
  await ask(page, QUESTION)
  await expect.poll(() => validator.carried.filter(({ method }) => method === 'POST').length, { timeout: ANSWER_MS }).toBeGreaterThan(0)
  const [entry] = (await keptRecord(page, 'outbox')) as [OutboxEntry]
  validator.behave = () => 'refuse'
  node.behave = () => 'refuse'
  await page.close()

  page = await visitor.context.newPage()
  await page.goto(pageUrl('#/ledger'))
  const waiting = page.getByRole('region', { name: 'On their way' })
  await expect(waiting).toContainText('One receipt has not reached the chain yet.', { timeout: 30_000 })
  await expect(waiting.locator('.why')).not.toHaveAttribute('data-code', '', { timeout: 30_000 })
  node.behave = () => 'pass'
  await waiting.getByRole('button', { name: 'Try now' }).click()
  validator.behave = () => 'pass'
  await expect(waiting).toContainText('Nothing waits', { timeout: PAID_MS })
  const chain = await chainReader()
  await expect(page.getByRole('region', { name: 'Receipts', exact: true }).getByText('Paid', { exact: true }).last()).toBeVisible({
    timeout: PAID_MS,
  })
  expect(await chain.timesPosted(entry.receipt.id)).toBe(1)
  const earned = page.getByRole('region', { name: 'Earned and spent' })
  // The author of the words is this visitor too: what the chain paid is in the ledger, to the wei.
  await expect(earned).toContainText(/0\.000\d+ OPEN earned in all\./, { timeout: 30_000 })
  await expect(page.getByRole('region', { name: 'Batches with your receipts' }).getByText('final')).toBeVisible()
  expect(visitor.errors).toEqual([])
  await visitor.context.close()
  await Promise.all([validator.close(), node.close()])
})
