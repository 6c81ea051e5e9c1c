// A machine whose clock is an hour off, the page's threads included: the chain is not taken for stale, its values are proven, and
// times that concern money are the chain's.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'
import { createPublicClient, http } from 'viem'
import { startPageServer } from '../scripts/page-server.ts'
import { devnetSettings, newVisitor } from './real-page.ts'

const HOUR = 3_600_000
const BUILT = join(process.env.OPEN_CHAT_STATE ?? fileURLToPath(new URL('../.open-chat', import.meta.url)), 'page')

/** @returns source that shifts the clock of the thread that runs it */
const shifting = (ms: number) =>
  `{const Real = Date; globalThis.Date = class extends Real { constructor(...of) { if (of.length === 0) super(Real.now() + ${ms}); else super(...of) } static now() { return Real.now() + ${ms} } }}\n`

/** The page as built, but that its workers' clocks are shifted; its server's is right. */
async function shiftedPage(ms: number) {
  const folder = mkdtempSync(join(tmpdir(), 'open-chat-clock-'))
  cpSync(BUILT, folder, { recursive: true })
  const assets = join(folder, 'assets')
  const workers = readdirSync(assets).filter((name) => /\.worker-.*\.js$/.test(name))
  for (const name of workers) {
    writeFileSync(join(assets, name), shifting(ms) + readFileSync(join(assets, name), 'utf8'))
    rmSync(join(assets, `${name}.gz`))
  }
  const settings = await devnetSettings()
  const server = await startPageServer({ page: folder, folders: {}, documents: { '/devnet.json': () => settings }, port: 0 })
  return {
    url: server.url,
    async close() {
      await server.close()
      rmSync(folder, { recursive: true })
    },
  }
}

for (const [name, ms] of [
  ['fast', HOUR],
  ['slow', -HOUR],
] as const) {
  test(`with a clock an hour ${name} money is shown as proven, and its times are the chain's`, async ({ browser }) => {
    test.setTimeout(120_000)
    const { context, page, errors } = await newVisitor(browser, { metered: true })
    const shifted = await shiftedPage(ms)
    await context.addInitScript(shifting(ms))
    await page.goto(`${shifted.url}#/ledger`)
    expect(Math.abs((await page.evaluate(() => Date.now())) - Date.now() - ms)).toBeLessThan(60_000)
    const money = page.getByRole('region', { name: 'Money' })
    await expect(money).toContainText(/Proven against the header of block \d+/, { timeout: 30_000 })
    await money.getByRole('button', { name: 'Get devnet OPEN' }).click()
    await expect(money.getByRole('button', { name: 'Get devnet OPEN' })).toBeHidden({ timeout: 30_000 })
    await money.getByRole('button', { name: 'Deposit' }).click()
    await expect(money.getByText('0.1 OPEN', { exact: true })).toBeVisible({ timeout: 30_000 })
    await money.locator('summary').filter({ hasText: 'Take the deposit back' }).click()
    await money.getByRole('button', { name: 'Take the deposit back' }).click()
    const shown = money.getByText(/\d{1,2}:\d{2}:\d{2}/)
    await expect(shown).toBeVisible({ timeout: 30_000 })
    const [, h, m, s] = /(\d{1,2}):(\d{2}):(\d{2})/.exec((await shown.textContent())!)!
    const client = createPublicClient({ transport: http((await devnetSettings()).rpcUrl) })
    const block = new Date(1000 * Number((await client.getBlock()).timestamp))
    const seconds = (hours: number, minutes: number, rest: number) => ((hours % 12) * 60 + minutes) * 60 + rest
    const apart = Math.abs(seconds(Number(h), Number(m), Number(s)) - seconds(block.getHours(), block.getMinutes(), block.getSeconds()))
    expect(Math.min(apart, 12 * 3600 - apart)).toBeLessThan(1200)
    expect(errors).toEqual([])
    await context.close()
    await shifted.close()
  })
}
