// `npm run bench:attribution [-- --tokens N --builds N]`: index build rate and memory, find, spans of a 458-token answer, live
// marks per token, all in Node on one thread. Not the page (a worker there runs the same code) and not a quality measure.
// Two corpora: *public speech* as set-up made it, and N tokens spliced from it, so that repeats are those of real text.
// Everything timed is checked: sorted order at random ranks, every occurrence against the text, live marks against the final spans.
import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readIndexFolder } from '../scripts/trace-files.ts'
import { tokeniserOf } from '../scripts/trace-tokeniser.ts'
import { buildFiles } from '../src/attribution/index/build.ts'
import { type Index, openIndex } from '../src/attribution/index/index.ts'
import { LiveSpans } from '../src/attribution/live-spans.ts'
import { matchSpans, queriesOf, type SpanRules } from '../src/attribution/spans.ts'
import { OpenChatError } from '../src/errors.ts'

const ANSWER_TOKENS = 458
const ANSWERS = 200
const FINDS = 20_000
const WARM_UP = 20

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { tokens: { type: 'string', default: '16000000' }, builds: { type: 'string', default: '5' } },
  })
  const { index: seeded, rules } = await openSpeech()
  const [cpu] = cpus()
  process.stdout.write(
    `Node ${process.version}, ${cpu.model.trim()}, one thread; answers of ${ANSWER_TOKENS} tokens, spans of 4 to 64 spliced with filler; warm-up ${WARM_UP}\n`,
  )

  const speech = Array.from({ length: seeded.documents }, (_, document) => seeded.tokensOf(document))
  const large = spliceDocuments(speech, Number(values.tokens), random(1))
  // The largest first, while the process's peak memory is still its own.
  for (const [name, documents, builds] of [
    ['spliced', large, 1],
    ['public speech', speech, Number(values.builds)],
  ] as const)
    measure(name, documents, builds, rules)
}

function measure(name: string, documents: readonly ArrayLike<number>[], builds: number, rules: SpanRules): void {
  const before = process.memoryUsage.rss()
  const times: number[] = []
  const processor = process.cpuUsage()
  let files = timed(times, () => buildFiles(documents))
  const grown = peakBytes() - before
  for (let i = 1; i < builds; i++) files = timed(times, () => buildFiles(documents))
  const { user, system } = process.cpuUsage(processor)
  const opening: number[] = []
  const index = timed(opening, () => openIndex([files]))
  const tokens = index.size
  checkOrder(index, random(2))
  const rates = times.map((ms) => tokens / ms / 1000).sort((a, b) => a - b)
  print(
    name,
    `${(tokens / 1e6).toFixed(2)} M tokens, ${documents.length} documents, ${(files.table.length / tokens).toFixed(0)} bytes a pointer`,
  )
  print(
    '  build',
    `median ${at(rates, 0.5).toFixed(2)} Mtokens/s, slowest ${rates[0].toFixed(2)}, n = ${builds}; ${((tokens * builds) / (user + system)).toFixed(2)} by processor time`,
  )
  // Garbage of the first corpus would count as the second's, so only the first shows its peak.
  if (name === 'spliced')
    print('  memory', `peak ${(grown / tokens).toFixed(1)} bytes a token above what was resident before, files included`)
  print('  open', `${opening[0].toFixed(1)} ms, every pointer checked, n = 1`)

  const draw = random(3)
  const answers = Array.from({ length: ANSWERS + WARM_UP }, () => spliceAnswer(documents, draw))
  measureFind(index, answers, draw)
  measureSpans(index, answers, rules)
  measureLive(index, answers.slice(0, 40), rules)
}

function measureFind(index: Index, answers: readonly number[][], draw: () => number): void {
  const needles = Array.from({ length: FINDS }, () => {
    const answer = answers[Math.floor(draw() * answers.length)]
    const start = Math.floor(draw() * (answer.length - 8))
    return answer.slice(start, start + 1 + Math.floor(draw() * 7))
  })
  const times: number[] = []
  let found = 0
  for (const needle of needles) if (timed(times, () => index.count(needle)) > 0) found++
  print('  count', `${summary(times, 1000, 'µs')}; ${((100 * found) / FINDS).toFixed(0)} % occur`)
}

function measureSpans(index: Index, answers: readonly number[][], rules: SpanRules): void {
  const times: number[] = []
  let spans = 0
  let covered = 0
  for (const answer of answers) {
    const matched = timed(times, () => matchSpans(answer, [index], rules))
    for (const { start, length, occurrences } of matched) {
      spans++
      for (const { document, position } of occurrences)
        expectEqual(Array.from(index.tokensOf(document, position, length)), answer.slice(start, start + length))
    }
    covered += inLongMatches(answer, index)
  }
  print('  spans', `${summary(times, 1, 'ms')}; ${(spans / answers.length).toFixed(1)} spans an answer, occurrences and documents included`)
  print('', `${((100 * covered) / (answers.length * ANSWER_TOKENS)).toFixed(0)} % of answer tokens lie in matches of 16 or more`)
}

