// The browser's part of bench/replay.ts: a model and its adapters, served to the page's own worker in a Chromium. Not a bench.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { fileDigest } from '../scripts/node-engine.ts'
import type { ReplayAsk, ReplayFindings } from '../src/attribution/types.ts'
import { OpenChatError } from '../src/errors.ts'
import type { AdapterFile, ModelFile } from '../src/workers/gpu-api.ts'
import { openChromium } from './page/chromium.ts'
import type { replays } from './page/replay.ts'
import { servePages } from './page/serve.ts'
import type { Answer } from './replay-answers.ts'
import type { NamedAdapter } from './replay-models.ts'

export interface BrowserEngine {
  /** Chromium's version, and the device it computes on. */
  name: string
  say(i: number, tokens: number, adapter: string): Promise<Answer>
  replay(ask: ReplayAsk): Promise<ReplayFindings>
}

/** @throws browser_unavailable, and what the worker throws */
export async function withBrowser<T>(
  path: string,
  adapters: readonly NamedAdapter[],
  work: (engine: BrowserEngine) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'open-chat-replay-'))
  const served = join(folder, 'models')
  mkdirSync(served)
  const sha256 = await fileDigest(path)
  copyFileSync(path, join(served, `${sha256}.gguf`))
  const model: ModelFile = { name: 'replayed', sha256, bytes: statSync(path).size, urls: [`/models/${sha256}.gguf`] }
  const files = adapters.map(({ digest, files: { config, weights } }): AdapterFile => {
    writeFileSync(join(served, digest), weights)
    writeFileSync(join(served, `${digest}.json`), config)
    const named = {
      url: `/models/${digest}.json`,
      sha256: createHash('sha256').update(config).digest('hex'),
      bytes: Buffer.byteLength(config),
    }
    return { name: digest.slice(0, 8), digest, bytes: weights.length, weights: `/models/${digest}`, config: named }
  })
  const pages = await servePages(['replay.html'], join(folder, 'pages'), served)
  const browser = await openChromium()
  try {
    const page = await browser.newPage()
    await page.goto(`${pages.url}replay.html`)
    await page.waitForFunction(() => 'replays' in window)
    const { gpu, refused } = await inPage(page, 'open', model, files)
    if (refused.length > 0) throw new OpenChatError('bench_invalid', `The page refused an adapter: ${refused.join(' ')}`)
    return await work({
      name: `Chromium ${browser.version()}, ${gpu}`,
      say: (i, tokens, adapter) => inPage(page, 'say', i, tokens, adapter),
      replay: (ask) => inPage(page, 'replay', ask),
    })
  } finally {
    await browser.close()
    pages.server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Replays = typeof replays

/** One of the page's own calls; what it takes and gives crosses as JSON. */
function inPage<K extends keyof Replays>(page: Page, verb: K, ...given: Parameters<Replays[K]>): Promise<Awaited<ReturnType<Replays[K]>>> {
  return page.evaluate(
    ([name, args]) => {
      const { replays: page } = window as unknown as { replays: Record<string, (...args: unknown[]) => Promise<unknown>> }
      return page[name](...args)
    },
    [verb, given] as [string, unknown[]],
  ) as Promise<Awaited<ReturnType<Replays[K]>>>
}
