// What guessing from the prompt saves: the same request with and without guesses, in turns, in one process.
//   node scripts/run.mjs bench/drafts.ts [--answers 5] [--tokens 64] [--model FILE] [--json]
// First answers with a source, as the page asks them (retrieval, prompt and quoting adapter of "public speech"); then answers without
// one, where guesses seldom help and must not cost. The texts must be equal, or nothing is printed. Exit code 1 when fewer than 3
// guesses a pass were right or the gain was below 1.3 with sources, or below 0.97 without.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { readFlags } from '../scripts/flags.ts'
import type { ChatRequest, ChatUsage, Engine } from '../src/chat/ports.ts'
import { buildPrompt } from '../src/chat/prompt.ts'
import { OpenChatError } from '../src/errors.ts'
import { openBenchPorts } from './answer-ports.ts'

interface Pair {
  question: string
  tokens: number
  plain: ChatUsage
  drafted: ChatUsage
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['answers', 'tokens', 'model'], switches: ['json'] })
  const count = flags.integer('answers', 5, 1)
  const max_tokens = flags.integer('tokens', 64, 8)
  const path = resolve(import.meta.dirname, 'questions/public-speech.json')
  const { on, off } = JSON.parse(readFileSync(path, 'utf8')) as Record<'on' | 'off', string[]>
  const { ports, quotingAdapters, device, close } = await openBenchPorts({ model: flags.text('model') })
  const signal = new AbortController().signal
  try {
    const requests = { sources: [] as ChatRequest[], plain: [] as ChatRequest[] }
    for (const question of on) {
      if (requests.sources.length === count) break
      const { open, passages } = await ports.tracer.retrieve(question, ['1'], signal)
      if (!open) continue
      const { messages, begin, stop } = buildPrompt({ question, history: [], passages })
      requests.sources.push({ messages, begin, stop, max_tokens, temperature: 0, adapter: quotingAdapters['1'] ?? null })
    }
    for (const question of off.slice(0, count)) {
      const { messages, begin, stop } = buildPrompt({ question, history: [], passages: [] })
      requests.plain.push({ messages, begin, stop, max_tokens, temperature: 0, adapter: null })
    }
    const pairs = { sources: await measure(ports.engine, requests.sources), plain: await measure(ports.engine, requests.plain) }
    const report = { device, max_tokens, sources: summary(pairs.sources), plain: summary(pairs.plain), pairs }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
    return report.sources.right >= 3 && report.sources.gain >= 1.3 && report.plain.gain >= 0.97 ? 0 : 1
  } finally {
    await close()
  }
}

async function measure(engine: Engine, requests: readonly ChatRequest[]): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (const [i, request] of requests.entries()) {
    const question = request.messages.at(-1)!.content.split('\n').at(-1)!
    // Shaders are compiled and the prompt is read by an answer that is not timed.
    await say(engine, { ...request, max_tokens: 2 })
    const first = await say(engine, { ...request, drafts: i % 2 === 0 })
    const second = await say(engine, { ...request, drafts: i % 2 !== 0 })
    if (first.text !== second.text) {
      throw new OpenChatError('bench_invalid', `With guesses the answer to "${question}" is another one.`, { meta: { question } })
    }
    const [drafted, plain] = i % 2 === 0 ? [first, second] : [second, first]
    pairs.push({ question, tokens: plain.usage.completionTokens, plain: plain.usage, drafted: drafted.usage })
    process.stderr.write(
      `${i + 1} of ${requests.length}: ${plain.usage.tokensPerSecond.toFixed(2)} -> ${drafted.usage.tokensPerSecond.toFixed(2)} tokens/s\n`,
    )
  }
  return pairs
}

async function say(engine: Engine, request: ChatRequest): Promise<{ text: string; usage: ChatUsage }> {
  let text = ''
  for await (const event of engine.chat(request, new AbortController().signal)) {
    if (event.type === 'token') text += event.text
    else if (event.type === 'end') return { text, usage: event.usage }
  }
  throw new OpenChatError('bench_invalid', 'An answer ended without its end.')
}

function summary(pairs: readonly Pair[]) {
  const sum = (of: (pair: Pair) => number) => pairs.reduce((total, pair) => total + of(pair), 0)
  const [passes, drafted, accepted] = (['passes', 'drafted', 'accepted'] as const).map((name) =>
    sum(({ drafted }) => drafted.drafts?.[name] ?? 0),
  )
  const seconds = (usage: ChatUsage) => (usage.completionTokens - 1) / usage.tokensPerSecond
  return {
    answers: pairs.length,
    tokens: sum(({ tokens }) => tokens),
    ...{ passes, drafted, accepted },
    /** Guesses right, a pass. */
    right: passes === 0 ? 0 : accepted / passes,
    gain: sum(({ plain }) => seconds(plain)) / sum(({ drafted }) => seconds(drafted)),
  }
}

function table({
  device,
  max_tokens,
  sources,
  plain,
}: {
  device: string
  max_tokens: number
  sources: ReturnType<typeof summary>
  plain: ReturnType<typeof summary>
}) {
  const line = (name: string, { answers, tokens, passes, drafted, accepted, right, gain }: ReturnType<typeof summary>) =>
    `${name.padEnd(18)} ${answers} answers, ${tokens} tokens, texts equal: ${gain.toFixed(2)} x tokens/s; ${passes} passes, ${drafted} guessed, ${accepted} right, ${right.toFixed(1)} a pass`
  return `${device}, at most ${max_tokens} tokens an answer\n${line('with a source', sources)}\n${line('without', plain)}\n`
}
