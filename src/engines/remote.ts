// Any OpenAI-compatible endpoint as an engine: a request over fetch, an event stream back. It knows nothing of models, and no
// adapter goes there; attribution is from the text alone. Whoever calls it has told the visitor that the question leaves.
// Invariants: a key is sent in the Authorization header and nowhere else, and stands in no error; the words an answer begins
// with are sent as an assistant message to be continued, and a server that says them again is not believed: they are said once.
// Source: OpenAI's chat completions reference; vLLM's `continue_final_message` and `add_generation_prompt`, which other
// servers ignore.
import type { ChatEvent, ChatRequest, ChatUsage } from '../chat/ports.ts'
import { OpenChatError } from '../errors.ts'
import { sayOnce } from './say-once.ts'
import { sseData } from './sse.ts'

export interface Endpoint {
  /** Base address; a `/v1` at its end is understood. */
  url: string
  model: string
  /** Empty: none is sent. */
  key: string
}

const ROUTE_MODELS = 'models'
const ROUTE_CHAT = 'chat/completions'

/** @returns the base address with `/v1/` at its end. @throws endpoint_invalid */
export function endpointBase(url: string): string {
  const parsed = URL.canParse(url.trim()) ? new URL(url.trim()) : null
  const plain = parsed !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(parsed.hostname)
  if (parsed === null || !(parsed.protocol === 'https:' || (parsed.protocol === 'http:' && plain)) || parsed.username !== '') {
    throw new OpenChatError('endpoint_invalid', 'The address of an endpoint begins with https://, or is one of this machine.', {
      action: 'Write it like https://host.example/v1, without a name or password in it.',
    })
  }
  const path = parsed.pathname.replace(/\/+$/, '').replace(/\/(chat\/completions|models)$/, '')
  return `${parsed.origin}${path.endsWith('/v1') ? path : `${path}/v1`}/`
}

/** Ids of the models that the endpoint lists. @throws endpoint_invalid, endpoint_unreachable, endpoint_refused, endpoint_malformed, cancelled */
export async function endpointModels(url: string, key: string, signal: AbortSignal): Promise<string[]> {
  const base = endpointBase(url)
  const answer = await ask(base + ROUTE_MODELS, { headers: headersOf(key), signal })
  const body: unknown = await answer.json().catch((cause) => {
    throw malformed(base, 'its list of models is not JSON', cause)
  })
  const list = (body as { data?: unknown } | null)?.data
  if (!Array.isArray(list)) throw malformed(base, 'its list of models has no `data`')
  return list.map((entry) => (entry as { id?: unknown } | null)?.id).filter((id) => typeof id === 'string')
}

/** @throws endpoint_invalid, endpoint_unreachable, endpoint_refused, endpoint_malformed */
export async function* remoteChat(endpoint: Endpoint, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const base = endpointBase(endpoint.url)
  const began = performance.now()
  let firstTokenMs = 0
  let tokens = 0
  let reason: 'stop' | 'length' | 'cancelled' | null = null
  let told: Usage | undefined
  const unsaid = sayOnce(request.begin ?? '')
  try {
    const answer = await ask(base + ROUTE_CHAT, {
      method: 'POST',
      headers: { ...headersOf(endpoint.key), 'Content-Type': 'application/json' },
      body: JSON.stringify(bodyOf(endpoint.model, request)),
      signal,
    })
    if (answer.body === null) throw malformed(base, 'its answer is empty')
    for await (const data of sseData(readAll(answer.body))) {
      if (data === '[DONE]') break
      const chunk = chunkOf(data, base)
      told = chunk.usage ?? told
      if (chunk.text !== '') {
        if (tokens === 0) firstTokenMs = performance.now() - began
        tokens++
        const text = unsaid(chunk.text)
        if (text !== '') yield { type: 'token', text }
      }
      reason = chunk.reason ?? reason
    }
    const held = unsaid(null)
    if (held !== '') yield { type: 'token', text: held }
    if (reason === null) throw malformed(base, 'the stream broke off before the answer ended')
  } catch (error) {
    if (!signal.aborted) throw typed(error, base)
    reason = 'cancelled'
  }
  yield { type: 'end', reason, usage: usageOf(told, tokens, firstTokenMs, performance.now() - began) }
}

function bodyOf(model: string, request: ChatRequest): Record<string, unknown> {
  const begun = request.begin !== undefined && request.begin !== ''
  return {
    model,
    messages: begun ? [...request.messages, { role: 'assistant', content: request.begin }] : request.messages,
    ...(begun ? { continue_final_message: true, add_generation_prompt: false } : {}),
    max_tokens: request.max_tokens,
    temperature: request.temperature,
    ...(request.top_p === undefined ? {} : { top_p: request.top_p }),
    ...(request.top_k === undefined ? {} : { top_k: request.top_k }),
    ...(request.min_p === undefined ? {} : { min_p: request.min_p }),
    ...(request.presence_penalty === undefined ? {} : { presence_penalty: request.presence_penalty }),
    ...(request.frequency_penalty === undefined ? {} : { frequency_penalty: request.frequency_penalty }),
    ...(request.logit_bias === undefined ? {} : { logit_bias: request.logit_bias }),
    ...(request.response_format === undefined ? {} : { response_format: request.response_format }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop: request.stop }),
    stream: true,
    stream_options: { include_usage: true },
  }
}

