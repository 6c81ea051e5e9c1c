// How fast the engine is in a real Chromium, through the page's own worker, and how that compares with wllama (llama.cpp in wasm)
// on the same file, in the same browser and the same run.
//   npm run bench:browser [-- --model FILE] [--runs 3] [--tokens 24] [--rows 4] [--json]
// The engines take turns within a run, so that a busy machine slows both alike; ratios are of pairs. Where the machine has no
// GPU, WebGPU runs on SwiftShader, and that is said; wllama then computes on the same cores without the detour.
// Dispatches and bytes against the floor of the device are bench/engine.ts's, on the same code.
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { readFlags } from '../scripts/flags.ts'
import { defaultModelPath, fileDigest } from '../scripts/node-engine.ts'
import { OpenChatError } from '../src/errors.ts'
import type { ModelFile } from '../src/workers/gpu-api.ts'
import { openChromium } from './page/chromium.ts'
import type { bench, Timed } from './page/engines.ts'
import { servePages } from './page/serve.ts'

interface Pair {
  ours: Timed
  wllama: Timed
}

interface Report {
  browser: string
  device: string
  software: boolean
  machine: string
  wllamaThreads: number
  model: string
  runs: number
  tokens: number
  rows: number
  loadMs: number
  pairs: Pair[]
  /** Tokens/s of `rows` conversations, one a run. */
  together: number[]
  turns: { prefilled: number[]; prompt: number[] }
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['model', 'runs', 'tokens', 'rows'], switches: ['json'] })
  const runs = flags.integer('runs', 3, 1)
  const tokens = flags.integer('tokens', 24, 8)
  const rows = flags.integer('rows', 4, 2, 4)
  const path = flags.text('model') ?? defaultModelPath()
  const sha256 = await fileDigest(path)
  const folder = mkdtempSync(join(tmpdir(), 'open-chat-bench-'))
  const served = join(folder, 'models')
  mkdirSync(served)
  shareFile(path, join(served, `${sha256}.gguf`))
  const pages = await servePages(['engines.html'], join(folder, 'pages'), served)
  const browser = await openChromium()
  try {
    const page = await browser.newPage()
    await page.goto(`${pages.url}engines.html`)
    await page.waitForFunction(() => 'bench' in window)
    const name = path.replace(/^.*[\\/]/, '')
    const model: ModelFile = { name, sha256, bytes: statSync(path).size, urls: [`/models/${sha256}.gguf`] }
    type Bench = { bench: typeof bench }
    const opened = await page.evaluate((given) => (window as unknown as Bench).bench.open(given), model)
    if (!opened.isolated) throw new OpenChatError('bench_invalid', 'The page has no shared memory: wllama would run on one thread.')
    const report: Report = {
      browser: `Chromium ${browser.version()}`,
      device: opened.loaded.gpu,
      software: opened.loaded.software,
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
      wllamaThreads: opened.threads,
      model: name,
      ...{ runs, tokens, rows },
      loadMs: opened.loadMs,
      pairs: [],
      together: [],
      turns: await page.evaluate((count) => (window as unknown as Bench).bench.turns(count), tokens),
    }
    // Run 0 warms up: shaders are compiled on first use.
    for (let run = 0; run <= runs; run++) {
      const given: [number, number] = [run, tokens]
      const pair: Pair = {
        ours: await page.evaluate(([at, count]) => (window as unknown as Bench).bench.ours(at, count), given),
        wllama: await page.evaluate(([at, count]) => (window as unknown as Bench).bench.wllama(at, count), given),
      }
      requireAnswer(pair)
      const together = await page.evaluate(([at, many, count]) => (window as unknown as Bench).bench.together(at, many, count), [
        run,
        rows,
        tokens,
      ] as [number, number, number])
      if (run === 0) continue
      report.pairs.push(pair)
      report.together.push(together)
    }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
    return 0
  } finally {
    await browser.close()
    pages.server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A second name of the file where the folders share a disk, else a copy. */
function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!['EPERM', 'EXDEV', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    copyFileSync(from, to)
  }
}

/** Both must have read the same prompt and said something. @throws bench_invalid */
function requireAnswer({ ours, wllama }: Pair): void {
  // llama.cpp may count a BOS that the template does not write.
  const apart = Math.abs(ours.usage.promptTokens - wllama.usage.promptTokens)
  if (ours.usage.completionTokens > 1 && wllama.usage.completionTokens > 1 && apart <= 2) return
  throw new OpenChatError(
    'bench_invalid',
    `The engines did not do the same: prompts of ${ours.usage.promptTokens} and ${wllama.usage.promptTokens} tokens, answers of ` +
      `${ours.usage.completionTokens} and ${wllama.usage.completionTokens}.`,
    { action: 'Ask for more tokens, or look at the chat template of the file.' },
  )
}

function table(report: Report): string {
  const { pairs, runs, tokens, rows, turns } = report
  const sorted = (values: number[]) => values.toSorted((a, b) => a - b)
  const middle = (values: number[]) => sorted(values)[Math.floor(values.length / 2)]!
  const p95 = (values: number[], bad: 'low' | 'high') => (bad === 'low' ? sorted(values)[0]! : sorted(values).at(-1)!)
  const row = (label: string, unit: string, bad: 'low' | 'high', of: (timed: Timed) => number) => {
    const [ours, theirs] = [pairs.map((pair) => of(pair.ours)), pairs.map((pair) => of(pair.wllama))]
    const ratio = middle(pairs.map((pair) => of(pair.ours) / of(pair.wllama)))
    return `| ${label} | ${middle(ours).toFixed(1)} (${p95(ours, bad).toFixed(1)}) | ${middle(theirs).toFixed(1)} (${p95(theirs, bad).toFixed(1)}) | ${unit} | ${ratio.toFixed(2)} |`
  }
  const decode = pairs.map(({ ours }) => ours.usage.tokensPerSecond)
  return [
    `${report.browser}, ${report.device}${report.software ? ' (software)' : ''}, ${report.machine}`,
    `${report.model}, ${pairs[0]!.ours.usage.promptTokens} prompt tokens, ${tokens} greedy tokens, ${runs} runs after 1 to warm up: median (worst); loaded in ${report.loadMs.toFixed(0)} ms`,
    '',
    `| | Open Chat | wllama, ${report.wllamaThreads} thread${report.wllamaThreads === 1 ? '' : 's'} | | ratio |`,
    '|---|---|---|---|---|',
    row('prefill', 'tokens/s', 'low', ({ usage }) => (1000 * usage.promptTokens) / usage.firstTokenMs),
    row('first token', 'ms', 'high', ({ usage }) => usage.firstTokenMs),
    row('decode', 'tokens/s', 'low', ({ usage }) => usage.tokensPerSecond),
    '',
    `${rows} conversations together: ${middle(report.together).toFixed(1)} tokens/s, ${(middle(report.together) / middle(decode)).toFixed(2)} × one alone; ${pairs[0]!.ours.usage.dispatchesPerToken} dispatches a token`,
    `turns: prompts of ${turns.prompt.join(', ')} tokens, of which ${turns.prefilled.join(', ')} were prefilled`,
    '',
  ].join('\n')
}