function measureLive(index: Index, answers: readonly number[][], rules: SpanRules): void {
  const times: number[] = []
  for (const answer of answers) {
    const live = new LiveSpans([index], rules)
    let marks = live.update([])
    for (let length = 1; length <= answer.length; length++) {
      const soFar = answer.slice(0, length)
      marks = timed(times, () => live.update(soFar))
    }
    const final = matchSpans(answer, [index], rules).filter(({ tooCommon }) => !tooCommon)
    expectEqual(
      marks.flatMap(({ start, length }) => [start, length]),
      final.flatMap(({ start, length }) => [start, length]),
    )
  }
  print('  live, a token', summary(times, 1000, 'µs'))
}

/** The seeded datanet and the rules of its tokeniser. */
async function openSpeech(): Promise<{ index: Index; rules: SpanRules }> {
  const state = process.env.OPEN_CHAT_STATE ?? resolve(import.meta.dirname, '../.open-chat')
  const folder = join(state, 'datanets')
  const pointer = await readFile(join(folder, 'public-speech.json'), 'utf8').catch((cause: unknown) => {
    throw new OpenChatError('index_invalid', 'The public speech datanet is not here yet.', { action: 'Run npm start once.', cause })
  })
  const { digest } = JSON.parse(pointer) as { digest: string }
  const index = openIndex(await readIndexFolder(join(folder, digest)))
  const tokeniser = await tokeniserOf(undefined, 2)
  return { index, rules: { ...tokeniser.boundaries(), minLength: 8, maxCount: 64 } }
}

/** Documents of 2,000 tokens made of runs of 16 to 400 tokens of other documents. */
function spliceDocuments(sources: readonly ArrayLike<number>[], tokens: number, draw: () => number): Uint16Array[] {
  return Array.from({ length: Math.ceil(tokens / 2000) }, () => {
    const document = new Uint16Array(2000)
    for (let at = 0; at < document.length; ) at += copyRun(sources, document, at, 16 + Math.floor(draw() * 384), draw)
    return document
  })
}

/** Half runs of 4 to 64 tokens from the corpus, half filler: single tokens drawn from it, as common there as they are. */
function spliceAnswer(sources: readonly ArrayLike<number>[], draw: () => number): number[] {
  const answer = new Uint16Array(ANSWER_TOKENS)
  for (let at = 0; at < answer.length; ) {
    at += copyRun(sources, answer, at, 4 + Math.floor(draw() * 61), draw)
    const end = Math.min(answer.length, at + 4 + Math.floor(draw() * 61))
    while (at < end) at += copyRun(sources, answer, at, 1, draw)
  }
  return Array.from(answer)
}

function copyRun(sources: readonly ArrayLike<number>[], to: Uint16Array, at: number, length: number, draw: () => number): number {
  const source = sources[Math.floor(draw() * sources.length)]
  const from = Math.floor(draw() * source.length)
  const copied = Math.max(0, Math.min(length, source.length - from, to.length - at))
  for (let i = 0; i < copied; i++) to[at + i] = source[from + i]
  return copied
}

function inLongMatches(answer: readonly number[], index: Index): number {
  const [query] = queriesOf(answer, [index])
  let covered = 0
  let end = 0
  for (let start = 0; start < answer.length; start++) {
    const length = query.longest(start)
    if (length < 16) continue
    covered += Math.max(0, start + length - Math.max(end, start))
    end = Math.max(end, start + length)
  }
  return covered
}

/** Neighbours at random ranks are in order: the later one is where the earlier one's successor would be inserted. */
function checkOrder(index: Index, draw: () => number): void {
  const [shard] = index.shards
  for (let i = 0; i < 10_000; i++) {
    const rank = Math.floor(draw() * (shard.size - 1))
    let a = shard.positionAt(rank)
    let b = shard.positionAt(rank + 1)
    while (shard.keyAt(a) === shard.keyAt(b)) {
      a++
      b++
    }
    if (shard.keyAt(a) >= shard.keyAt(b)) throw new OpenChatError('bench_wrong', `Ranks ${rank} and ${rank + 1} are out of order.`)
  }
}

function expectEqual(got: readonly number[], expected: readonly number[]): void {
  if (got.join() !== expected.join())
    throw new OpenChatError('bench_wrong', `What was timed is wrong: got ${got.slice(0, 8)}, expected ${expected.slice(0, 8)}.`)
}

function timed<T>(times: number[], work: () => T): T {
  const start = performance.now()
  const result = work()
  times.push(performance.now() - start)
  return result
}

function summary(times: readonly number[], scale: number, unit: string): string {
  const sorted = times.slice(WARM_UP).sort((a, b) => a - b)
  return `median ${(at(sorted, 0.5) * scale).toFixed(2)} ${unit}, p95 ${(at(sorted, 0.95) * scale).toFixed(2)} ${unit}, n = ${sorted.length}`
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

const print = (name: string, line: string): void => void process.stdout.write(`${name.padEnd(16)}${line}\n`)

const peakBytes = (): number => process.resourceUsage().maxRSS * 1024

/** Numbers in [0, 1): a 32-bit linear congruential generator (Numerical Recipes), so that every run times the same work. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
