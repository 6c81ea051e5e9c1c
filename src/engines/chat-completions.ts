// Chat completions in OpenAI's shape over an engine of ours: `create` gives one answer whole, or as a stream of chunks.
// Not a server and not a conversation: a request says all that the model reads; the engine reuses its cache by content.
// Invariants of a stream: the first chunk gives the role, each later one text, exactly one (the last with choices) a
// finish_reason, and with `stream_options.include_usage` one more that has no choice and the usage. Its texts joined are the
// text of the same request asked whole. An abort is no error: the answer ends with `finish_reason: 'abort'`, as web-llm's does.
// Source: OpenAI's chat completions reference, in the types of `@mlc-ai/web-llm`.
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionFinishReason,
  ChatCompletionRequestNonStreaming,
  ChatCompletionRequestStreaming,
  ChatCompletionTokenLogprob,
  CompletionUsage,
} from '@mlc-ai/web-llm'
import { OpenChatError } from '../errors.ts'
import { type ChatFields, chatRequest, type OwnFields, type TextRequest } from './openai-request.ts'

/** What an engine says while it answers: the part of src/gpu's `CompletionEvent` that is read here. */
export type TextEvent =
  | { type: 'prefill'; done: number; total: number }
  | { type: 'token'; id: number; text: string; logprobs?: { own: number; top: { id: number; logprob: number }[] } }
  | {
      type: 'end'
      reason: 'stop' | 'length' | 'cancelled'
      text: string
      tokens: number[]
      promptTokens: number
      prefillMs: number
      firstTokenMs: number
      decodeMs: number
    }

/** The port: src/gpu's `Engine` fills it as it is. */
export interface TextEngine {
  readonly contextTokens: number
  complete(request: TextRequest): AsyncIterable<TextEvent>
  /** Text of tokens; where they end within a character, U+FFFD for the rest. */
  decode(tokens: number[]): string
}

export interface FaceOptions {
  /** Written on every answer; a request that names another model is refused. */
  model: string
  /** s since the epoch. */
  now?: () => number
  newId?: () => string
}

export interface CreateOptions {
  signal?: AbortSignal
}

export interface ChatCompletions {
  /** @throws request_invalid, request_unsupported, and what the engine throws. Of a stream, the engine's errors come while it is read. */
  create(request: ChatCompletionRequestNonStreaming & OwnFields, options?: CreateOptions): Promise<ChatCompletion>
  create(request: ChatCompletionRequestStreaming & OwnFields, options?: CreateOptions): Promise<AsyncIterable<ChatCompletionChunk>>
  create(request: ChatFields, options?: CreateOptions): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>>
}

export type EndEvent = Extract<TextEvent, { type: 'end' }>

/** What every answer of one request has in common. */
export interface Heading {
  id: string
  model: string
  created: number
}

/**
 * @example const { choices } = await createChatCompletions(engine, { model: 'smollm2' }).create({ messages, max_tokens: 32 })
 */
export function createChatCompletions(engine: TextEngine, options: FaceOptions): ChatCompletions {
  function create(request: ChatCompletionRequestNonStreaming & OwnFields, more?: CreateOptions): Promise<ChatCompletion>
  function create(request: ChatCompletionRequestStreaming & OwnFields, more?: CreateOptions): Promise<AsyncIterable<ChatCompletionChunk>>
  function create(request: ChatFields, more?: CreateOptions): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>>
  async function create(request: ChatFields, more: CreateOptions = {}): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>> {
    const heading = headingOf(options, request.model, 'chatcmpl')
    const events = engine.complete(chatRequest(request, engine.contextTokens, more.signal))
    const withUsage = request.stream_options?.include_usage === true
    return request.stream ? chunksOf(events, heading, withUsage, engine) : wholeOf(await settled(events, engine), heading)
  }
  return { create }
}

async function* chunksOf(
  events: AsyncIterable<TextEvent>,
  heading: Heading,
  withUsage: boolean,
  engine: TextEngine,
): AsyncGenerator<ChatCompletionChunk, void, void> {
  const chunk = (choices: ChatCompletionChunk.Choice[]): ChatCompletionChunk => ({ ...heading, object: 'chat.completion.chunk', choices })
  const choice = (delta: ChatCompletionChunk.Choice.Delta, finish: ChatCompletionFinishReason | null = null) =>
    chunk([{ index: 0, delta, finish_reason: finish }])
  let begun = false
  for await (const piece of piecesOf(events, engine)) {
    if (!begun) {
      begun = true
      yield choice({ role: 'assistant', content: '' })
    }
    if (piece.type === 'text') {
      const { text, logprobs } = piece
      yield logprobs ? chunk([{ index: 0, delta: { content: text }, finish_reason: null, logprobs }]) : choice({ content: text })
    } else if (piece.type === 'end') {
      yield choice({}, finishOf(piece.end))
      if (withUsage) yield { ...chunk([]), usage: usageOf(piece.end, piece.prefilled) }
    }
  }
}

