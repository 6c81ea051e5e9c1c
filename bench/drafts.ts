// What guessing saves: the same request without guesses, with guesses from the passage in the prompt, and with those of the
// datanet's suffix array besides, in turns, in one process.
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

/** Who guesses. */
type Mode = 'nobody' | 'passage' | 'datanet'

const draftsOf: Record<Mode, Pick<ChatRequest, 'drafts'>> = {
  nobody: {},
  passage: { drafts: { datanets: [] } },
  datanet: { drafts: { datanets: ['1'] } },
}

interface Asked {
  question: string
  usage: Partial<Record<Mode, ChatUsage>>
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
    const asked = {
      sources: await measure(ports.engine, requests.sources, ['nobody', 'passage', 'datanet']),
      plain: await measure(ports.engine, requests.plain, ['nobody', 'datanet']),
    }
    const report = {
      ...{ device, max_tokens },
      passage: summary(asked.sources, 'passage'),
      datanet: summary(asked.sources, 'datanet'),
      plain: summary(asked.plain, 'datanet'),
      asked,
    }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : table(report))
    return report.datanet.right >= 3 && report.datanet.gain >= 1.3 && report.plain.gain >= 0.97 ? 0 : 1
  } finally {
    await close()
  }
}

async function measure(engine: Engine, requests: readonly ChatRequest[], modes: readonly Mode[]): Promise<Asked[]> {
  const all: Asked[] = []
  for (const [i, request] of requests.entries()) {
    const question = request.messages.at(-1)!.content.split('\n').at(-1)!
    // Shaders are compiled and the prompt is read by an answer that is not timed.
    await say(engine, { ...request, max_tokens: 2 })
    const usage: Asked['usage'] = {}
    const texts = new Set<string>()
    for (const turn of modes.keys()) {
      const mode = modes[(i + turn) % modes.length]!
      const said = await say(engine, { ...request, ...draftsOf[mode] })
      texts.add(said.text)
      usage[mode] = said.usage
    }
    if (texts.size > 1) {
      throw new OpenChatError('bench_invalid', `With guesses the answer to "${question}" is another one.`, { meta: { question } })
    }
    all.push({ question, usage })
    const told = modes.map((mode) => `${mode} ${usage[mode]!.tokensPerSecond.toFixed(2)}`)
    process.stderr.write(`${i + 1} of ${requests.length}: tokens/s ${told.join(', ')}\n`)
  }
  return all
}

async function say(engine: Engine, request: ChatRequest): Promise<{ text: string; usage: ChatUsage }> {
  let text = ''
  for await (const event of engine.chat(request, new AbortController().signal)) {
    if (event.type === 'token') text += event.text
    else if (event.type === 'end') return { text, usage: event.usage }
  }
  throw new OpenChatError('bench_invalid', 'An answer ended without its end.')
}

function summary(all: readonly Asked[], mode: Mode) {
  const sum = (of: (usage: Asked['usage']) => number) => all.reduce((total, { usage }) => total + of(usage), 0)
  const [passes, drafted, accepted] = (['passes', 'drafted', 'accepted'] as const).map((name) =>
    sum((usage) => usage[mode]!.drafts?.[name] ?? 0),
  )
  const seconds = (usage: ChatUsage) => (usage.completionTokens - 1) / usage.tokensPerSecond
  return {
    answers: all.length,
    tokens: sum(({ nobody }) => nobody!.completionTokens),
    ...{ passes, drafted, accepted },
    /** Guesses right, a pass. */
    right: passes === 0 ? 0 : accepted / passes,
    gain: sum(({ nobody }) => seconds(nobody!)) / sum((usage) => seconds(usage[mode]!)),
  }
}

type Summary = ReturnType<typeof summary>

function table(report: { device: string; max_tokens: number; passage: Summary; datanet: Summary; plain: Summary }) {
  const line = (name: string, { answers, tokens, passes, drafted, accepted, right, gain }: Summary) =>
    `${name.padEnd(32)} ${answers} answers, ${tokens} tokens, texts equal: ${gain.toFixed(2)} x tokens/s; ${passes} passes, ${drafted} guessed, ${accepted} right, ${right.toFixed(1)} a pass`
  const { device, max_tokens, passage, datanet, plain } = report
  const lines = [
    line('with a source, passage', passage),
    line('with a source, passage + datanet', datanet),
    line('without, passage + datanet', plain),
  ]
  return `${device}, at most ${max_tokens} tokens an answer\n${lines.join('\n')}\n`
}