interface Usage {
  prompt_tokens?: number
  completion_tokens?: number
}

function usageOf(told: Usage | undefined, events: number, firstTokenMs: number, totalMs: number): ChatUsage {
  const completionTokens = told?.completion_tokens ?? events
  const decodeMs = totalMs - firstTokenMs
  const tokensPerSecond = completionTokens > 1 && decodeMs > 0 ? ((completionTokens - 1) * 1000) / decodeMs : 0
  return { promptTokens: told?.prompt_tokens ?? 0, completionTokens, firstTokenMs, tokensPerSecond, dispatchesPerToken: 0 }
}

function chunkOf(data: string, base: string): { text: string; reason: 'stop' | 'length' | null; usage: Usage | undefined } {
  let chunk: unknown
  try {
    chunk = JSON.parse(data)
  } catch (cause) {
    throw malformed(base, 'an event of its stream is not JSON', cause)
  }
  const { choices, usage, error } = (chunk ?? {}) as { choices?: unknown; usage?: Usage | null; error?: unknown }
  if (error !== undefined && error !== null) throw refused(base, 200, messageOf(chunk))
  const choice = Array.isArray(choices) ? (choices[0] as { delta?: { content?: unknown }; finish_reason?: unknown } | undefined) : undefined
  if (!Array.isArray(choices)) throw malformed(base, 'an event of its stream has no `choices`')
  const text = typeof choice?.delta?.content === 'string' ? choice.delta.content : ''
  const finish = choice?.finish_reason
  const reason = finish === 'length' ? 'length' : typeof finish === 'string' ? 'stop' : null
  return { text, reason, usage: usage ?? undefined }
}

const headersOf = (key: string): Record<string, string> => (key === '' ? {} : { Authorization: `Bearer ${key}` })

/** One request. @throws endpoint_unreachable, endpoint_refused */
async function ask(url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, { ...init, credentials: 'omit', referrerPolicy: 'no-referrer' }).catch((cause) => {
    throw init.signal?.aborted ? new OpenChatError('cancelled', 'The request was cancelled.', { cause }) : unreachable(url, cause)
  })
  if (answer.ok) return answer
  const body: unknown = await answer.json().catch(() => null)
  throw refused(url, answer.status, messageOf(body))
}

async function* readAll(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function messageOf(body: unknown): string {
  const { error, message, detail } = (body ?? {}) as { error?: unknown; message?: unknown; detail?: unknown }
  const said = typeof error === 'string' ? error : ((error as { message?: unknown } | null | undefined)?.message ?? message ?? detail)
  return typeof said === 'string' ? said.replace(/\s+/g, ' ').slice(0, 200) : ''
}

const hostOf = (url: string) => new URL(url).host

function typed(error: unknown, base: string): unknown {
  if (error instanceof OpenChatError) return error
  if (error instanceof RangeError) return malformed(base, error.message, error)
  return unreachable(base, error)
}

function unreachable(url: string, cause: unknown): OpenChatError {
  return new OpenChatError('endpoint_unreachable', `${hostOf(url)} could not be reached, or does not allow requests of this page (CORS).`, {
    meta: { host: hostOf(url) },
    action: 'Check the address, that the server runs, and that it allows this origin.',
    cause,
  })
}

const REASONS: Record<number, [string, string]> = {
  401: ['it did not accept the key', 'Check the key of this endpoint.'],
  403: ['the key may not use it', 'Check the rights of the key.'],
  404: ['it has no such model or address', 'Check the address and the name of the model.'],
  429: ['too many requests, or the quota is used up', 'Wait a little and try again.'],
}

function refused(url: string, status: number, said: string): OpenChatError {
  const [reason, action] = REASONS[status] ?? [`it answered ${status}`, 'Try again later, or use another model.']
  const words = said === '' ? '' : ` It says: “${said}”`
  return new OpenChatError('endpoint_refused', `${hostOf(url)} refused the request: ${reason}.${words}`, {
    meta: { host: hostOf(url), status },
    action,
  })
}

function malformed(url: string, what: string, cause?: unknown): OpenChatError {
  return new OpenChatError('endpoint_malformed', `${hostOf(url)} does not speak the chat-completions protocol: ${what}.`, {
    meta: { host: hostOf(url) },
    action: 'Check that the address is an OpenAI-compatible endpoint.',
    cause,
  })
}