function wholeOf({ end, prefilled, logprobs }: Settled, heading: Heading): ChatCompletion {
  return {
    ...heading,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: end.text }, finish_reason: finishOf(end), logprobs }],
    usage: usageOf(end, prefilled),
  }
}

export interface Settled {
  end: EndEvent
  /** Tokens of the prompt that were not in the cache. */
  prefilled: number
  /** Of each token, where they were asked for. */
  logprobs: { content: ChatCompletionTokenLogprob[] } | null
}

/** What a stream tells, whatever a chunk of it looks like. */
type Piece =
  | { type: 'reading' }
  | { type: 'text'; text: string; logprobs?: { content: ChatCompletionTokenLogprob[] } }
  | { type: 'end'; end: EndEvent; prefilled: number }

/** A token without words is text only where its log probability was asked for. */
export async function* piecesOf(events: AsyncIterable<TextEvent>, engine: TextEngine): AsyncGenerator<Piece, void, void> {
  let prefilled = 0
  for await (const event of events) {
    if (event.type === 'prefill') {
      prefilled ||= event.total - event.done
      yield { type: 'reading' }
    } else if (event.type === 'end') yield { type: 'end', end: event, prefilled }
    else if (event.logprobs) yield { type: 'text', text: event.text, logprobs: { content: [told(event, engine)] } }
    else yield event.text === '' ? { type: 'reading' } : { type: 'text', text: event.text }
  }
}

/** Reads an answer to its end. */
export async function settled(events: AsyncIterable<TextEvent>, engine: TextEngine): Promise<Settled> {
  const content: ChatCompletionTokenLogprob[] = []
  let end: Extract<Piece, { type: 'end' }> | undefined
  for await (const piece of piecesOf(events, engine)) {
    if (piece.type === 'text') content.push(...(piece.logprobs?.content ?? []))
    if (piece.type === 'end') end = piece
  }
  if (end === undefined) throw new OpenChatError('internal_error', 'The engine ended without saying how.')
  return { end: end.end, prefilled: end.prefilled, logprobs: content.length === 0 ? null : { content } }
}

/** A token with its log probability, by the model itself. `bytes` is null for a token that ends within a character. */
function told({ id, logprobs }: Extract<TextEvent, { type: 'token' }>, engine: TextEngine): ChatCompletionTokenLogprob {
  const entry = (token: number, logprob: number) => {
    const text = engine.decode([token])
    return { token: text, logprob, bytes: text.includes('\uFFFD') ? null : [...new TextEncoder().encode(text)] }
  }
  const { own, top } = logprobs ?? { own: Number.NaN, top: [] }
  return { ...entry(id, own), top_logprobs: top.map((likely) => entry(likely.id, likely.logprob)) }
}

/** @throws request_invalid when the request names another model than the one that answers */
export function headingOf({ model, now, newId }: FaceOptions, asked: string | null | undefined, prefix: string): Heading {
  if (asked !== undefined && asked !== null && asked !== model) {
    throw new OpenChatError('request_invalid', `The request is for the model ${asked.slice(0, 80)}; ${model} is loaded.`, {
      meta: { field: 'model' },
      action: 'Load that model, or leave the field out.',
    })
  }
  const id = newId?.() ?? crypto.randomUUID().replaceAll('-', '')
  return { id: `${prefix}-${id}`, model, created: Math.floor(now?.() ?? Date.now() / 1000) }
}

export function finishOf({ reason }: EndEvent): ChatCompletionFinishReason {
  return reason === 'cancelled' ? 'abort' : reason
}

/** @param prefilled tokens of the prompt that were not in the cache; `prompt_tokens` counts all, as OpenAI does */
export function usageOf({ promptTokens, tokens, prefillMs, firstTokenMs, decodeMs }: EndEvent, prefilled: number): CompletionUsage {
  const rate = (count: number, ms: number) => (count > 0 && ms > 0 ? (1000 * count) / ms : 0)
  const decoded = Math.max(0, tokens.length - 1)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
    extra: {
      e2e_latency_s: (prefillMs + decodeMs) / 1000,
      prefill_tokens_per_s: rate(prefilled, prefillMs),
      decode_tokens_per_s: rate(decoded, decodeMs),
      time_to_first_token_s: firstTokenMs / 1000,
      time_per_output_token_s: decoded > 0 ? decodeMs / 1000 / decoded : 0,
    },
  }
}
