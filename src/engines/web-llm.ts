// @mlc-ai/web-llm as an engine: large models compiled for WebGPU, fetched from their own hub. It runs in a worker of its own
// (workers/web-llm.worker.ts), since 6 MB of it are to be loaded by nobody who did not choose it. No adapters.
// Invariants: nothing is fetched before `load`; one completion at a time, later ones in order; a chat of it must end with the
// visitor, so begun words are asked for in words and taken out when they are said.
import type { InitProgressReport, MLCEngineInterface } from '@mlc-ai/web-llm'
import type { ChatEvent, ChatRequest, ChatUsage } from '../chat/ports.ts'
import { OpenChatError } from '../errors.ts'
import { sayOnce } from './say-once.ts'
import { Seats } from './seats.ts'
import { WEB_LLM_HOST } from './web-llm-models.ts'

/** The part of MLCEngine that is used; a test speaks for it in the shapes it recorded. */
export type WebLlm = Pick<MLCEngineInterface, 'reload' | 'unload' | 'interruptGenerate' | 'setInitProgressCallback'> & {
  chat: { completions: Pick<MLCEngineInterface['chat']['completions'], 'create'> }
}

export class WebLlmEngine {
  #engine: WebLlm
  #seats = new Seats(1)

  constructor(engine: WebLlm) {
    this.#engine = engine
  }

  /** Fetches what is missing of a model and loads it. `fraction` 0..1. @throws hub_unreachable, gpu_unavailable, gpu_out_of_memory, web_llm_failed */
  async load(model: string, progress: (fraction: number, words: string) => void): Promise<void> {
    this.#engine.setInitProgressCallback(({ progress: fraction, text }: InitProgressReport) => progress(fraction, text))
    try {
      await this.#engine.reload(model)
    } catch (error) {
      throw typed(error)
    }
  }

  async unload(): Promise<void> {
    await this.#engine.unload()
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const leave = await this.#seats.take()
    const interrupt = () => this.#engine.interruptGenerate()
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      yield* this.#run(request, signal)
    } catch (error) {
      throw typed(error)
    } finally {
      signal.removeEventListener('abort', interrupt)
      leave()
    }
  }

  async *#run(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const began = performance.now()
    const once = sayOnce(request.begin ?? '')
    let firstTokenMs = 0
    let tokens = 0
    let reason: 'stop' | 'length' = 'stop'
    let usage: ChatUsage | undefined
    if (!signal.aborted) {
      const stream = await this.#engine.chat.completions.create({
        messages: messagesOf(request),
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        ...(request.top_p === undefined ? {} : { top_p: request.top_p }),
        ...(request.repetition_penalty === undefined ? {} : { repetition_penalty: request.repetition_penalty }),
        ...(request.presence_penalty === undefined ? {} : { presence_penalty: request.presence_penalty }),
        ...(request.frequency_penalty === undefined ? {} : { frequency_penalty: request.frequency_penalty }),
        ...(request.logit_bias === undefined ? {} : { logit_bias: request.logit_bias }),
        ...(request.seed === undefined ? {} : { seed: request.seed }),
        ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop: request.stop }),
        stream: true,
        stream_options: { include_usage: true },
      })
      for await (const chunk of stream) {
        const choice = chunk.choices[0]
        const said = choice?.delta.content ?? ''
        if (said !== '') {
          if (tokens === 0) firstTokenMs = performance.now() - began
          tokens++
          const text = once(said)
          if (text !== '') yield { type: 'token', text }
        }
        if (choice?.finish_reason === 'length') reason = 'length'
        if (chunk.usage !== undefined && chunk.usage !== null) {
          const { prompt_tokens, completion_tokens, extra } = chunk.usage
          const tokensPerSecond = extra?.decode_tokens_per_s ?? 0
          usage = { promptTokens: prompt_tokens, completionTokens: completion_tokens, firstTokenMs, tokensPerSecond, dispatchesPerToken: 0 }
        }
      }
      const held = once(null)
      if (held !== '') yield { type: 'token', text: held }
    }
    usage ??= { promptTokens: 0, completionTokens: tokens, firstTokenMs, tokensPerSecond: 0, dispatchesPerToken: 0 }
    yield { type: 'end', reason: signal.aborted ? 'cancelled' : reason, usage }
  }
}

/** Begun words as a wish at the end of the visitor's own: web-llm refuses an assistant message there. */
function messagesOf({ messages, begin = '' }: ChatRequest): ChatRequest['messages'] {
  const last = messages.at(-1)
  if (begin.trim() === '' || last === undefined) return messages
  const wish = `Begin your answer with exactly these words, then go on from them:\n${begin.trim()}`
  return [...messages.slice(0, -1), { ...last, content: `${last.content}\n\n${wish}` }]
}

/** web-llm's errors as ours, by their names, which are part of its interface. */
function typed(error: unknown): OpenChatError {
  if (error instanceof OpenChatError) return error
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) }
  if (name === 'DeviceLostError')
    return new OpenChatError('device_lost', 'The GPU was lost, or has too little memory for this model.', {
      cause: error,
      action: 'Choose a smaller model.',
    })
  if (
    name === 'WebGPUNotAvailableError' ||
    name === 'WebGPUNotFoundError' ||
    name === 'ShaderF16SupportError' ||
    name === 'FeatureSupportError'
  ) {
    return new OpenChatError('gpu_unavailable', 'This browser’s WebGPU lacks what web-llm’s models need (half precision).', {
      cause: error,
      action: 'Choose another engine.',
    })
  }
  if (name === 'ContextWindowSizeExceededError') {
    return new OpenChatError('prompt_too_long', 'The conversation has no room in the context of the model.', {
      cause: error,
      action: 'Begin a new chat, or shorten the question.',
    })
  }
  if (error instanceof TypeError || /fetch|network|load failed|Cache\.add/i.test(message)) {
    return new OpenChatError('hub_unreachable', `The model could not be fetched from ${WEB_LLM_HOST}.`, {
      meta: { host: WEB_LLM_HOST },
      cause: error,
      action: 'Check the connection and try again, or choose a model that is here.',
    })
  }
  return new OpenChatError('web_llm_failed', `web-llm failed: ${message.slice(0, 200)}`, { cause: error, action: 'Choose another engine.' })
}
