// A named part of `@mlc-ai/web-llm`'s MLCEngineInterface over an engine of ours, so that a program written for web-llm runs on
// it unchanged: `MlcEngine` below is that part, and the compiler holds the class to web-llm's own types.
// Left out, because there is nothing true to say: embeddings, setAppConfig, setLogLevel, forwardTokensAndSample (its cache is
// the engine's own), and resumable sessions.
// Not a loader: whoever makes it says how a model is opened. Nothing of web-llm is loaded, only its types are read.
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequestNonStreaming,
  ChatCompletionRequestStreaming,
  Completion,
  CompletionCreateParamsNonStreaming,
  CompletionCreateParamsStreaming,
  InitProgressCallback,
  MLCEngineInterface,
} from '@mlc-ai/web-llm'
import { OpenChatError } from '../errors.ts'
import { type ChatCompletions, type CreateOptions, createChatCompletions, type TextEngine, type TextEvent } from './chat-completions.ts'
import type { ChatFields, OwnFields, TextFields, TextRequest } from './openai-request.ts'
import { createTextCompletions, type TextCompletions } from './text-completions.ts'

export type MlcEngine = Pick<
  MLCEngineInterface,
  | 'chatCompletion'
  | 'completion'
  | 'reload'
  | 'unload'
  | 'interruptGenerate'
  | 'resetChat'
  | 'getMessage'
  | 'runtimeStatsText'
  | 'getGPUVendor'
  | 'getMaxStorageBufferBindingSize'
  | 'setInitProgressCallback'
  | 'getInitProgressCallback'
> & {
  chat: { completions: Pick<MLCEngineInterface['chat']['completions'], 'create'> }
  completions: Pick<MLCEngineInterface['completions'], 'create'>
}

/** A model that is open: src/gpu's `Engine`, and what its device says of itself. */
export interface OpenModel {
  engine: TextEngine & { dispose(): void }
  gpuVendor: string
  maxStorageBufferBindingSize: number
}

export interface LocalEngineOptions {
  /** @param progress 0..1, and what is being done */
  open(model: string, progress: (fraction: number, words: string) => void): Promise<OpenModel>
}

export class LocalEngine implements MlcEngine {
  readonly chat: { completions: ChatCompletions }
  readonly completions: TextCompletions
  #options: LocalEngineOptions
  #open: (OpenModel & { model: string }) | null = null
  #progress: InitProgressCallback | undefined
  #running = new Set<AbortController>()
  #message = ''
  #last: Extract<TextEvent, { type: 'end' }> | null = null

  constructor(options: LocalEngineOptions) {
    this.#options = options
    const create = async (request: ChatFields, more?: CreateOptions) => this.#chat().create(request, more)
    const complete = async (request: TextFields, more?: CreateOptions) => this.#text().create(request, more)
    this.chat = { completions: { create: create as ChatCompletions['create'] } }
    this.completions = { create: complete as TextCompletions['create'] }
  }

  chatCompletion(request: ChatCompletionRequestNonStreaming & OwnFields): Promise<ChatCompletion>
  chatCompletion(request: ChatCompletionRequestStreaming & OwnFields): Promise<AsyncIterable<ChatCompletionChunk>>
  chatCompletion(request: ChatFields): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>>
  async chatCompletion(request: ChatFields): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>> {
    return this.#chat().create(request)
  }

  completion(request: CompletionCreateParamsNonStreaming & OwnFields): Promise<Completion>
  completion(request: CompletionCreateParamsStreaming & OwnFields): Promise<AsyncIterable<Completion>>
  completion(request: TextFields): Promise<Completion | AsyncIterable<Completion>>
  async completion(request: TextFields): Promise<Completion | AsyncIterable<Completion>> {
    return this.#text().create(request)
  }

  /** One model at a time: a list of them must have one entry. @throws request_unsupported, and what opening throws */
  async reload(model: string | string[]): Promise<void> {
    const wanted = Array.isArray(model) ? model : [model]
    if (wanted.length !== 1) {
      throw new OpenChatError('request_unsupported', `This engine holds one model at a time; ${wanted.length} were asked for.`, {
        meta: { field: 'model' },
        action: 'Ask for one.',
      })
    }
    await this.unload()
    const began = performance.now()
    const opened = await this.#options.open(wanted[0], (progress, text) =>
      this.#progress?.({ progress, text, timeElapsed: (performance.now() - began) / 1000 }),
    )
    this.#open = { ...opened, model: wanted[0] }
  }

  async unload(): Promise<void> {
    this.interruptGenerate()
    this.#open?.engine.dispose()
    this.#open = null
    await this.resetChat()
  }

  /** Every answer under way ends with `finish_reason: 'abort'`. */
  interruptGenerate(): void {
    for (const controller of this.#running) controller.abort()
  }

  /** Requests say all that the model reads, so only what is told about the last answer is forgotten. */
  async resetChat(): Promise<void> {
    this.#message = ''
    this.#last = null
  }

  /** Text of the last answer, as far as it has come. */
  async getMessage(): Promise<string> {
    return this.#message
  }

  async runtimeStatsText(): Promise<string> {
    if (this.#last === null) return 'No answer yet.'
    const { promptTokens, tokens, prefillMs, decodeMs } = this.#last
    const rate = (count: number, ms: number) => (ms > 0 ? ((1000 * count) / ms).toFixed(1) : '0.0')
    return `prefill: ${rate(promptTokens, prefillMs)} tokens/sec, decoding: ${rate(Math.max(0, tokens.length - 1), decodeMs)} tokens/sec`
  }

  async getGPUVendor(): Promise<string> {
    return this.#loaded().gpuVendor
  }

  async getMaxStorageBufferBindingSize(): Promise<number> {
    return this.#loaded().maxStorageBufferBindingSize
  }

  setInitProgressCallback(callback: InitProgressCallback): void {
    this.#progress = callback
  }

  getInitProgressCallback(): InitProgressCallback | undefined {
    return this.#progress
  }

  #loaded(): OpenModel & { model: string } {
    if (this.#open !== null) return this.#open
    throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Call reload first.' })
  }

  #chat(): ChatCompletions {
    const { engine, model } = this.#loaded()
    return createChatCompletions(this.#heard(engine), { model })
  }

  #text(): TextCompletions {
    const { engine, model } = this.#loaded()
    return createTextCompletions(this.#heard(engine), { model })
  }

  /** The engine with an ear at it: what is said is kept for getMessage, and every answer can be interrupted. */
  #heard(engine: TextEngine): TextEngine {
    return {
      contextTokens: engine.contextTokens,
      decode: (tokens) => engine.decode(tokens),
      complete: (request) => this.#listen(engine, request),
    }
  }

  async *#listen(engine: TextEngine, request: TextRequest): AsyncGenerator<TextEvent, void, void> {
    const controller = new AbortController()
    const signal = request.signal ? AbortSignal.any([request.signal, controller.signal]) : controller.signal
    this.#running.add(controller)
    this.#message = ''
    try {
      for await (const event of engine.complete({ ...request, signal })) {
        if (event.type === 'token') this.#message += event.text
        if (event.type === 'end') this.#last = event
        yield event
      }
    } finally {
      this.#running.delete(controller)
    }
  }
}
