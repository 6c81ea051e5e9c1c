// How often a replay accepts what a model said and refuses what it did not, and what it costs beside generating.
//   node scripts/run.mjs bench/replay.ts [--answers 40] [--tokens 10] [--model FILE] [--tiny] [--receipts FOLDER] [--json]
// Honest answers are greedy and sampled, by the backbone and under adapters; each is replayed by an engine that did not say it, as
// it is and with one thing changed. `rule` counts what is refused without the kept log probabilities, by settings and seed alone.
// With --tiny: seeded random models of a few hundred kB. With --receipts: receipt files that a page saved are replayed as well.
// Exit code 1 when an honest answer is refused, or more than 1 % of the changed ones are accepted.
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { readFlags } from '../scripts/flags.ts'
import { defaultModelPath, fileDigest, openFile, openNodeEngine, readAdapterFolder } from '../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../scripts/tiny-model.ts'
import { parseReceiptFile } from '../src/attribution/receipt-file.ts'
import { judgeReplay, replayAsk } from '../src/attribution/verify-said.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { writeGguf } from '../src/gpu/formats/gguf-writer.testing.ts'
import { dequantise, requireSupportedType } from '../src/gpu/formats/quant.ts'
import type { AdapterFiles, CompletionEvent, CompletionRequest, Engine, Utterance } from '../src/gpu/types.ts'
import { replayOnEngine } from '../src/workers/replay-on-engine.ts'

const questions = [
  'Name three things that a lighthouse keeper does.',
  'Why do ships carry ballast?',
  'Write one sentence about an orchard in winter.',
]
const settings: Pick<CompletionRequest, 'temperature' | 'topP' | 'topK' | 'minP'>[] = [
  { temperature: 0 },
  { temperature: 0.7, topP: 0.9 },
  { temperature: 1, topP: 0.95, topK: 100 },
  { temperature: 1, minP: 0.05 },
]
/** By how much a changed scale differs: as little as a tenth. */
const otherScale = 1.1

interface Said {
  said: Utterance
  adapter: string | null
  prefillMs: number
  decodeMs: number
}

interface Tally {
  kind: string
  wanted: 'accepted' | 'refused'
  answers: number
  met: number
  /** Of those to be refused, by settings and seed alone. */
  byRule: number
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['answers', 'tokens', 'model', 'receipts'], switches: ['tiny', 'json'] })
  const tiny = flags.on('tiny')
  const count = flags.integer('answers', 40, 1)
  const maxTokens = flags.integer('tokens', tiny ? 24 : 10, 2)
  const [model, other] = tiny ? await tinyPair() : await requantised(flags.text('model') ?? defaultModelPath())
  const adapters = await adapterPair(tiny)

  const answers = await withEngine(model, adapters, (engine) => sayAll(engine, count, maxTokens))
  const tallies = new Map<string, Tally>()
  const add = (kind: string, wanted: Tally['wanted'], met: boolean, byRule = false) => {
    const tally = tallies.get(kind) ?? { kind, wanted, answers: 0, met: 0, byRule: 0 }
    tallies.set(kind, { ...tally, answers: tally.answers + 1, met: tally.met + Number(met), byRule: tally.byRule + Number(byRule) })
    if (!met) process.stderr.write(`${kind}: not ${wanted}\n`)
  }
  const costs = await withEngine(model, adapters, (engine) => replayAll(engine, answers, add))
  await withEngine(other, adapters, async (engine) => {
    for (const { said, adapter } of answers) await refuse(engine, said, adapter, 'another quantisation', add)
  })
  const folder = flags.text('receipts')
  if (folder !== undefined) await receipts(folder, flags.text('model') ?? defaultModelPath(), add)

  const report = { tiny, tokens: maxTokens, tallies: [...tallies.values()], costs }
  process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
  const good = report.tallies.every(({ wanted, met, answers }) => (wanted === 'accepted' ? met === answers : met >= 0.99 * answers))
  return good ? 0 : 1
}

async function withEngine<T>(path: string, adapters: readonly AdapterFiles[], work: (engine: Engine) => Promise<T>): Promise<T> {
  const { engine, close } = await openNodeEngine(path, { contextTokens: 512 })
  try {
    for (const [i, files] of adapters.entries()) await engine.addAdapter('ab'[i], files)
    return await work(engine)
  } finally {
    await close()
  }
}

