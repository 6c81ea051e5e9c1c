// How fast the engine is here: decode and prefill tokens/s, first token, dispatches a token, and what an adapter and a batch cost.
//   npm run bench:engine [-- --model FILE] [--adapter DIR] [--runs 3] [--prompt-tokens 64] [--tokens 16] [--json]
// Every run's prompt differs in its first token, so no run finds its prompt in the cache; the variants take turns within a run,
// so that a busy machine slows all of them alike. What was timed is checked: greedy answers to one prompt must be the same alone
// and in a batch, or nothing is printed. On a software adapter the bars of the README are compared and a miss is exit code 1.
import process from 'node:process'
import { readFlags } from '../scripts/flags.ts'
import { defaultModelPath, openNodeEngine, readAdapterFolder } from '../scripts/node-engine.ts'
import { OpenChatError } from '../src/errors.ts'
import type { CompletionEvent, Engine } from '../src/gpu/types.ts'

/** Tokens/s on SwiftShader with two quiet cores. */
const bars = { decode: 2.5, prefill: 6 }
const rowsTogether = 4
const passage =
  'A bench is a promise about a machine that the reader does not own. It names the device, the model, the number of runs and the ' +
  'spread, and it says what was left out. The rest of this paragraph is here only to be read by a model, word after word, at the ' +
  'pace of the machine below it, which has other things to do and will say so in its worst case rather than in its best one. '

interface Sample {
  label: string
  unit: string
  values: number[]
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['model', 'adapter', 'runs', 'prompt-tokens', 'tokens'], switches: ['json'] })
  const path = flags.text('model') ?? defaultModelPath()
  const runs = flags.integer('runs', 3, 1)
  const promptTokens = flags.integer('prompt-tokens', 64, 8)
  const tokens = flags.integer('tokens', 16, 4)
  const folder = flags.text('adapter')
  const from = performance.now()
  const { engine, close } = await openNodeEngine(path, { contextTokens: 2048 })
  try {
    const loadMs = performance.now() - from
    if (folder !== undefined) await engine.addAdapter('bench', await readAdapterFolder(folder))
    const adapters = folder === undefined ? [null] : [null, 'bench']
    const samples = await measure(engine, adapters, { runs, promptTokens, tokens })
    const report = summarise(engine, samples, { model: path.replace(/^.*[\\/]/, ''), runs, promptTokens, tokens, loadMs })
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
    return report.bars.some(({ met }) => met === false) ? 1 : 0
  } finally {
    await close()
  }
}

interface Settings {
  runs: number
  promptTokens: number
  tokens: number
}

function promptOf(engine: Engine, run: number, length: number): number[] {
  const words = engine.encode(passage.repeat(Math.ceil(length / 60)))
  // The run's number comes first: a prefix that no other run has.
  return [...engine.encode(String.fromCharCode(65 + (run % 26))), ...words].slice(0, length)
}

async function measure(engine: Engine, adapters: (string | null)[], settings: Settings): Promise<Sample[]> {
  const { runs, promptTokens, tokens } = settings
  const samples = new Map<string, Sample>()
  const add = (label: string, unit: string, value: number) => {
    const sample = samples.get(label) ?? { label, unit, values: [] }
    sample.values.push(value)
    samples.set(label, sample)
  }
  // Run 0 warms up: shaders are compiled on first use.
  for (let run = 0; run <= runs; run++) {
    const prompt = promptOf(engine, run, promptTokens)
    for (const adapter of adapters) {
      const suffix = adapter === null ? '' : ', one adapter'
      const alone = await complete(engine, prompt, tokens, adapter)
      if (run > 0) {
        add(`prefill${suffix}`, 'tokens/s', (1000 * promptTokens) / alone.prefillMs)
        add(`first token${suffix}`, 'ms', alone.firstTokenMs)
        for (const ms of alone.gaps) add(`decode${suffix}`, 'tokens/s', 1000 / ms)
        add(`dispatches a token${suffix}`, 'dispatches', alone.perToken)
      }
      if (adapter === null) {
        const perStep = await stepTogether(engine, prompt, alone.ids)
        if (run > 0) for (const ms of perStep) add(`decode, ${rowsTogether} rows together`, 'tokens/s', (1000 * rowsTogether) / ms)
      }
    }
  }
  return [...samples.values()]
}

