// `npm run bench:answers -- [--datanet ID] [--all] [--without-adapter] [--questions FILE] [--json OUT] [--limit N] [--off-tokens N]
// [--skip-sampled] [--side-by-side N]`: asks questions of one seeded datanet (1) and questions that are none of its business, through the page's own code (src/chat/answer.ts
// over Node's ports), and prints what was retrieved, quoted and paid. Not a test: it takes minutes and judges quality.
// --all chooses all seeded datanets for every question, --without-adapter lets the backbone speak. FILE is {"on": [...], "off": [...]}; OUT receives the same two arrays, one object a question, greedy; the sampled answers
// follow under "sampled". The two answers to a question share their prefill, and several questions run side by side.
// Source of the bars: issue "First light", part 3; seed-adapters.md B says what was tried before.
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readFlags } from '../scripts/flags.ts'
import { SEEDS } from '../scripts/seed-datanet.ts'
import type { Retrieval, Trace } from '../src/attribution/types.ts'
import { type AnswerRequest, answer, type CitedDocument, type Ports } from '../src/chat/answer.ts'
import { OpenChatError } from '../src/errors.ts'
import { openBenchPorts } from './answer-ports.ts'
import { type AnswerSummary, summarise, table } from './answer-table.ts'

/** A span is `retrieved` when the document it pays was retrieved, and `quoted` when its words stand in the passage: not the same
 * where texts repeat one another, since the earliest to bring the words is paid. */
export interface AskedAnswer {
  question: string
  text: string
  retrieved: { datanet: string; document: number; author: string; title: string; year: number | null; text: string }[]
  spans: { text: string; length: number; document: number; author: string; retrieved: boolean; quoted: boolean; amount: string }[]
  /** Paid tokens over all tokens of the answer. */
  paidShare: number
  namesShown: string[]
  /** Not asked for, but what a reader needs to see why a gate opened. */
  gate: number
  /** Every name shown is the author of a document that a paid span stands in. */
  namesRight: boolean
}

interface Questions {
  on: string[]
  off: string[]
}

/** @throws questions_invalid */
function readQuestions(path: string): Questions {
  let parsed: Partial<Questions> | null
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new OpenChatError('questions_invalid', `${path} cannot be read as JSON.`, {
      meta: { path },
      action: 'Name a file with --questions.',
      cause,
    })
  }
  const isList = (list: unknown): list is string[] => Array.isArray(list) && list.every((question) => typeof question === 'string')
  if (isList(parsed?.on) && isList(parsed.off)) return { on: parsed.on, off: parsed.off }
  throw new OpenChatError('questions_invalid', `${path} must hold {"on": [strings], "off": [strings]}.`, { meta: { path } })
}

/** One question through the page's own code. */
async function ask(request: AnswerRequest, ports: Ports): Promise<AskedAnswer> {
  let retrieval: Retrieval | undefined
  let text = ''
  let traced: { trace: Trace; names: CitedDocument[] } | undefined
  for await (const event of answer(request, ports, new AbortController().signal)) {
    if (event.type === 'retrieved') retrieval = event.retrieval
    else if (event.type === 'generated') text = event.text
    else if (event.type === 'traced') traced = event
  }
  if (retrieval === undefined || traced === undefined) throw new OpenChatError('answer_incomplete', 'The answer ended without a trace.')
  const { trace, names } = traced
  const isRetrieved = (index: number, document: number) =>
    retrieval.passages.some((passage) => passage.document === document && passage.datanet === trace.indexes[index]?.datanet)
  const squeezed = (words: string) => words.replace(/\s+/gu, ' ').trim()
  const stands = (words: string) => retrieval.passages.some((passage) => squeezed(passage.text).includes(squeezed(words)))
  const entryOf = (index: number, document: number) => trace.documents[`${index}:${document}`]
  return {
    question: request.question,
    text,
    retrieved: retrieval.passages.map(({ datanet, document, entry, text }) => ({
      datanet,
      document,
      author: entry.author,
      title: entry.title,
      year: entry.year,
      text,
    })),
    spans: trace.spans.map(({ from, to, length, index, document, amount }) => ({
      text: text.slice(from, to),
      length,
      document,
      author: entryOf(index, document).author,
      retrieved: isRetrieved(index, document),
      quoted: stands(text.slice(from, to)),
      amount: String(amount),
    })),
    paidShare: trace.answerTokens === 0 ? 0 : trace.paidTokens / trace.answerTokens,
    namesShown: names.map(({ author }) => author),
    gate: retrieval.score,
    namesRight: names.every(({ index, document, author }) => entryOf(index, document)?.author === author),
  }
}

