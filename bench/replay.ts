// How often a replay accepts what a model said and refuses what it did not, and (--cost) what it costs beside generating.
//   node scripts/run.mjs bench/replay.ts [--answers 40] [--first 0] [--tokens 24] [--model FILE] [--tiny] [--browser 40]
//                                        [--honest] [--save FILE] [--receipts FOLDER] [--json]
//   node scripts/run.mjs bench/replay.ts --cost [--runs 3] [--lengths 32,64] [--model FILE] [--tiny] [--json]
// Honest answers are greedy and sampled, by the backbone and under adapters; each is replayed by an engine that did not say it, as
// it is and with one thing changed. With --browser N more are made in a Chromium, by the page's own worker, and replayed in Node,
// and as many of Node's there. `by settings and seed alone` counts what is refused without looking at the kept log probabilities.
// With --first N: answers N and on, so that a long run can be done in parts. With --honest: only what has to be accepted. With --tiny:
// seeded random models of a few hundred kB. With --save: the records of all answers. With --receipts: receipt files that a page saved
// are replayed as well.
// Exit code 1 when an honest answer is refused, or more than 1 % of the changed ones of a kind are accepted.
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { readFlags } from '../scripts/flags.ts'
import { defaultModelPath, fileDigest, openNodeEngine, readAdapterFolder } from '../scripts/node-engine.ts'
import { parseReceiptFile } from '../src/attribution/receipt-file.ts'
import { judgeReplay, replayAsk } from '../src/attribution/verify-said.ts'
import type { Engine } from '../src/gpu/types.ts'
import { chatOfEngine } from '../src/workers/chat-of-engine.ts'
import { replayOnEngine } from '../src/workers/replay-on-engine.ts'
import { type Answer, recordOf, requestOf } from './replay-answers.ts'
import { withBrowser } from './replay-browser.ts'
import { costReport } from './replay-cost.ts'
import { adapterPair, requantised, tinyPair, withEngine } from './replay-models.ts'

/** By how much a changed scale differs: as little as a tenth. */
const otherScale = 1.1

interface Made extends Answer {
  where: 'Node' | 'Chromium'
}

interface Tally {
  kind: string
  wanted: 'accepted' | 'refused'
  answers: number
  met: number
  /** Of those to be refused, by settings and seed alone. */
  byRule: number
}

type Add = (kind: string, wanted: Tally['wanted'], met: boolean, byRule?: boolean) => void

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, {
    values: ['answers', 'first', 'tokens', 'model', 'receipts', 'browser', 'save', 'runs', 'lengths'],
    switches: ['tiny', 'json', 'cost', 'honest'],
  })
  const tiny = flags.on('tiny')
  const write = (report: object, table: () => string) =>
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : `${table()}\n`)
  const path = flags.text('model') ?? defaultModelPath()
  if (flags.on('cost')) {
    const lengths = (flags.text('lengths') ?? '32,64').split(',').map(Number)
    const report = await costReport(tiny ? (await tinyPair())[0] : path, flags.integer('runs', 3, 1), lengths)
    write(report, () => report.table)
    return 0
  }
  const [model, other] = tiny ? await tinyPair() : await requantised(path)
  const adapters = await adapterPair(tiny)
  const [{ digest: own }, { digest: another }] = adapters
  const tokens = flags.integer('tokens', 24, 2)
  const first = flags.integer('first', 0, 0)
  const count = flags.integer('answers', 40, 1)
  const there = flags.integer('browser', 0, 0)

  const tallies = new Map<string, Tally>()
  const add: Add = (kind, wanted, met, byRule = false) => {
    const tally = tallies.get(kind) ?? { kind, wanted, answers: 0, met: 0, byRule: 0 }
    tallies.set(kind, { ...tally, answers: tally.answers + 1, met: tally.met + Number(met), byRule: tally.byRule + Number(byRule) })
    if (!met) process.stderr.write(`${kind}: not ${wanted}\n`)
  }
  const answers: Made[] = await withEngine(model, adapters, async (engine) => {
    const said: Made[] = []
    for (let i = 0; i < count; i++) {
      const request = requestOf(first + i, tokens, own)
      said.push({ ...(await recordOf(request, chatOfEngine(engine, request, new AbortController().signal))), where: 'Node' })
      process.stderr.write(`said ${i + 1} of ${count}\r`)
    }
    return said
  })
  let browser: string | null = null
  if (there > 0) {
    browser = await withBrowser(model, adapters, async ({ name, say, replay }) => {
      const named = `0x${await fileDigest(model)}` as const
      for (const answer of answers.slice(0, there)) {
        const adapters = answer.adapter === null ? [] : [{ digest: `0x${answer.adapter}` as const, scale: 1 << 16 }]
        const { said } = await replay({ model: named, adapters, said: answer.said })
        add(honest(answer, 'in Chromium'), 'accepted', said)
      }
      for (let i = 0; i < there; i++) answers.push({ ...(await say(first + count + i, tokens, own)), where: 'Chromium' })
      return name
    })
  }
  // Only what has to be accepted, where the rest was counted before.
  const honestOnly = flags.on('honest')
  await withEngine(model, adapters, (engine) => replayAll(engine, answers, { own, another, honestOnly }, add))
  // The tiny models are replayed by the other way to compute as well: the device's own judgement, or the processor's.
  for (const variant of tiny ? (['lanes', 'thread-1'] as const) : []) {
    const judge = async (engine: Engine) => {
      for (const answer of answers) {
        const { said } = await engine.replay(answer.said, { adapter: answer.adapter })
        add(honest(answer, `in Node, ${variant}`), 'accepted', said)
      }
    }
    await withEngine(model, adapters, judge, variant)
  }
  const refuseOther = async (engine: Engine) => {
    for (const { said, adapter } of answers) await refuse(engine, said, adapter, 'another quantisation', add)
  }
  if (!honestOnly) await withEngine(other, adapters, refuseOther)
  const folder = flags.text('receipts')
  if (folder !== undefined) await receipts(folder, path, add)
  const save = flags.text('save')
  if (save !== undefined) await writeFile(save, JSON.stringify({ tiny, browser, answers }))

  const drawn = answers.map(({ said }) => said.drawn.join())
  const lengths = answers.map(({ said }) => said.drawn.length).toSorted((a, b) => a - b)
  const report = {
    ...{ tiny, tokens, browser, answers: answers.length, different: new Set(drawn).size },
    ...{ medianTokens: lengths[lengths.length >> 1], tallies: [...tallies.values()] },
  }
  write(report, () => table(report))
  const good = report.tallies.every(({ wanted, met, answers }) => (wanted === 'accepted' ? met === answers : met >= 0.99 * answers))
  return good ? 0 : 1
}

