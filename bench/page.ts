// What the page costs a visitor's eyes and fingers, in a real Chromium: first and largest paint, layout shift, the longest task
// of the page's thread while an answer streams, and the time from a reload to the first word with the model kept. Beside it, in
// the same run and browser: a blank Svelte page, and wllama with the same file and question.
//   npm run bench:page [-- --runs 3] [--tokens 32] [--json]
// Tasks are read from Chromium's own trace: `wall` counts what the machine made the thread wait, `cpu` only what it worked.
// A cold load is a fresh browser profile. Exit code 1: the longest task while streaming is above its bar.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test'
import { startHouse } from '../e2e/house.ts'
import { readFlags } from '../scripts/flags.ts'
import { findChromium, stateDir } from '../scripts/setup.mjs'
import { OpenChatError } from '../src/errors.ts'
import { servePages } from './page/serve.ts'
import { longestTask, type TraceEvent } from './page/trace.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const QUESTION = 'Write a short paragraph about the sea.'
/** The page's thread may not be held longer than this while words stream, ms. */
const BAR_MS = 50
const LOAD_MS = 300_000

interface Paint {
  fcp: number
  lcp: number
  shift: number
  /** Bytes over the wire until the page was quiet. */
  bytes: number
}

interface Report {
  browser: string
  device: string
  runs: number
  tokens: number
  blank: Paint[]
  page: Paint[]
  /** ms, one a run: the longest task between the first word and the last. */
  streaming: { wall: number; cpu: number; tasks: number; shift: number }[]
  /** ms from the navigation to the first word, one a run. */
  firstWord: { page: number[]; wllama: number[] }
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['runs', 'tokens'], switches: ['json'] })
  const runs = flags.integer('runs', 3, 1)
  const tokens = flags.integer('tokens', 32, 8)
  const executablePath = findChromium()
  if (executablePath === undefined) throw new OpenChatError('browser_unavailable', 'No Chromium was found.', { action: 'Install one.' })
  const folder = mkdtempSync(join(tmpdir(), 'open-chat-bench-'))
  mkdirSync(stateDir, { recursive: true })
  const house = await startHouse(join(folder, 'chain'))
  const beside = await servePages(['blank.html', 'wllama.html'], join(folder, 'beside'), join(stateDir, 'models'))
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--disable-background-networking',
      '--no-first-run',
    ],
  })
  try {
    const report: Report = {
      browser: `Chromium ${browser.version()}`,
      device: `${cpus().length} × ${cpus()[0]?.model.trim()}, WebGPU on SwiftShader`,
      runs,
      tokens,
      blank: [],
      page: [],
      streaming: [],
      firstWord: { page: [], wllama: [] },
    }
    for (let run = 0; run < runs; run++) {
      report.blank.push(await painted(browser, `${beside.url}blank.html`))
      report.page.push(await painted(browser, house.page))
    }
    const ours = await browser.newContext(VIEW)
    const theirs = await browser.newContext(VIEW)
    await warm(ours, house.page)
    await wllamaFirstWord(theirs, beside.url)
    for (let run = 0; run < runs; run++) {
      const { firstWord, streaming } = await streamed(browser, ours, house.page, tokens)
      report.firstWord.page.push(firstWord)
      report.streaming.push(streaming)
      report.firstWord.wllama.push(await wllamaFirstWord(theirs, beside.url))
    }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
    return Math.max(...report.streaming.map(({ wall }) => wall)) > BAR_MS ? 1 : 0
  } finally {
    await browser.close()
    beside.server.close()
    await house.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const VIEW = { viewport: { width: 1280, height: 800 } }

/** Notes of the browser about painting, kept where `paintOf` finds them. */
const observe = () => {
  const seen = { fcp: 0, lcp: 0, shift: 0 }
  Object.assign(window, { benchSeen: seen })
  const on = (type: string, note: (entry: PerformanceEntry) => void) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true })
  on('paint', (entry) => {
    if (entry.name === 'first-contentful-paint') seen.fcp = entry.startTime
  })
  on('largest-contentful-paint', (entry) => {
    seen.lcp = entry.startTime
  })
  on('layout-shift', (entry) => {
    const { value, hadRecentInput } = entry as PerformanceEntry & { value: number; hadRecentInput: boolean }
    if (!hadRecentInput) seen.shift += value
  })
}

function paintOf(page: Page): Promise<Paint> {
  return page.evaluate(() => ({
    ...(window as unknown as { benchSeen: { fcp: number; lcp: number; shift: number } }).benchSeen,
    bytes: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce(
      (sum, entry) => sum + (entry as PerformanceResourceTiming).transferSize,
      0,
    ),
  }))
}

