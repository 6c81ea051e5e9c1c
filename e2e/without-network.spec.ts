// One paid answer through what happens to a laptop: its tab is hidden and then frozen in the middle of it and wakes, then the network
// and every server are gone. A hidden tab goes on, a frozen one goes on with the same message; the screen is kept awake while it is
// written and seen, and no longer; its receipt and its sources open and are verified offline, what the chain said before at its own
// block and level.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, type Page, test } from '@playwright/test'
import { type PageServer, startPageServer } from '../scripts/page-server.ts'
import { type Door, openDoor } from './door.ts'
import { type OwnChromium, openOwnChromium } from './own-chromium.ts'
import {
  ANSWER_MS,
  answered,
  ask,
  askOnly,
  devnetSettings,
  keptAnswer,
  keptRecord,
  LOAD_MS,
  modelReady,
  PAID_MS,
  payContributors,
  verified,
  verifySteps,
} from './real-page.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const STATE = process.env.OPEN_CHAT_STATE ?? join(ROOT, '.open-chat')
const QUESTION = 'What is the Monroe Doctrine about?'
/** Its answer is still being written, on any machine, when the tab has been hidden and frozen. */
const LONG = 'List the months of the year, and say a word about each.'

/** Whether the model said it is asked of the model, where one is loaded; the network has no part in it. */
const ofChain = (step: string) => step !== 'said'

interface Locks {
  asked: number
  held: number
}

