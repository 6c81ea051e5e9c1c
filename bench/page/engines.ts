// One model file under two engines in one browser: ours through the page's own worker (src/workers/gpu.worker.ts), and wllama
// through the page's own adapter of it (src/engines/wllama.ts). What bench/browser.ts calls; it says nothing by itself.
// Invariants: every question begins with a word of its own, so nobody answers from a cache; both are given the same messages,
// greedy, and the engines take turns, never at the same time.
import type { ChatEvent, ChatMessage, ChatRequest, ChatUsage } from '../../src/chat/ports.ts'
import { type CpuEngine, openWllama } from '../../src/engines/wllama.ts'
import type { GpuWorker, LoadedEngine, ModelFile } from '../../src/workers/gpu-api.ts'
import { openWorker } from '../../src/workers/rpc.ts'

const CONTEXT_TOKENS = 2048
const never = new AbortController().signal

/** One answer, in ms and tokens. */
export interface Timed {
  usage: ChatUsage
  /** Tokens of the prompt that were not in the cache, where the engine says. */
  prefilled: number | null
  text: string
}

const worker = openWorker<GpuWorker>(new Worker(new URL('../../src/workers/gpu.worker.ts', import.meta.url), { type: 'module' }))
let wllama: CpuEngine | undefined

const passage =
  'A bench is a promise about a machine that the reader does not own. It names the device, the model, the number of runs and the ' +
  'spread, and it says what was left out. '

const question = (run: number): ChatMessage[] => [
  { role: 'user', content: `Number ${run}. ${passage}Tell in a few sentences what a good measurement is.` },
]

function request(messages: ChatMessage[], tokens: number): ChatRequest {
  return { messages, max_tokens: tokens, temperature: 0, adapter: null }
}

async function timed(events: AsyncIterable<ChatEvent>): Promise<Timed> {
  let prefilled: number | null = null
  let text = ''
  for await (const event of events) {
    if (event.type === 'prefill') prefilled ??= event.total - event.done
    else if (event.type === 'token') text += event.text
    else return { usage: event.usage, prefilled, text }
  }
  throw new Error('The answer broke off.')
}

const ours = async (messages: ChatMessage[], tokens: number) => timed(await worker.api.chat(request(messages, tokens), never))

export const bench = {
  /** Opens the model under both. */
  async open(model: ModelFile): Promise<{ loaded: LoadedEngine; loadMs: number; threads: number; isolated: boolean }> {
    const from = performance.now()
    const loaded = await worker.api.load(model, [], () => {}, never)
    const loadMs = performance.now() - from
    const file = await (await fetch(model.urls[0]!)).blob()
    wllama = await openWllama(file, CONTEXT_TOKENS)
    return { loaded, loadMs, threads: wllama.threads, isolated: crossOriginIsolated }
  },
  ours: (run: number, tokens: number) => ours(question(run), tokens),
  wllama: (run: number, tokens: number) => timed(wllama!.chat(request(question(run), tokens), never)),
  /** Several conversations at once through our worker. @returns tokens/s of all together, from the first's start to the last's end */
  async together(run: number, rows: number, tokens: number): Promise<number> {
    // Each once alone, so that only decoding is timed.
    const questions = Array.from({ length: rows }, (_, i) => question(1000 * (run + 1) + i))
    for (const messages of questions) await ours(messages, 1)
    const from = performance.now()
    const answers = await Promise.all(questions.map((messages) => ours(messages, tokens)))
    return (1000 * answers.reduce((sum, { usage }) => sum + usage.completionTokens, 0)) / (performance.now() - from)
  },
  /** Three turns of one conversation. @returns tokens prefilled in each, and each prompt's own length */
  async turns(tokens: number): Promise<{ prefilled: number[]; prompt: number[] }> {
    const messages = question(9999)
    const prefilled: number[] = []
    const prompt: number[] = []
    for (let turn = 0; turn < 3; turn++) {
      const answer = await ours([...messages], tokens)
      prefilled.push(answer.prefilled ?? 0)
      prompt.push(answer.usage.promptTokens)
      messages.push({ role: 'assistant', content: answer.text }, { role: 'user', content: 'Go on.' })
    }
    return { prefilled, prompt }
  },
}

Object.assign(window, { bench })
