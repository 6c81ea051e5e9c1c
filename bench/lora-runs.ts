// What bench/lora.ts measures: a switch of adapter from each tier, a contributor group dropped, leave-one-out over eight groups,
// several adapters on one prompt, and the trace of a thousand adapters. Pairs take turns within a run, so that a busy machine slows
// both alike. Rows under adapters are held against one row and against as many rows of the base: where a device is bound by
// arithmetic, most of what many rows cost is rows. Invariant: what was timed is checked, or nothing is said.
import { performance } from 'node:perf_hooks'
import { OpenChatError } from '../src/errors.ts'
import type { AdapterFiles, AdapterPart, Engine, Session } from '../src/gpu/types.ts'
import { randomTokens, type Shape, shapeAdapter } from './shapes.ts'

export interface Sample {
  label: string
  unit: string
  values: number[]
}

export interface TraceSettings {
  adapters: number
  requests: number
  tokens: number
  exponent: number
  /** Requests at a time. */
  together: number
}

export interface TraceResult {
  hitRate: number
  found: { device: number; host: number; loaded: number }
  switchMs: Sample
  /** tokens/s of blocks of the trace, and of the same requests under one adapter. */
  trace: Sample
  one: Sample
}

const groupCount = 8
const promptTokens = 8

/** A seeded adapter whose ranks are eight contributors'. */
export function groupedAdapter(shape: Shape, rank: number, seed: number): AdapterFiles {
  const { config, weights } = shapeAdapter(shape, rank, seed)
  const groups = Array.from({ length: groupCount }, (_, i) => ({ name: `group ${i}`, rank: rank / groupCount }))
  return { config: JSON.stringify({ ...JSON.parse(config), open_chat: { groups } }), weights }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/**
 * How long until an adapter can be used, by where it was. The engine's budgets hold two adapters on the device, four on the host.
 * @param names of registered adapters, eight or more
 */
export async function switchTimes(engine: Engine, names: readonly string[], runs: number): Promise<Sample[]> {
  const tiers = { device: 'switch, on the device', host: 'switch, from the host', loaded: 'switch, from its folder' } as const
  const samples = Object.fromEntries(Object.entries(tiers).map(([tier, label]) => [tier, { label, unit: 'ms', values: [] as number[] }]))
  const preload = async (name: string, counts: boolean) => {
    const before = engine.stats().adapters.found
    const ms = await timed(() => engine.preloadAdapter(name))
    const after = engine.stats().adapters.found
    const tier = (['loaded', 'host', 'device'] as const).find((one) => after[one] > before[one])
    if (tier === undefined) throw invalid(`Nobody says where ${name} was.`)
    if (counts) samples[tier].values.push(ms)
  }
  for (let run = 0; run <= runs; run++) {
    // Round and round: the device and the host have forgotten each by the time it comes again; then back, and once more.
    for (const name of names) await preload(name, run > 0)
    for (const name of names.slice(-4).toReversed()) {
      await preload(name, run > 0)
      await preload(name, run > 0)
    }
  }
  return Object.values(samples)
}

/** Time of dropping one group of a resident adapter, and of bringing it back. */
export async function dropTimes(engine: Engine, name: string, runs: number): Promise<Sample> {
  const values: number[] = []
  await engine.preloadAdapter(name)
  for (let run = 0; run < runs * groupCount; run++) {
    const groups = [`group ${run % groupCount}`]
    values.push(await timed(() => engine.dropAdapterGroups(name, groups)))
    await engine.dropAdapterGroups(name, [])
  }
  return { label: 'a contributor group dropped', unit: 'ms', values }
}

/** Nine rows of one step, each without one group and one with all, against a step of one row. */
export function leaveOneOut(engine: Engine, name: string, runs: number, steps: number): Promise<Sample[]> {
  const choices: AdapterPart[][] = [[{ name }], ...Array.from({ length: groupCount }, (_, i) => [{ name, without: [`group ${i}`] }])]
  return rowsAgainstOne(engine, choices, 'leave-one-out over 8 groups', runs, steps)
}

/** One prompt answered under each adapter: their rows of one step, against a step of one. */
export function onePrompt(engine: Engine, names: readonly string[], runs: number, steps: number): Promise<Sample[]> {
  const choices = names.map((name) => [{ name }])
  return rowsAgainstOne(engine, choices, `${names.length} adapters on one prompt`, runs, steps)
}

async function rowsAgainstOne(engine: Engine, choices: readonly AdapterPart[][], label: string, runs: number, steps: number) {
  const prompt = randomTokens(engine.vocab, promptTokens, 5)
  const opened = async (choice: AdapterPart[] | null): Promise<Session> => {
    const session = engine.session(choice)
    await session.prefill(prompt)
    return session
  }
  const rows: Session[] = []
  const base: Session[] = []
  for (const choice of choices) {
    rows.push(await opened(choice))
    base.push(await opened(null))
  }
  const [alone, bare] = [await opened(choices[0]), await opened(null)]
  const { length: count } = choices
  const sample = (what: string, unit: string): Sample => ({ label: `${label}${what}`, unit, values: [] })
  const one = sample(': one row', 'ms')
  const all = sample(': all rows', 'ms')
  const toOne = sample(' against 1', '× time')
  const toBase = sample(` against ${count} base rows`, '× time')
  const baseToOne = sample(`: ${count} base rows against 1`, '× time')
  const step = async (sessions: readonly Session[], token: number): Promise<{ ms: number; logits: Float32Array[] }> => {
    let logits: Float32Array[] = []
    const ms = await timed(async () => {
      logits = await engine.step(sessions.map((session) => ({ session, token })))
    })
    return { ms, logits }
  }
  for (let run = 0; run <= runs; run++) {
    for (let at = 0; at < steps; at++) {
      const [token] = randomTokens(engine.vocab, 1, 100 * run + at)
      const single = await step([alone], token)
      const together = await step(rows, token)
      const plain = await step([bare], token)
      const plains = await step(base, token)
      if (differs(together.logits[0], single.logits[0]) > 1e-3) throw invalid('A row beside others is not what it is alone.')
      if (plains.logits.some((row) => differs(row, plain.logits[0]) > 1e-3))
        throw invalid('A base row beside others is not what it is alone.')
      if (together.logits.slice(1).some((row) => differs(row, single.logits[0]) < 1e-6)) {
        throw invalid('Another adapter, or one group less, changed nothing.')
      }
      if (run === 0) continue
      one.values.push(single.ms)
      all.values.push(together.ms)
      toOne.values.push(together.ms / single.ms)
      toBase.values.push(together.ms / plains.ms)
      baseToOne.values.push(plains.ms / plain.ms)
    }
  }
  for (const session of [...rows, ...base, alone, bare]) session.dispose()
  return [one, all, toOne, toBase, baseToOne]
}

/** Requests whose adapters follow Zipf's law, in blocks; after each block the same requests under one adapter. */
export async function zipfTrace(engine: Engine, names: readonly string[], settings: TraceSettings): Promise<TraceResult> {
  const { requests, tokens, exponent, together } = settings
  const draws = zipf(names.length, exponent, requests)
  const before = { ...engine.stats().adapters.found }
  const switchMs: Sample = { label: 'switch in the trace', unit: 'ms', values: [] }
  const trace: Sample = { label: 'trace', unit: 'tokens/s', values: [] }
  const one: Sample = { label: 'the same under one adapter', unit: 'tokens/s', values: [] }
  const block = Math.ceil(requests / 5)
  const found = { device: 0, host: 0, loaded: 0 }
  const run = async (from: number, to: number, nameOf: (i: number) => string, base: number) => {
    let next = from
    let made = 0
    const ms = await timed(async () => {
      const seat = async () => {
        while (next < to) {
          const i = next++
          const began = performance.now()
          await engine.preloadAdapter(nameOf(i))
          if (base === 0) switchMs.values.push(performance.now() - began)
          // Not added to what `made` was before the answer: other seats count meanwhile.
          const said = await answer(engine, randomTokens(engine.vocab, promptTokens, base + i), tokens, nameOf(i))
          made += said.length
        }
      }
      await Promise.all(Array.from({ length: together }, seat))
    })
    return (1000 * made) / ms
  }
  await run(0, together, () => names[0], 1e6)
  for (let from = 0; from < requests; from += block) {
    const to = Math.min(requests, from + block)
    const start = engine.stats().adapters.found
    trace.values.push(await run(from, to, (i) => names[draws[i]], 0))
    const end = engine.stats().adapters.found
    for (const tier of ['device', 'host', 'loaded'] as const) found[tier] += end[tier] - start[tier]
    one.values.push(await run(from, to, () => names[0], 2e6))
  }
  if (engine.stats().adapters.found.loaded === before.loaded) throw invalid('The trace loaded nothing.')
  // Each request asks twice, the second time right after the first: that one is no hit of the cache's.
  const asked = requests
  return { hitRate: 1 - (found.host + found.loaded) / asked, found: { ...found, device: found.device - asked }, switchMs, trace, one }
}

async function answer(engine: Engine, prompt: number[], maxTokens: number, adapter: string): Promise<number[]> {
  for await (const event of engine.complete({ tokens: prompt, maxTokens, temperature: 0, adapter }))
    if (event.type === 'end') return event.tokens
  throw invalid('An answer had no end.')
}

/** Seeded draws of 0 … count − 1 with probability ∝ 1 / (k + 1)^s. */
function zipf(count: number, s: number, draws: number): number[] {
  const sums: number[] = []
  for (let k = 0; k < count; k++) sums.push((sums.at(-1) ?? 0) + (k + 1) ** -s)
  let state = 12345
  return Array.from({ length: draws }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const point = (state / 2 ** 32) * sums[count - 1]
    return sums.findIndex((sum) => sum > point)
  })
}

function differs(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
}

function invalid(sentence: string): OpenChatError {
  return new OpenChatError('bench_invalid', sentence, { action: 'Run the tests of src/gpu/lora first: what was timed is wrong.' })
}
