// Without a network after the first load: the page, its rooms, the kept model and datanet; and a new version that waits until
// it is asked for. The only specs that allow the service worker.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, expect, type Page, test } from '@playwright/test'
import { startPageServer } from '../scripts/page-server.ts'
import { openDoor } from './door.ts'
import { ANSWER_MS, answered, ask, LOAD_MS, modelReady, pageUrl } from './real-page.ts'

const BUILT = join(process.env.OPEN_CHAT_STATE ?? fileURLToPath(new URL('../.open-chat', import.meta.url)), 'page')

async function visit(browser: Browser, metered: boolean): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', serviceWorkers: 'allow' })
  if (metered) {
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) }))
  }
  return context.newPage()
}

/** Until a whole version of the page is kept and answers. */
const keptByWorker = (page: Page) =>
  page.waitForFunction(
    async () => (await navigator.serviceWorker.ready).active?.state === 'activated' && navigator.serviceWorker.controller,
    null,
    {
      timeout: 60_000,
    },
  )

test('opens, answers with sources and traces without a network', async ({ browser }) => {
  test.setTimeout(LOAD_MS * 2 + ANSWER_MS)
  const door = await openDoor(pageUrl())
  const page = await visit(browser, false)
  await page.goto(door.url)
  await modelReady(page)
  await page.goto(`${door.url}#/datanets/1`)
  await expect(page.getByRole('button', { name: /State of the Union/ }).first()).toBeVisible({ timeout: 60_000 })
  await keptByWorker(page)
  await page.context().setOffline(true)
  await door.shut()

  await page.goto(`${door.url}#/chat`)
  await page.reload()
  await expect(page.getByText('No network.')).toBeVisible()
  await modelReady(page)
  for (const room of ['models', 'ledger', 'settings', 'verify']) {
    await page.goto(`${door.url}#/${room}`)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  }
  await page.goto(`${door.url}#/chat`)
  await ask(page, 'What is the Monroe Doctrine about?')
  const answer = await answered(page)
  await expect(answer.locator('mark').first()).toBeVisible()
  await page.context().close()
})

test('a new version waits until it is asked for, and the old one keeps its parts', async ({ browser }) => {
  const folder = mkdtempSync(join(tmpdir(), 'open-chat-page-'))
  cpSync(BUILT, folder, { recursive: true })
  const serve = (port: number) => startPageServer({ page: folder, folders: {}, documents: {}, port })
  let server = await serve(0)
  const { url } = server
  const page = await visit(browser, true)
  try {
    await page.goto(url)
    await keptByWorker(page)
    await server.close()

    const index = join(folder, 'index.html')
    const worker = join(folder, 'service-worker.js')
    writeFileSync(index, readFileSync(index, 'utf8').replace('</head>', '<meta name="version" content="two"></head>'))
    writeFileSync(
      worker,
      readFileSync(worker, 'utf8').replace(
        /("?url"?:"index\.html"[^}]*?"?revision"?:"|"?revision"?:")([0-9a-f]{32})("[^}]*?"?url"?:"index\.html")?/,
        '$1two$3',
      ),
    )
    const rooms = readdirSync(join(folder, 'assets')).filter((name) => /^(LedgerPage|SettingsPage)-/.test(name))
    expect(rooms.length).toBeGreaterThan(0)
    server = await serve(Number(new URL(url).port))
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update())
    await expect(page.getByText('A new version of this page is ready.')).toBeVisible({ timeout: 30_000 })

    // The server has the old version's parts no more; the page that shows it does.
    for (const name of rooms) rmSync(join(folder, 'assets', name))
    await page.getByRole('link', { name: 'Settings' }).click()
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    expect(await page.locator('meta[name=version]').count()).toBe(0)
    await page.getByRole('button', { name: 'Update now' }).click()
    await expect(page.locator('meta[name=version]')).toHaveAttribute('content', 'two', { timeout: 30_000 })
  } finally {
    await page.context().close()
    await server.close()
    rmSync(folder, { recursive: true })
  }
})