function honest({ said, adapter, where }: Made, judged: string): string {
  const how = said.sampler.temperature > 0 ? 'sampled' : 'greedy'
  return `made in ${where}, replayed ${judged}: ${how}, ${adapter === null ? 'backbone' : 'adapter'}`
}

async function replayAll(
  engine: Engine,
  answers: readonly Made[],
  { own, another, honestOnly }: { own: string; another: string; honestOnly: boolean },
  add: Add,
): Promise<void> {
  for (const [i, answer] of answers.entries()) {
    const { said, adapter } = answer
    add(honest(answer, 'in Node'), 'accepted', (await engine.replay(said, { adapter })).said)
    process.stderr.write(`replayed ${i + 1} of ${answers.length}\r`)
    if (honestOnly) continue
    const place = (7 * i) % said.drawn.length
    const token = (said.drawn[place] + 1 + ((i * 7919) % (engine.vocab - 1))) % engine.vocab
    await refuse(engine, { ...said, drawn: said.drawn.with(place, token) }, adapter, 'one token changed', add)
    if (said.sampler.temperature > 0) await changeSeed(engine, answer, add)
    await refuse(engine, said, adapter === own ? another : own, 'another adapter', add)
    if (adapter !== null) {
      await refuse(engine, said, null, 'no adapter', add)
      await refuse(engine, said, [{ name: adapter, weight: otherScale }], `scale ${otherScale}`, add)
    }
  }
}

/** Where little is left to chance another seed says the same words, and the two are not to be told apart. */
async function changeSeed(engine: Engine, { said, adapter }: Made, add: Add): Promise<void> {
  const changed = { ...said, sampler: { ...said.sampler, seed: said.sampler.seed + 1 } }
  const found = await engine.replay(changed, { adapter })
  // What is refused is not what that seed says; what is accepted may be.
  if (found.said && (await says(engine, changed, adapter))) add('another seed that says the same words', 'accepted', true)
  else add('another seed', 'refused', !found.said, found.refusedDraws > 0)
}

/** Whether these settings say exactly these words. */
async function says(engine: Engine, { prompt, drawn, sampler }: Answer['said'], adapter: string | null): Promise<boolean> {
  for await (const event of engine.complete({ ...sampler, tokens: prompt, adapter, maxTokens: drawn.length })) {
    if (event.type === 'end') return event.said.drawn.join() === drawn.join()
  }
  return false
}

type AdapterOf = NonNullable<Parameters<Engine['replay']>[1]>['adapter']

async function refuse(engine: Engine, said: Answer['said'], adapter: AdapterOf, kind: string, add: Add): Promise<void> {
  const found = await engine.replay(said, { adapter: adapter ?? null })
  add(kind, 'refused', !found.said, found.refusedDraws > 0)
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

interface Report {
  tiny: boolean
  browser: string | null
  answers: number
  different: number
  medianTokens: number
  tallies: readonly Tally[]
}

function table({ tiny, browser, answers, different, medianTokens, tallies }: Report): string {
  const share = (a: number, b: number) => `${a} of ${b} (${((100 * a) / b).toFixed(1)} %)`
  const rows = tallies.map(({ kind, wanted, answers, met, byRule }) => {
    const rule = wanted === 'refused' ? `, ${byRule} by settings and seed alone` : ''
    return `${kind.padEnd(62)} ${wanted} ${share(met, answers)}${rule}`
  })
  const model = tiny ? 'tiny random models' : 'the default model'
  const where = browser === null ? '' : `, ${browser}`
  return [`${model}: ${answers} answers, ${different} of them different, ${medianTokens} tokens at the median${where}`, ...rows].join('\n')
}
