// llama.cpp in wasm as an engine, for browsers without a GPU that WebGPU can use: the same GGUF file, on the processor. Loaded
// when it is first needed. It spawns its own worker from a blob URL and fetches its wasm from this page's origin, nothing else.
// Not a downloader: it is given the file. No adapters: attribution is from the text alone.
// Invariants: one completion at a time, later ones in order; the words an answer begins with are the model's own beginning
// (llama.cpp continues a trailing assistant message), and are never said twice.
// Source: @wllama/wllama 3.8.1, which needs JSPI and 64-bit memory, and shared memory for more than one thread.
import { type ChatCompletionChunk, Wllama } from '@wllama/wllama'
import wasm from '@wllama/wllama/esm/wasm/wllama.wasm?url'
import type { ChatEvent, ChatRequest, ChatUsage } from '../chat/ports.ts'
import { OpenChatError } from '../errors.ts'
import { sayOnce } from './say-once.ts'
import { Seats } from './seats.ts'

export interface CpuEngine {
  readonly contextTokens: number
  readonly threads: number
  /** @throws prompt_too_long, cpu_engine_failed */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
  close(): Promise<void>
}

/** @param file a GGUF file @param contextTokens of one chat @throws cpu_engine_failed */
export async function openWllama(file: Blob, contextTokens: number): Promise<CpuEngine> {
  const silent = { debug: () => {}, log: () => {}, warn: () => {}, error: () => {} }
  const wllama = new Wllama({ default: new URL(wasm, globalThis.location.href).href }, { suppressNativeLog: true, logger: silent })
  // Its fallback for older browsers would be fetched from a foreign server.
  wllama.setCompat(null)
  try {
    await wllama.loadModel([file], { n_ctx: contextTokens, n_gpu_layers: 0, n_threads: threadsHere(), prefill_assistant: true })
  } catch (cause) {
    await wllama.exit().catch(() => undefined)
    throw failed('llama.cpp could not load the model on this processor', cause)
  }
  const seats = new Seats(1)
  return {
    contextTokens: wllama.getLoadedContextInfo().n_ctx,
    threads: wllama.getNumThreads(),
    async *chat(request, signal) {
      const leave = await seats.take()
      try {
        yield* run(wllama, request, signal)
      } finally {
        leave()
      }
    },
    close: () => wllama.exit(),
  }
}

/**
 * Three cores of four: llama.cpp's threads wait for each other at every layer, so one that has to share its core slows all.
 * Without shared memory (a page that is not cross-origin isolated) there is one thread.
 */
const threadsHere = () => Math.max(1, Math.min(8, Math.floor((globalThis.navigator.hardwareConcurrency ?? 2) * 0.75)))

async function* run(wllama: Wllama, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const began = performance.now()
  const begin = request.begin ?? ''
  const once = sayOnce(begin)
  let firstTokenMs = 0
  let tokens = 0
  let reason: 'stop' | 'length' | 'cancelled' = 'stop'
  let last: ChatCompletionChunk | undefined
  try {
    const stream = await wllama.createChatCompletion({
      messages: begin === '' ? request.messages : [...request.messages, { role: 'assistant', content: begin }],
      max_tokens: request.max_tokens,
      temperature: request.temperature,
      ...(request.top_p === undefined ? {} : { top_p: request.top_p }),
      ...(request.top_k === undefined ? {} : { top_k: request.top_k }),
      ...(request.min_p === undefined ? {} : { min_p: request.min_p }),
      // llama.cpp's own name for it; over the whole context, as here.
      ...(request.repetition_penalty === undefined ? {} : { repeat_penalty: request.repetition_penalty, repeat_last_n: -1 }),
      ...(request.presence_penalty === undefined ? {} : { presence_penalty: request.presence_penalty }),
      ...(request.frequency_penalty === undefined ? {} : { frequency_penalty: request.frequency_penalty }),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop: request.stop }),
      return_progress: true,
      timings_per_token: true,
      stream: true,
      abortSignal: signal,
    })
    for await (const chunk of stream) {
      last = chunk
      const { prompt_progress: progress, choices } = chunk
      if (progress !== undefined) yield { type: 'prefill', done: progress.processed, total: progress.total }
      const choice = choices[0]
      const said = choice?.delta.content ?? ''
      if (said !== '') {
        if (tokens === 0) firstTokenMs = performance.now() - began
        tokens++
        const text = once(said)
        if (text !== '') yield { type: 'token', text }
      }
      if (choice?.finish_reason === 'length') reason = 'length'
    }
    const held = once(null)
    if (held !== '') yield { type: 'token', text: held }
  } catch (error) {
    if (!signal.aborted) throw asked(error)
    reason = 'cancelled'
  }
  yield { type: 'end', reason: signal.aborted ? 'cancelled' : reason, usage: usageOf(last, tokens, firstTokenMs) }
}

function usageOf(last: ChatCompletionChunk | undefined, tokens: number, firstTokenMs: number): ChatUsage {
  const timings = last?.timings
  return {
    promptTokens: last?.usage?.prompt_tokens ?? (timings === undefined ? 0 : timings.prompt_n + timings.cache_n),
    completionTokens: last?.usage?.completion_tokens ?? tokens,
    firstTokenMs,
    tokensPerSecond: timings?.predicted_per_second ?? 0,
    dispatchesPerToken: 0,
  }
}

function asked(error: unknown): OpenChatError {
  const words = error instanceof Error ? error.message : String(error)
  if (/context|kv cache|exceed/i.test(words)) {
    return new OpenChatError('prompt_too_long', 'The conversation has no room in the context of the model.', {
      action: 'Begin a new chat, or shorten the question.',
      cause: error,
    })
  }
  return failed('llama.cpp ended in the middle of the answer', error)
}

const failed = (sentence: string, cause: unknown) =>
  new OpenChatError('cpu_engine_failed', `${sentence}.`, { action: 'Reload the page, or choose another engine.', cause })
