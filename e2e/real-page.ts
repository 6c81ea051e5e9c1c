// The page as people have it, over the real model, chain and workers, for specs: contexts to open it in and the few things a
// visitor does in it. Not the fakes (ui/fake-page.ts). A real answer takes a minute on a software GPU, so specs share a page.
// Invariant: an error on the console that a spec did not announce fails it.
import { type Browser, type BrowserContext, expect, type Page, test } from '@playwright/test'
import type { DevnetSettings } from '../devnet/start.ts'
import { type AnswerVersion, type Conversation, lastVersion } from '../src/chat/conversation.ts'

/** Time for a model to be fetched from this machine, hashed and brought to a software GPU, ms. */
export const LOAD_MS = 150_000
/** Time for one answer, ms. */
export const ANSWER_MS = 400_000
/** Time from signature to payment: a batch, its window of 8 s, and looks every 2 s, ms. */
export const PAID_MS = 90_000

export interface Visit {
  /** The browser says that its connection is metered, so the model waits to be asked for. */
  metered?: boolean
  /** Chain settings of this visitor, in place of those served. */
  settings?: Partial<Pick<DevnetSettings, 'rpcUrl' | 'daUrl' | 'validatorUrls'>>
  colorScheme?: 'light' | 'dark'
}

export interface Visitor {
  context: BrowserContext
  page: Page
  /** Errors on the console of every page since the start, those of the browser's own network layer excluded. */
  errors: string[]
}

export function pageUrl(room = ''): string {
  const url = process.env.OPEN_CHAT_URL
  if (!url) throw new Error('OPEN_CHAT_URL names no page; e2e/global-setup.ts sets it.')
  return `${url}${room}`
}

export async function devnetSettings(): Promise<DevnetSettings> {
  return (await (await fetch(pageUrl('devnet.json'))).json()) as DevnetSettings
}

/** A browser profile of its own with one page, still blank. */
export async function newVisitor(
  browser: Browser,
  { metered = false, settings = {}, colorScheme = 'light' }: Visit = {},
): Promise<Visitor> {
  const context = await browser.newContext({
    ...{ viewport: { width: 1280, height: 800 }, colorScheme, reducedMotion: 'reduce' },
    // It would answer before the routes of a spec do; offline.spec.ts is about it.
    serviceWorkers: 'block',
  })
  const errors: string[] = []
  const listen = (page: Page) => {
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|net::ERR_/.test(message.text())) errors.push(message.text())
    })
    page.on('pageerror', (error) => errors.push(String(error.stack)))
  }
  context.on('page', listen)
  if (metered) {
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) }))
  }
  if (Object.keys(settings).length > 0) {
    const json = { ...(await devnetSettings()), ...settings }
    await context.route('**/devnet.json', (route) => route.fulfill({ json }))
  }
  return { context, page: await context.newPage(), errors }
}

export async function modelReady(page: Page): Promise<void> {
  await expect(page.getByText(/^Ready on/)).toBeVisible({ timeout: LOAD_MS })
}

/** Turns Pay contributors on for this conversation, reading what then becomes public. */
export async function payContributors(page: Page): Promise<void> {
  await page.getByRole('switch', { name: 'Pay contributors' }).click()
  const disclosure = page.getByRole('dialog', { name: 'Before you turn this on' })
  await expect(disclosure).toContainText('the prompt and all unpaid text never do')
  await disclosure.getByRole('button', { name: 'Turn on' }).click()
}

