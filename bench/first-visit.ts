// How long a first visit takes from the first request to Ready, in a real Chromium through the page's own worker, when the model is
// loaded while it is fetched, beside fetching it first. The server sends at a stated rate.
//   node scripts/run.mjs bench/first-visit.ts [--runs 3] [--rate 20] [--json]           (rate in MB/s)
// Each visit has a browser profile of its own; both kinds take turns within a run, and ratios are of pairs. The floor is what the
// longer of the two alone takes, fetching or loading from storage, as the visit that does one after the other shows them.
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Browser } from '@playwright/test'
import catalogue from '../public/catalogue.json'
import { readFlags } from '../scripts/flags.ts'
import { defaultModelPath } from '../scripts/node-engine.ts'
import { OpenChatError } from '../src/errors.ts'
import type { ModelFile } from '../src/workers/gpu-api.ts'
import { openChromium } from './page/chromium.ts'
import type { Visit, visit } from './page/first-visit.ts'
import { servePages } from './page/serve.ts'

interface Pair {
  apart: Visit
  together: Visit
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['runs', 'rate'], switches: ['json'] })
  const runs = flags.integer('runs', 3, 1)
  const rate = flags.integer('rate', 20, 1)
  const folder = mkdtempSync(join(tmpdir(), 'open-chat-bench-'))
  const pages = await servePages(['first-visit.html'], folder, folder)
  const { server, url } = await serveSlowly(defaultModelPath(), rate * 1e6)
  const browser = await openChromium()
  const { name, sha256, bytes, chunks } = catalogue.models[0]!
  const model: ModelFile = { name, sha256, bytes, chunks, urls: [url] }
  try {
    const pairs: Pair[] = []
    // Run 0 warms up: the browser compiles shaders on first use.
    for (let run = 0; run <= runs; run++) {
      const pair = {
        apart: await visited(browser, pages.url, 'apart', model),
        together: await visited(browser, pages.url, 'together', model),
      }
      if (pair.apart.said === '' || pair.apart.said !== pair.together.said) {
        throw new OpenChatError('bench_invalid', `The model said "${pair.apart.said}" and "${pair.together.said}".`)
      }
      if (run > 0) pairs.push(pair)
    }
    const report = {
      browser: `Chromium ${browser.version()}`,
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
      rate,
      bytes,
      pairs,
    }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
    return 0
  } finally {
    await browser.close()
    pages.server.close()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function visited(browser: Browser, url: string, kind: keyof typeof visit, model: ModelFile): Promise<Visit> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(`${url}first-visit.html`)
    await page.waitForFunction(() => 'visit' in window)
    type Visits = { visit: typeof visit }
    return await page.evaluate(([which, given]) => (window as unknown as Visits).visit[which](given), [kind, model] as const)
  } finally {
    await context.close()
  }
}

/** One file, in ranges, all answers together at `bytesPerSecond`. */
async function serveSlowly(path: string, bytesPerSecond: number): Promise<{ server: Server; url: string }> {
  const { size } = statSync(path)
  // When the line is free again, ms.
  let free = 0
  const turn = async (bytes: number) => {
    const now = performance.now()
    free = Math.max(free, now) + (1000 * bytes) / bytesPerSecond
    await new Promise((resolve) => setTimeout(resolve, free - now))
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const [, first = '0', last = String(size - 1)] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const [from, to] = [Number(first), Number(last)]
    response.writeHead(request.method === 'OPTIONS' ? 204 : 206, {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Headers': 'Range',
      'Access-Control-Expose-Headers': 'Content-Range',
      'Content-Range': `bytes ${from}-${to}/${size}`,
    })
    if (request.method !== 'OPTIONS') {
      for await (const part of createReadStream(path, { start: from, end: to, highWaterMark: 64 << 10 })) {
        await turn(part.length)
        if (!response.write(part)) await new Promise((resolve) => response.once('drain', resolve))
      }
    }
    response.end()
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf` }
}

interface Report {
  browser: string
  machine: string
  rate: number
  bytes: number
  pairs: Pair[]
}

function table({ browser, machine, rate, bytes, pairs }: Report): string {
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
  const floor = ({ apart }: Pair) => Math.max(apart.fetched, apart.ready - apart.fetched)
  const row = (label: string, of: (pair: Pair) => Visit) => {
    const ms = (value: (visit: Visit) => number) => middle(pairs.map((pair) => value(of(pair)))).toFixed(0)
    const times = middle(pairs.map((pair) => of(pair).ready / floor(pair))).toFixed(2)
    return `| ${label} | ${ms(({ fetched }) => fetched)} | ${ms(({ fetched, written }) => written - fetched)} | ${ms(({ ready, written }) => ready - written)} | ${ms(({ ready }) => ready)} | ${times} |`
  }
  return `${browser}, ${pairs[0]!.together.device}, ${machine}; ${(bytes / 1e6).toFixed(1)} MB at ${rate} MB/s, ${pairs.length} runs after 1 to warm up: medians

| first visit, ms | fetched | then written | then Ready | in all | times the floor |
|---|---|---|---|---|---|
${row('fetched, then loaded', ({ apart }) => apart)}
${row('loaded while it is fetched', ({ together }) => together)}

Loaded while it is fetched, a visit takes ${middle(pairs.map(({ apart, together }) => together.ready / apart.ready)).toFixed(2)} of the time.
`
}