/** `work` over `items`, at most `width` at a time, results in order. */
async function sideBySide<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const lane = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i])
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
  return results
}

const SAMPLED = { temperature: 0.7, topP: 0.9, seed: 1 }

export async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    values: ['datanet', 'questions', 'json', 'limit', 'off-tokens', 'side-by-side', 'model', 'adapters'],
    switches: ['all', 'without-adapter', 'skip-sampled'],
  })
  const root = resolve(import.meta.dirname, '..')
  const datanet = flags.text('datanet') ?? '1'
  const source = SEEDS.find(({ id }) => String(id) === datanet)
  if (source === undefined) {
    throw new OpenChatError('usage', `There is no seeded datanet ${datanet}.`, {
      action: `Choose one of ${SEEDS.map(({ id }) => id).join(', ')}.`,
    })
  }
  const all = readQuestions(flags.text('questions') ?? resolve(root, `bench/questions/${source.slug}.json`))
  const datanets = flags.on('all') ? SEEDS.map(({ id }) => String(id)) : [datanet]
  const limit = flags.integer('limit', 1_000, 1)
  const width = flags.integer('side-by-side', 6, 1, 64)
  const questions = { on: all.on.slice(0, limit), off: all.off.slice(0, limit) }
  const opened = await openBenchPorts({ model: flags.text('model'), adapters: flags.text('adapters') })
  const { ports, device, close } = opened
  const quotingAdapters = flags.on('without-adapter') ? {} : opened.quotingAdapters
  const started = performance.now()
  try {
    const run = async (list: string[], maxTokens?: number): Promise<AskedAnswer[][]> => {
      const kinds = flags.on('skip-sampled') ? [{ temperature: 0 }] : [{ temperature: 0 }, SAMPLED]
      const asked = await sideBySide(list, width, async (question) => {
        const answers: AskedAnswer[] = []
        // One after the other, so that the sampled answer finds its prompt in the engine's cache.
        for (const kind of kinds) {
          const length = maxTokens === undefined ? {} : { maxTokens }
          const request = {
            question,
            history: [],
            datanets,
            askWithSources: true,
            payContributors: false,
            quotingAdapters,
            adapter: 'auto',
          }
          const done = await ask({ ...request, ...kind, ...length }, ports)
          answers.push(done)
          const seconds = ((performance.now() - started) / 1000).toFixed(0)
          process.stderr.write(`${seconds} s  ${Math.round(done.paidShare * 100)} %  ${question}\n`)
        }
        return answers
      })
      return kinds.map((_, kind) => asked.map((answers) => answers[kind]))
    }
    const offTokens = flags.integer('off-tokens', 64, 1)
    const [on, sampledOn = []] = await run(questions.on)
    const [off, sampledOff = []] = await run(questions.off, offTokens)
    const rows: [string, AnswerSummary][] = [['greedy', summarise(on, off)]]
    if (sampledOn.length > 0) rows.push(['sampled', summarise(sampledOn, sampledOff)])
    console.log(`${source.about.name}, datanets ${datanets.join(', ')} chosen${flags.on('without-adapter') ? ', no adapter' : ''}.`)
    console.log(`${questions.on.length} on-topic, ${questions.off.length} off-topic questions; ${device}; ${width} side by side.`)
    console.log(
      `Sampled: temperature ${SAMPLED.temperature}, top-p ${SAMPLED.topP}, seed ${SAMPLED.seed}. Off-topic answers of at most ${offTokens} tokens.`,
    )
    console.log(`${((performance.now() - started) / 60_000).toFixed(1)} minutes.\n`)
    console.log(table(rows))
    const out = flags.text('json')
    if (out !== undefined) writeFileSync(out, `${JSON.stringify({ on, off, sampled: { on: sampledOn, off: sampledOff } }, null, 1)}\n`)
  } finally {
    await close()
  }
}
