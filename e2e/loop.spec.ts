// What a newcomer sees, in order, over the real model, WebGPU, chain and validator: download → ask with sources → marks, people
// and amounts → receipt → paid → verified → still there after a reload. One answer serves every test here, so they run in a row.
import { expect, type Page, test } from '@playwright/test'
import { privateKeyToAddress } from 'viem/accounts'
import type { Hex } from '../src/attribution/types.ts'
import { toHex } from '../src/attribution/words.ts'
import { bytesAtRest } from './bytes-at-rest.ts'
import { chainReader } from './chain-reader.ts'
import { watchDrafts } from './draft-traffic.ts'
import { startMeddlingProxy } from './meddling-proxy.ts'
import {
  ANSWER_MS,
  amountsOf,
  answered,
  ask,
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

const QUESTION = 'What is the Monroe Doctrine about?'
const FEE = 10n ** 15n

test.describe('the loop', () => {
  test.describe.configure({ mode: 'serial' })
  let visitor: Visitor
  let page: Page
  /** Texts that the page showed at a place, each once, in order. */
  let seen: (what: 'engine' | 'badge' | 'answer') => Promise<string[]>

  test.beforeAll(async ({ browser }) => {
    visitor = await newVisitor(browser)
    page = visitor.page
    await page.addInitScript(() => {
      const places = { engine: '[data-engine]', badge: '.shaped .badge[data-state]', answer: '.answer-text' }
      const seen = { engine: [], badge: [], answer: [] } as Record<string, string[]>
      Object.assign(window, { seen })
      const look = () => {
        for (const [what, selector] of Object.entries(places)) {
          const node = document.querySelector<HTMLElement>(selector)
          const text = what === 'badge' ? node?.dataset.state : node?.textContent?.trim()
          if (text && seen[what].at(-1) !== text) seen[what].push(text)
        }
      }
      new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
    })
    seen = (what) => page.evaluate((name) => (window as unknown as { seen: Record<string, string[]> }).seen[name], what)
  })
  test.afterAll(async () => {
    await visitor.context.close()
  })

  test('the first screen says what is downloaded, what stays private and what can become public; the model arrives', async () => {
    test.setTimeout(LOAD_MS + 60_000)
    await page.goto(pageUrl())
    const welcome = page.locator('.welcome')
    await expect(welcome).toContainText('SmolLM2-135M-Instruct, 98.4 MB, licence Apache-2.0')
    await expect(welcome).toContainText('Nothing of a conversation leaves this machine unless you turn on Pay contributors.')
    await expect(welcome).toContainText('Never the prompt, never unpaid text.')
    await expect(page.getByRole('button', { name: QUESTION })).toBeVisible()
    await modelReady(page)
    const progress = (await seen('engine')).filter((text) => /Downloading the model: .+ of 98\.4 MB/.test(text))
    expect(progress.length).toBeGreaterThan(0)
    await expect(page.getByText(/^Ready on/)).toContainText(/SwiftShader|software/i)
  })

  test('a question with sources streams an answer, marked, with the people whose words it holds and what each gets', async () => {
    test.setTimeout(ANSWER_MS + 60_000)
    await payContributors(page)
    const drafts = await watchDrafts(page)
    await ask(page, QUESTION)
    const answer = await answered(page)
    const { asked, answered: told } = await drafts()
    expect([asked > 0, told > 0], 'the engine asks the datanets how the answer goes on, and is told').toEqual([true, true])
    const texts = await seen('answer')
    // How many depends on the machine and on how much of a draft holds; that it is not shown in one piece does not.
    expect(texts.length, 'pieces of the answer, one after the other').toBeGreaterThan(2)
    await expect(answer.locator('mark[data-span]').first()).toBeVisible()
    const amounts = await amountsOf(answer)
    expect(amounts.length).toBeGreaterThan(1)
    expect(amounts.slice(0, -1).every((wei) => wei > 0n)).toBe(true)
    expect(amounts.reduce((sum, wei) => sum + wei, 0n)).toBe(FEE)
    const { text, trace } = await keptAnswer(page)
    for (const { from, to } of trace!.spans)
      await expect(answer.locator('.answer-text')).toContainText(text.slice(from, to).trim().split('\n')[0]!)
    // A name is the page's word for a traced document, in the line under the answer.
    const [span] = trace!.spans
    await expect(answer.locator('.cite')).toContainText(trace!.documents[`${span!.index}:${span!.document}`]!.author)
  })

  test('the receipt goes from private to paid by itself, and the contributor holds the money', async () => {
    test.setTimeout(PAID_MS + 30_000)
    await expect(page.locator('.shaped .badge[data-state="paid"]')).toBeVisible({ timeout: PAID_MS })
    const states = (await seen('badge')).filter((state) => state !== 'final')
    expect(states).toEqual(['private', 'signed', 'posted', 'paid'])
    const chain = await chainReader()
    const rows = await page
      .locator('.shaped tbody tr:has(.hex)')
      .evaluateAll((all) =>
        all.map((row) => [row.querySelector('.hex')!.getAttribute('title'), row.querySelector('td[title$=" wei"]')!.getAttribute('title')]),
      )
    const owed = new Map<Hex, bigint>()
    for (const [account, wei] of rows as [Hex, string][]) owed.set(account, (owed.get(account) ?? 0n) + BigInt(wei.replace(' wei', '')))
    expect(owed.size).toBeGreaterThan(0)
    for (const [account, wei] of owed) {
      expect(await chain.totalPaid(account)).toBe(wei)
      expect(await chain.balance(account)).toBe(wei)
    }
  })

  test('looks: axe finds nothing in the finished answer, at three widths, light and dark', async ({ browserName: _ }, info) => {
    for (const [width, height] of [
      [1440, 900],
      [768, 900],
      [360, 740],
      [1280, 800],
    ] as const) {
      await page.setViewportSize({ width, height })
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: info.outputPath(`answer-${width}-${colorScheme}.png`) })
        if (width < 1440) expect(await violations(page), `${width} px, ${colorScheme}`).toEqual([])
      }
    }
  })

  test('“Verify here” runs every step again and each holds', async ({ browserName: _ }, info) => {
    await page.getByRole('link', { name: 'Verify here' }).click()
    await verified(page)
    expect({ failed: await verifySteps(page, 'failed'), unknown: await verifySteps(page, 'unknown') }).toEqual({
      failed: [],
      unknown: [],
    })
    expect((await verifySteps(page, 'ok')).length).toBeGreaterThanOrEqual(21)
    await expect(page.locator('li[data-step="posted"]')).toContainText('its hash was recomputed')
    expect(await violations(page)).toEqual([])
    await page.screenshot({ path: info.outputPath('verified.png'), fullPage: true })
    await page.getByRole('button', { name: 'Did this model say this?' }).click()
    const said = page.locator('li[data-step="said"]')
    await expect(said).toHaveAttribute('data-status', /^(ok|failed|unknown)$/, { timeout: 60_000 })
    await expect(said).toContainText(/Said again here: each of \d+ tokens/)
  })

  test('a validator that shows another amount than the receipt’s turns “posted” red, and nothing else', async () => {
    const { validatorUrls } = await devnetSettings()
    const liar = await startMeddlingProxy(validatorUrls[0]!)
    liar.change = (call, answer) => {
      if (call.method !== 'GET') return answer
      const told = JSON.parse(answer) as { lines: { amount: string }[] }
      return JSON.stringify({ ...told, lines: told.lines.map((line) => ({ ...line, amount: String(BigInt(line.amount) - 1n) })) })
    }
    const settings = { ...(await devnetSettings()), validatorUrls: [liar.url] }
    const other = await visitor.context.newPage()
    try {
      await other.route('**/devnet.json', (route) => route.fulfill({ json: settings }))
      await other.goto(page.url())
      await verified(other)
      expect(await verifySteps(other, 'failed')).toEqual(['posted'])
    } finally {
      await other.close()
      await liar.close()
    }
  })

  test('the key is at rest only as ciphertext', async () => {
    const { address, deviceKey, blobs } = await bytesAtRest(page)
    expect(deviceKey).toEqual({ extractable: false, algorithm: 'AES-GCM' })
    expect(blobs.length).toBeGreaterThan(3)
    for (const bytes of blobs) {
      for (let at = 0; at + 32 <= bytes.length; at++) {
        expect(addressOf(bytes.subarray(at, at + 32)), 'an account whose key is stored in the clear').not.toBe(address)
      }
    }
  })

  test('after a reload the conversation, its people and its receipt are there', async () => {
    await page.goto(pageUrl())
    await page.getByRole('link', { name: QUESTION }).click()
    await page.reload()
    const answer = page.getByLabel('Answer', { exact: true })
    await expect(page.getByLabel('You', { exact: true })).toHaveText(QUESTION)
    await expect(answer.locator('mark[data-span]').first()).toBeVisible()
    expect((await amountsOf(answer)).reduce((sum, wei) => sum + wei, 0n)).toBe(FEE)
    await expect(answer.locator('.badge[data-state="paid"]')).toBeVisible({ timeout: 30_000 })
    await page.goto(pageUrl('#/verify'))
    await expect(page.getByRole('region', { name: 'Your receipts' }).getByRole('link')).toHaveCount(1)
    expect(visitor.errors).toEqual([])
  })
})

/** The account of 32 bytes taken as a key; undefined where they are none. */
function addressOf(key: Uint8Array): string | undefined {
  try {
    return privateKeyToAddress(toHex(key)).toLowerCase()
  } catch {
    return undefined
  }
}