/** A first visit: nothing cached, nothing downloaded yet. */
async function painted(browser: Browser, url: string): Promise<Paint> {
  const context = await browser.newContext(VIEW)
  // A metered connection: the model waits to be asked for, so that only the page is measured.
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'connection', { get: () => ({ saveData: true }) }))
  await context.addInitScript(observe)
  const page = await context.newPage()
  await page.goto(url, { waitUntil: 'networkidle' })
  await page.waitForTimeout(1000)
  const paint = await paintOf(page)
  await context.close()
  return paint
}

/** Downloads the model into this profile and answers once, so that pipelines and files are where a second visit finds them. */
async function warm(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage()
  await page.goto(url)
  await page.getByText(/^Ready on/).waitFor({ timeout: LOAD_MS })
  await page.close()
}

/** A second visit: the question is written at once and answered when the model is there. */
async function streamed(browser: Browser, context: BrowserContext, url: string, tokens: number) {
  const page = await context.newPage()
  await page.addInitScript(observe)
  await page.goto(url)
  const sources = page.getByRole('switch', { name: 'Ask with sources' })
  if ((await sources.getAttribute('aria-checked')) === 'true') await sources.click()
  await page.getByLabel('Your question').fill(QUESTION)
  await page.keyboard.press('Enter')
  const firstWord = await spoken(page, 1)
  const before = (await paintOf(page)).shift
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] })
  await spoken(page, tokens)
  const trace = JSON.parse((await browser.stopTracing()).toString('utf8')) as { traceEvents: TraceEvent[] }
  const shift = (await paintOf(page)).shift - before
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.close()
  return { firstWord, streaming: { ...longestTask(trace.traceEvents), shift } }
}

/** Waits until the last answer has so many words. @returns ms since the navigation. */
async function spoken(page: Page, words: number): Promise<number> {
  const handle = await page.waitForFunction(
    (wanted) => {
      const answer = [...document.querySelectorAll('article[data-state="running"], article[data-state="complete"]')].at(-1)
      const words = answer?.querySelector('.answer-text')?.textContent?.trim().split(/\s+/).filter(Boolean).length ?? 0
      return words >= wanted || (wanted > 1 && answer?.getAttribute('data-state') === 'complete') ? performance.now() : false
    },
    words,
    { timeout: LOAD_MS, polling: 'raf' },
  )
  return (await handle.jsonValue()) as number
}

async function wllamaFirstWord(context: BrowserContext, url: string): Promise<number> {
  const { models } = JSON.parse(readFileSync(join(root, 'public', 'catalogue.json'), 'utf8')) as { models: { sha256: string }[] }
  const query = new URLSearchParams({ model: `/models/${models[0]!.sha256}.gguf`, question: QUESTION, tokens: '4' })
  const page = await context.newPage()
  await page.goto(`${url}wllama.html?${query}`)
  const handle = await page.waitForFunction(
    () => {
      const answer = document.getElementById('answer')!
      if (answer.dataset.end !== undefined && answer.dataset.end !== 'stop') return answer.dataset.end
      return answer.textContent === '' ? false : performance.now()
    },
    undefined,
    { timeout: LOAD_MS, polling: 'raf' },
  )
  const at = (await handle.jsonValue()) as number | string
  if (typeof at === 'string') throw new OpenChatError('bench_invalid', `wllama did not answer: ${at}`, { action: 'Run the bench again.' })
  await page.waitForFunction(() => document.getElementById('answer')!.dataset.end !== undefined, undefined, { timeout: LOAD_MS })
  await page.close()
  return at
}

function table({ browser, device, runs, tokens, blank, page, streaming, firstWord }: Report): string {
  const middle = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
  const ms = (values: number[]) => `${middle(values).toFixed(0)} (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`
  const paint = (paints: Paint[]) =>
    `${ms(paints.map((p) => p.fcp))} | ${ms(paints.map((p) => p.lcp))} | ${Math.max(...paints.map((p) => p.shift)).toFixed(4)} | ${(middle(paints.map((p) => p.bytes)) / 1000).toFixed(0)}`
  return `${browser}, ${device}, ${runs} runs: median (least–most)

| first visit | FCP ms | LCP ms | layout shift | kB over the wire |
|---|---|---|---|---|
| Open Chat | ${paint(page)} |
| blank Svelte page | ${paint(blank)} |

| reload to first word, model kept | ms |
|---|---|
| Open Chat | ${ms(firstWord.page)} |
| wllama, same file | ${ms(firstWord.wllama)} |

While ${tokens} words stream: longest task ${ms(streaming.map((s) => s.wall))} ms wall, ${ms(streaming.map((s) => s.cpu))} ms cpu, of ${middle(streaming.map((s) => s.tasks))} tasks; layout shift ${Math.max(...streaming.map((s) => s.shift)).toFixed(4)} (bars: ${BAR_MS} ms, 0.05)
`
}