test.describe('a paid answer without a network', () => {
  test.describe.configure({ mode: 'serial' })
  let chromium: OwnChromium
  let page: Page
  let server: PageServer
  let doors: Door[]
  const words = async () =>
    (
      (await page
        .locator('.answer-text')
        .textContent({ timeout: 2000 })
        .catch(() => '')) ?? ''
    ).trim()
  const locks = () => page.evaluate(() => (window as unknown as { locks: Locks }).locks)

  test.beforeAll(async ({ launchOptions }) => {
    const settings = await devnetSettings()
    doors = await Promise.all([settings.rpcUrl, settings.daUrl, settings.validatorUrls[0]!].map(openDoor))
    const [rpcUrl, daUrl, validator] = doors.map(({ url }) => url.replace(/\/$/, ''))
    server = await startPageServer({
      page: join(STATE, 'page'),
      folders: { '/models': join(STATE, 'models'), '/datanets': join(STATE, 'datanets'), '/adapters': join(ROOT, 'adapters') },
      documents: { '/devnet.json': () => ({ ...settings, rpcUrl, daUrl, validatorUrls: [validator] }) },
      port: 0,
    })
    chromium = await openOwnChromium(launchOptions.args ?? [])
    const { context } = chromium
    // Headless Chromium grants no lock; what the page asks for and lets go is counted.
    await context.addInitScript(() => {
      const locks: Locks = { asked: 0, held: 0 }
      const request = async () => {
        locks.asked++
        locks.held++
        const sentinel = new EventTarget()
        let mine = true
        const release = async () => {
          if (mine) locks.held--
          mine = false
          sentinel.dispatchEvent(new Event('release'))
        }
        // As the browser does.
        document.addEventListener('visibilitychange', () => document.hidden && release())
        return Object.assign(sentinel, { release })
      }
      Object.assign(window, { locks })
      Object.defineProperty(navigator, 'wakeLock', { value: { request } })
    })
    page = await context.newPage()
    await page.setViewportSize({ width: 1280, height: 800 })
  })
  test.afterAll(async () => {
    await chromium.close()
    await Promise.all([server.close(), ...doors.map((door) => door.shut())])
  })

  test('a tab that is frozen in the middle of an answer goes on with the same message, and keeps the screen awake', async () => {
    test.setTimeout(LOAD_MS + ANSWER_MS)
    await page.goto(server.url)
    await modelReady(page)
    expect((await locks()).held).toBe(0)
    const devtools = await page.context().newCDPSession(page)
    await page.evaluate(() => {
      const seen: string[] = []
      for (const type of ['freeze', 'resume']) document.addEventListener(type, () => seen.push(type))
      Object.assign(window, { seen })
    })
    const other = await page.context().newPage()
    await page.bringToFront()
    await page.getByRole('switch', { name: 'Ask with sources' }).setChecked(false)
    await ask(page, LONG)
    await expect.poll(async () => (await words()).length, { timeout: ANSWER_MS }).toBeGreaterThan(20)
    expect((await locks()).held).toBe(1)
    const { id } = await keptAnswer(page)

    const shown = await words()
    await other.bringToFront()
    expect(await page.evaluate(() => document.visibilityState)).toBe('hidden')
    const { held, asked } = await locks()
    expect(held).toBe(0)
    await expect.poll(async () => (await words()).length, { timeout: ANSWER_MS }).toBeGreaterThan(shown.length)

    const before = await words()
    expect(await page.locator('article[data-state]').last().getAttribute('data-state')).toBe('running')
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
    await new Promise((resolve) => setTimeout(resolve, 4000))
    await devtools.send('Page.setWebLifecycleState', { state: 'active' })
    await page.bringToFront()
    expect(await page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual(['freeze', 'resume'])
    await expect.poll(async () => (await locks()).asked).toBe(asked + 1)
    await expect.poll(async () => (await words()).length, { timeout: ANSWER_MS }).toBeGreaterThan(before.length)
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await expect(page.getByLabel('Answer', { exact: true }).last()).toHaveAttribute('data-state', 'stopped', { timeout: 60_000 })
    expect((await keptAnswer(page)).id).toBe(id)
    expect((await words()).startsWith(before)).toBe(true)
    await expect.poll(async () => (await locks()).held).toBe(0)
    await other.close()
  })

  test('a paid answer keeps what the chain said of it', async () => {
    test.setTimeout(ANSWER_MS + PAID_MS)
    await page.getByRole('link', { name: 'New chat' }).first().click()
    await page.getByRole('switch', { name: 'Ask with sources' }).setChecked(true)
    await askOnly(page, 'Public speech')
    await payContributors(page)
    await ask(page, QUESTION)
    expect(await (await answered(page)).getAttribute('data-state')).toBe('complete')
    await expect(page.locator('.shaped .badge[data-state="paid"]')).toBeVisible({ timeout: PAID_MS })
    // Kept a moment later.
    await expect
      .poll(async () => ((await keptRecord(page, 'receipts')) as { said?: unknown }[]).map(({ said }) => said !== undefined), {
        timeout: 20_000,
      })
      .toEqual([true])
  })

  test('with every server gone its sources open, and its receipt is verified as far as anything is known', async () => {
    test.setTimeout(LOAD_MS)
    await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === 'activated')
    const [{ receipt }] = (await keptRecord(page, 'receipts')) as [{ receipt: { id: string } }]
    await page.context().setOffline(true)
    await Promise.all([server.close(), ...doors.map((door) => door.shut())])
    await page.reload()
    await expect(page.getByRole('banner').getByText('No chain')).toBeVisible({ timeout: 30_000 })

    await page.locator('mark[data-span]').first().click()
    const source = page.getByRole('dialog')
    await expect(source.locator('mark').first()).toBeVisible({ timeout: 30_000 })
    await page.keyboard.press('Escape')

    await page.goto(`${server.url}#/verify/${receipt.id}`)
    await verified(page)
    expect(await verifySteps(page, 'failed')).toEqual([])
    expect((await verifySteps(page, 'unknown')).filter(ofChain)).toEqual([])
    await expect(page.locator('li[data-step="posted"]')).toContainText(
      /pinned: Proven against the header of block \d+.* the chain cannot be asked now\./,
    )

    // A receipt of a stranger: nothing of the chain is known of it, and that is said by the steps that need it, and by no other.
    const file = JSON.stringify(await exported(page))
    await page.goto(`${server.url}#/verify`)
    await page.getByLabel('Receipt as JSON').fill(file)
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await verified(page)
    expect(await verifySteps(page, 'failed')).toEqual([])
    const open = page.locator('li[data-step][data-status="unknown"]:not([data-step="said"])')
    expect(await open.count()).toBeGreaterThanOrEqual(2)
    for (const sentence of await open.locator('.detail').allTextContents()) expect(sentence).toMatch(/cannot be reached|No chain/)
    expect((await verifySteps(page, 'ok')).length).toBeGreaterThanOrEqual(15)
  })
})

/** The file that "Save" gives of the receipt that is open. This browser tells of no downloads, so it is taken where it is made. */
async function exported(page: Page): Promise<unknown> {
  await page.evaluate(() => {
    const make = URL.createObjectURL.bind(URL)
    URL.createObjectURL = (saved: Blob) => {
      Object.assign(window, { saved })
      return make(saved)
    }
  })
  await page.getByRole('button', { name: 'Save the receipt' }).click()
  await page.waitForFunction(() => 'saved' in window)
  return JSON.parse(await page.evaluate(() => (window as unknown as { saved: Blob }).saved.text()))
}