async function sayAll(engine: Engine, count: number, maxTokens: number): Promise<Said[]> {
  const all: Said[] = []
  for (let i = 0; i < count; i++) {
    const adapter = i % 2 === 0 ? null : 'a'
    const setting = settings[(i >> 1) % settings.length]
    const request = { ...setting, adapter, maxTokens, seed: 1000 + i, logprobs: 0 }
    const messages = [{ role: 'user' as const, content: questions[(i >> 3) % questions.length] }]
    let end: Extract<CompletionEvent, { type: 'end' }> | undefined
    for await (const event of engine.complete({ ...request, messages })) if (event.type === 'end') end = event
    const { said, prefillMs, decodeMs } = end!
    all.push({ said, adapter, prefillMs, decodeMs })
    process.stderr.write(`said ${i + 1} of ${count}\r`)
  }
  return all
}

type Add = (kind: string, wanted: Tally['wanted'], met: boolean, byRule?: boolean) => void

async function replayAll(engine: Engine, answers: readonly Said[], add: Add) {
  const ratios: { whole: number; known: number; answer: number }[] = []
  // The first answer to a prompt pays for reading it; later ones find it in the cache.
  const promptMs = new Map<string, number>()
  const keyOf = ({ said, adapter }: Said) => `${adapter} ${said.prompt.join()}`
  for (const answer of answers) promptMs.set(keyOf(answer), Math.max(promptMs.get(keyOf(answer)) ?? 0, answer.prefillMs))
  for (const [i, answer] of answers.entries()) {
    const { said, adapter, decodeMs } = answer
    // The prompt is read first, so that what is timed is the answer.
    await engine.replay({ ...said, drawn: said.drawn.slice(0, 1), logprobs: null }, { adapter })
    const found = await engine.replay(said, { adapter })
    const sampled = said.sampler.temperature > 0
    add(`honest, ${sampled ? 'sampled' : 'greedy'}, ${adapter === null ? 'backbone' : 'adapter'}`, 'accepted', found.said)
    const readMs = promptMs.get(keyOf(answer))!
    const wholeMs = readMs + decodeMs
    ratios.push({ whole: (readMs + found.ms) / wholeMs, known: found.ms / wholeMs, answer: found.ms / decodeMs })
    const place = (7 * i) % said.drawn.length
    const token = (said.drawn[place] + 1 + ((i * 7919) % (engine.vocab - 1))) % engine.vocab
    await refuse(engine, { ...said, drawn: said.drawn.with(place, token) }, adapter, 'one token changed', add)
    if (sampled) {
      const seed = said.sampler.seed + 1
      const changed = { ...said, sampler: { ...said.sampler, seed } }
      // Where little is left to chance another seed says the same words, and they are not to be told apart.
      if (await says(engine, changed, adapter))
        add('another seed, the same words', 'accepted', (await engine.replay(changed, { adapter })).said)
      else await refuse(engine, changed, adapter, 'another seed', add)
    }
    await refuse(engine, said, adapter === 'a' ? 'b' : 'a', 'another adapter', add)
    if (adapter !== null) {
      await refuse(engine, said, null, 'no adapter', add)
      const found = await engine.replay(said, { adapter: [{ name: adapter, weight: otherScale }] })
      const byRule = await engine.replay({ ...said, logprobs: null }, { adapter: [{ name: adapter, weight: otherScale }] })
      add(`scale ${otherScale}`, 'refused', !found.said, !byRule.said)
    }
    process.stderr.write(`replayed ${i + 1} of ${answers.length}\r`)
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? null
  return {
    n: ratios.length,
    whole: median(ratios.map(({ whole }) => whole)),
    known: median(ratios.map(({ known }) => known)),
    answer: median(ratios.map(({ answer }) => answer)),
  }
}

/** Whether these settings say exactly these words. */
async function says(engine: Engine, { prompt, drawn, sampler }: Utterance, adapter: string | null): Promise<boolean> {
  for await (const event of engine.complete({ ...sampler, tokens: prompt, adapter, maxTokens: drawn.length })) {
    if (event.type === 'end') return event.said.drawn.join() === drawn.join()
  }
  return false
}

async function refuse(engine: Engine, said: Utterance, adapter: string | null, kind: string, add: Add): Promise<void> {
  const found = await engine.replay(said, { adapter })
  // What the rule alone refuses is refused with log probabilities too; only the others need a second look.
  const byRule = found.first?.reason === 'draw' || !(await engine.replay({ ...said, logprobs: null }, { adapter })).said
  add(kind, 'refused', !found.said, byRule)
}

/** Receipts that a page saved, with the adapters of this repository. */
async function receipts(folder: string, model: string, add: Add): Promise<void> {
  const sha256 = await fileDigest(model)
  const { engine, close } = await openNodeEngine(model, { contextTokens: 2048 })
  try {
    const loaded = new Set<string>()
    for (const name of await readdir(resolve(import.meta.dirname, '../adapters'))) {
      const files = await readAdapterFolder(resolve(import.meta.dirname, '../adapters', name))
      const digest = createHash('sha256').update(files.weights).digest('hex')
      await engine.addAdapter(digest, files)
      loaded.add(digest)
    }
    for (const name of (await readdir(folder)).filter((name) => name.endsWith('.json'))) {
      const receipt = parseReceiptFile(await readFile(join(folder, name), 'utf8'))
      const ask = replayAsk(receipt)
      if (ask === null) continue
      const { status } = judgeReplay(receipt, await replayOnEngine(engine, { model: sha256, adapters: loaded }, ask))
      add("a page's receipt", 'accepted', status === 'ok')
    }
  } finally {
    await close()
  }
}

async function tinyPair(): Promise<[string, string]> {
  const write = async (type: 'Q5_0' | 'Q8_0') => {
    const path = join(tmpdir(), `replay-tiny-${type}-${process.pid}.gguf`)
    await writeFile(path, tinyModel({ type, seed: 3 }))
    return path
  }
  return [await write('Q5_0'), await write('Q8_0')]
}

/** The file, and the same weights stored in 8 bits: the closest another quantisation comes. */
async function requantised(path: string): Promise<[string, string]> {
  const out = join(tmpdir(), `replay-requantised-${process.pid}.gguf`)
  const source = await openFile(path)
  const gguf = await readGguf(source)
  const tensors = await Promise.all(
    [...gguf.tensors.values()].map(async ({ name, shape, type, offset, bytes }) => {
      const elements = shape.reduce((a, b) => a * b, 1)
      const packed = await source.read(offset, bytes)
      return {
        name,
        shape,
        type: shape.length > 1 ? ('Q8_0' as const) : ('F32' as const),
        // Unpacked when it is written, so that one tensor's floats are in memory at a time.
        get values() {
          return dequantise(requireSupportedType({ name, type }), packed, new Float32Array(elements))
        },
      }
    }),
  )
  await source.close()
  const kept = [...gguf.metadata].filter(([, value]) => !(value instanceof Float32Array))
  await writeFile(out, writeGguf(Object.fromEntries(kept), tensors))
  return [path, out]
}

async function adapterPair(tiny: boolean): Promise<AdapterFiles[]> {
  if (tiny) return [tinyAdapter({ seed: 5 }), tinyAdapter({ seed: 6 })]
  return Promise.all(['public-speech', 'law'].map((name) => readAdapterFolder(resolve(import.meta.dirname, '../adapters', name))))
}

function table({
  tiny,
  tokens,
  tallies,
  costs,
}: {
  tiny: boolean
  tokens: number
  tallies: Tally[]
  costs: Awaited<ReturnType<typeof replayAll>>
}): string {
  const share = (a: number, b: number) => `${a} of ${b} (${((100 * a) / b).toFixed(1)} %)`
  const rows = tallies.map(({ kind, wanted, answers, met, byRule }) => {
    const rule = wanted === 'refused' ? `, ${byRule} by settings and seed alone` : ''
    return `${kind.padEnd(30)} ${wanted} ${share(met, answers)}${rule}`
  })
  const ratio = (value: number | null) => (value === null ? '–' : value.toFixed(2))
  return `${[
    `${tiny ? 'tiny random models' : 'the default model'}, ${tokens} tokens an answer, software or hardware as found`,
    ...rows,
    `cost, of generating: ${ratio(costs.whole)} when both read the prompt, ${ratio(costs.known)} when the replay finds it in the cache, ${ratio(costs.answer)} of decoding the answer alone (median of ${costs.n})`,
  ].join('\n')}\n`
}