async function complete(engine: Engine, prompt: number[], maxTokens: number, adapter: string | null) {
  const times: number[] = []
  let end: Extract<CompletionEvent, { type: 'end' }> | undefined
  for await (const event of engine.complete({ tokens: prompt, maxTokens, temperature: 0, adapter })) {
    if (event.type === 'token') times.push(performance.now())
    else if (event.type === 'end') end = event
  }
  if (end === undefined || end.tokens.length < 2) throw invalid('A timed answer ended at once.')
  const gaps = times.slice(1).map((time, i) => time - times[i])
  return { gaps, ids: end.tokens, prefillMs: end.prefillMs, firstTokenMs: end.firstTokenMs, perToken: end.dispatches.perToken }
}

/** Four rows step through the answer side by side. @returns ms of each step. @throws bench_invalid when a row's arg max differs. */
async function stepTogether(engine: Engine, prompt: number[], answer: number[]): Promise<number[]> {
  const first = engine.session()
  await first.prefill(prompt)
  const sessions = [first]
  while (sessions.length < rowsTogether) sessions.push(await first.fork())
  const steps: number[] = []
  for (let i = 0; i + 1 < answer.length; i++) {
    const from = performance.now()
    const logits = await engine.step(sessions.map((session) => ({ session, token: answer[i] })))
    steps.push(performance.now() - from)
    if (logits.some((row) => row.indexOf(row.reduce((a, b) => Math.max(a, b))) !== answer[i + 1])) {
      throw invalid(`Step ${i} of ${rowsTogether} rows together gave another token than alone.`)
    }
  }
  for (const session of sessions) session.dispose()
  return steps
}

function invalid(sentence: string): OpenChatError {
  return new OpenChatError('bench_invalid', sentence, { action: 'Run the parity tests first: what was timed is wrong.' })
}

function summarise(engine: Engine, samples: Sample[], facts: Settings & { model: string; loadMs: number }) {
  const { adapterName, isFallbackAdapter, weightBytes } = engine.stats()
  const rows = samples.map(({ label, unit, values }) => {
    const sorted = values.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
    // p95 is the bad end: the longest time, the lowest rate.
    return { label, unit, n: values.length, median: at(0.5), p95: at(unit === 'ms' ? 0.95 : 0.05) }
  })
  const bar = (label: string, least: number) => {
    const median = rows.find((row) => row.label === label)?.median ?? 0
    return { label, least, met: isFallbackAdapter ? median >= least : null }
  }
  return {
    device: adapterName,
    software: isFallbackAdapter,
    runtime: `Node ${process.version}, Dawn`,
    ...facts,
    warmUp: 1,
    batch: rowsTogether,
    weightBytes,
    rows,
    bars: [bar('decode', bars.decode), bar('prefill', bars.prefill)],
  }
}

function table(report: ReturnType<typeof summarise>): string {
  const lines = report.rows.map(({ label, unit, n, median, p95 }) => {
    return `| ${label} | ${median.toFixed(2)} | ${p95.toFixed(2)} | ${unit} | ${n} |`
  })
  const verdict = report.bars.map(({ label, least, met }) => {
    return `${label} ≥ ${least}: ${met === null ? 'for software adapters only' : met ? 'met' : 'missed'}`
  })
  return [
    `${report.device}${report.software ? ' (software)' : ''}, ${report.runtime}`,
    `${report.model}, ${report.promptTokens} prompt tokens, ${report.tokens} greedy tokens, ${report.runs} runs after 1 to warm up`,
    `${(report.weightBytes / 1e6).toFixed(0)} MB of weights; loaded in ${report.loadMs.toFixed(0)} ms`,
    '',
    '| | median | p95 | | n |',
    '|---|---|---|---|---|',
    ...lines,
    '',
    verdict.join('; '),
    '',
  ].join('\n')
}