export async function ask(page: Page, question: string): Promise<void> {
  const turns = page.getByLabel('You', { exact: true })
  // A conversation that was opened by its address is read first.
  if (/#\/chat\/./.test(page.url())) await expect(turns.first()).toBeVisible()
  const before = await turns.count()
  await page.getByLabel('Your question').fill(question)
  await page.keyboard.press('Enter')
  // Else the answer before this one could be taken for its own.
  await expect(turns).toHaveCount(before + 1)
}

/** Ends every answer of this conversation after so many tokens. */
export async function mostTokens(page: Page, count: number): Promise<void> {
  await page.getByRole('button', { name: 'Sampling' }).click()
  await page.getByLabel('Most tokens').fill(String(count))
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
}

export interface Contributed {
  /** Of the datanet; it is made first. */
  datanet: string
  title: string
  author: string
  text: string
}

/** Makes an open datanet. @returns its id */
export async function createDatanet(page: Page, name: string): Promise<string> {
  await page.goto(pageUrl('#/datanets/new'))
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Create datanet' }).click()
  await expect(page.getByRole('heading', { name: `Contribute to ${name}` })).toBeVisible({ timeout: 30_000 })
  return /#\/datanets\/(\d+)/.exec(page.url())![1]!
}

/** Brings a pasted text to the datanet that is open for contribution, up to the last look before it is published. */
export async function writeContribution(page: Page, { text, title, author }: Omit<Contributed, 'datanet'>): Promise<void> {
  await page.getByLabel('Text', { exact: true }).fill(text)
  await page.getByRole('button', { name: 'Preview' }).click()
  const found = page.getByRole('article').first()
  await expect(found).toBeVisible({ timeout: 90_000 })
  // A spec that runs again after it failed finds its own text there already, left out.
  if (test.info().retry > 0) {
    const left = found.getByRole('button', { name: /^Take back in/ })
    if (await left.isVisible()) await left.click()
  }
  await found.getByLabel('Title').fill(title)
  await page.getByLabel('Author, as shown to readers').fill(author)
  await expect(found.getByRole('heading', { name: title })).toBeVisible()
}

/** Brings a text into a new datanet. @returns the datanet's id */
export async function contribute(page: Page, { datanet, ...text }: Contributed): Promise<string> {
  const id = await createDatanet(page, datanet)
  await writeContribution(page, text)
  await page.getByRole('button', { name: 'Publish' }).click({ timeout: 60_000 })
  await expect(page.getByRole('heading', { name: 'Published' })).toBeVisible({ timeout: 60_000 })
  return id
}

/** Leaves one datanet, by name, out of the next question. */
export async function leaveOut(page: Page, datanet: string): Promise<void> {
  await page.getByRole('button', { name: /Choose datanets/ }).click()
  await page.getByRole('group', { name: 'Choose datanets' }).first().getByRole('checkbox', { name: datanet }).uncheck()
  await page.keyboard.press('Escape')
}

/** Asks of one datanet alone, by name. */
export async function askOnly(page: Page, datanet: string): Promise<void> {
  await page.getByRole('button', { name: /Choose datanets/ }).click()
  const boxes = page.getByRole('group', { name: 'Choose datanets' }).first().getByRole('checkbox')
  await expect(boxes.first()).toBeVisible()
  const others = page.getByRole('group', { name: 'Choose datanets' }).first().locator('label').filter({ hasNotText: datanet })
  for (const other of await others.all()) await other.getByRole('checkbox').uncheck()
  await page.keyboard.press('Escape')
}

/** The last answer, once it is traced. */
export async function answered(page: Page) {
  const answer = page.getByLabel('Answer', { exact: true }).last()
  await expect(answer).toHaveAttribute('data-state', /complete|stopped|too_long|failed/, { timeout: ANSWER_MS })
  await expect(answer.getByRole('heading', { name: 'Who shaped it' })).toBeVisible({ timeout: 30_000 })
  return answer
}

/** What this browser keeps of the conversation that is open. */
export async function keptConversation(page: Page): Promise<Conversation> {
  const id = decodeURIComponent(new URL(page.url()).hash.replace('#/chat/', ''))
  return (await keptRecord(page, 'conversations', id)) as Conversation
}

/** The last answer of the conversation that is open, as this browser keeps it. */
export async function keptAnswer(page: Page): Promise<AnswerVersion> {
  const last = lastVersion(await keptConversation(page))
  if (last === undefined) throw new Error('The last message is no answer.')
  return last
}

/** One record of a namespace as it is stored, or all of them by key. */
export function keptRecord(page: Page, namespace: string, key?: string): Promise<unknown> {
  return page.evaluate(
    async ([name, wanted]) => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open(`open-chat/${name}`)
        opening.onsuccess = () => resolve(opening.result)
        opening.onerror = () => reject(opening.error)
      })
      const store = database.transaction('records').objectStore('records')
      const request = wanted === undefined ? store.getAll() : store.get(wanted)
      const found = await new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
      database.close()
      return found
    },
    [namespace, key] as const,
  )
}

/** Wei in the cells of the table under an answer, contributors first and the commons last. */
export function amountsOf(answer: Awaited<ReturnType<typeof answered>>): Promise<bigint[]> {
  return answer
    .locator('.shaped tbody td[title$=" wei"]')
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')!.replace(' wei', '')))
    .then((amounts) => amounts.map(BigInt))
}

export const verifySteps = (page: Page, status: string) =>
  page.locator(`li[data-step][data-status="${status}"]`).evaluateAll((steps) => steps.map((step) => step.getAttribute('data-step')!))

/** Waits for the end of a verification. */
export async function verified(page: Page): Promise<void> {
  // Without an outcome it broke off; then its error is what the spec shows.
  await expect(page.locator('.outcome')).not.toHaveAttribute('data-outcome', 'running', { timeout: 90_000 })
  await expect(page.locator('.outcome')).toHaveAttribute('data-outcome', /^(ok|failed|unknown)$/, { timeout: 1000 })
}
