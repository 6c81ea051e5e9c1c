// A chat-completions request of OpenAI's shape, read into what an engine of ours is asked. Not an answer (chat-completions.ts).
// Invariants: nothing in a request is silently left out. A field that this engine cannot honour is refused by name, unless its
// value is the one that asks for nothing (null, `n: 1`, no tools); a number out of OpenAI's range is refused with the range.
// Source: OpenAI's chat completions reference, in the types that `@mlc-ai/web-llm` gives it; `top_k`, `min_p` and
// `adapter` are ours. A JSON schema is taken as OpenAI writes it and as web-llm does.
import type { ChatCompletionMessageParam, ChatCompletionRequestBase, CompletionCreateParamsBase } from '@mlc-ai/web-llm'
import { OpenChatError } from '../errors.ts'

/** What is asked of an engine: the part of src/gpu's `CompletionRequest` that a request of this shape can name. */
export interface TextRequest {
  messages?: { role: 'system' | 'user' | 'assistant'; content: string }[]
  prompt?: string
  adapter?: string | null
  maxTokens: number
  temperature: number
  topK?: number
  topP?: number
  minP?: number
  repetitionPenalty?: number
  presencePenalty?: number
  frequencyPenalty?: number
  logitBias?: Readonly<Record<number, number>>
  /** How many of the likeliest tokens are told beside the drawn one. */
  logprobs?: number
  seed?: number
  stop?: string[]
  responseFormat?: { type: 'json_object' } | { type: 'json_schema'; schema: Record<string, unknown> } | { type: 'grammar'; grammar: string }
  signal?: AbortSignal
}

/** Fields beside OpenAI's. */
export interface OwnFields {
  /** Name or digest of a loaded adapter; null or absent for the backbone alone. */
  adapter?: string | null
  top_k?: number | null
  min_p?: number | null
}

export type ChatFields = ChatCompletionRequestBase & OwnFields
export type TextFields = CompletionCreateParamsBase & OwnFields

type Field = keyof ChatFields | keyof TextFields

/** OpenAI's default where a request names no temperature. */
const defaultTemperature = 1

const ranges: Partial<Record<Field, readonly [number, number]>> = {
  temperature: [0, 2],
  top_p: [0, 1],
  top_k: [0, Number.MAX_SAFE_INTEGER],
  min_p: [0, 1],
  presence_penalty: [-2, 2],
  frequency_penalty: [-2, 2],
  repetition_penalty: [0.01, 100],
  top_logprobs: [0, 20],
  max_tokens: [0, Number.MAX_SAFE_INTEGER],
  seed: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}
const whole: readonly Field[] = ['top_k', 'max_tokens', 'seed', 'top_logprobs']

/** Fields that are understood and cannot be honoured, with the values that ask for nothing. */
const unsupported: Partial<Record<Field, readonly unknown[]>> = {
  n: [1],
  best_of: [1],
  tools: [],
  tool_choice: ['none'],
  ignore_eos: [false],
  suffix: [''],
  echo: [false],
}

/** @throws request_invalid, request_unsupported */
export function chatRequest(request: ChatFields, contextTokens: number, signal: AbortSignal | undefined): TextRequest {
  if (!Array.isArray(request.messages) || request.messages.length === 0) throw invalid('messages', 'must hold at least one message')
  return { messages: request.messages.map(plain), ...settings(request, contextTokens, signal) }
}

/** @throws request_invalid, request_unsupported */
export function textRequest(request: TextFields, contextTokens: number, signal: AbortSignal | undefined): TextRequest {
  if (typeof request.prompt !== 'string' || request.prompt === '') throw invalid('prompt', 'must be a text')
  return { prompt: request.prompt, ...settings(request, contextTokens, signal) }
}

function settings(fields: ChatFields | TextFields, contextTokens: number, signal: AbortSignal | undefined): TextRequest {
  const request: Partial<ChatFields & TextFields> = fields
  for (const [field, harmless] of Object.entries(unsupported)) refuse(field as Field, request[field as Field], harmless)
  for (const [field, range] of Object.entries(ranges)) check(field as Field, request[field as Field], range)
  const { stop } = request
  const stops = typeof stop === 'string' ? [stop] : (stop ?? [])
  if (!stops.every((text) => typeof text === 'string' && text !== '')) throw invalid('stop', 'must be a text, or a list of texts')
  const responseFormat = formatOf(request.response_format)
  const told = {
    topK: request.top_k,
    topP: request.top_p,
    minP: request.min_p,
    repetitionPenalty: request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: biases(request.logit_bias),
    logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
    seed: request.seed,
  }
  return {
    adapter: request.adapter ?? null,
    maxTokens: request.max_tokens ?? contextTokens,
    temperature: request.temperature ?? defaultTemperature,
    ...(Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined && value !== null)) as Partial<TextRequest>),
    ...(stops.length === 0 ? {} : { stop: stops }),
    ...(responseFormat === null ? {} : { responseFormat }),
    ...(signal === undefined ? {} : { signal }),
  }
}

function biases(given: Record<string, number> | null | undefined): Record<number, number> | null {
  const entries = Object.entries(given ?? {})
  if (entries.length === 0) return null
  if (entries.every(([id, bias]) => /^\d+$/.test(id) && bias >= -100 && bias <= 100)) return Object.fromEntries(entries)
  throw invalid('logit_bias', 'must map ids of tokens to numbers from -100 to 100')
}

/** OpenAI's `json_schema: { schema }`, web-llm's `schema` as text, or a grammar. */
function formatOf(given: unknown): NonNullable<TextRequest['responseFormat']> | null {
  const { type, schema, json_schema, grammar } = (given ?? {}) as Record<string, unknown>
  if (type === undefined || type === 'text') return null
  if (type === 'json_object' && (schema === undefined || schema === null)) return { type }
  if (type === 'grammar' && typeof grammar === 'string') return { type, grammar }
  const named =
    type === 'json_object' ? schemaOf(schema) : type === 'json_schema' ? (json_schema as { schema?: unknown } | null)?.schema : null
  if (typeof named === 'object' && named !== null) return { type: 'json_schema', schema: named as Record<string, unknown> }
  if (type === 'structural_tag') throw refused('response_format', 'structural tags')
  throw invalid('response_format', 'must be text, json_object, json_schema with a schema, or grammar with a grammar')
}

function schemaOf(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Text parts of one message, joined; anything that is not text is refused. */
function plain(message: ChatCompletionMessageParam): { role: 'system' | 'user' | 'assistant'; content: string } {
  const { role, content } = message
  if (role !== 'system' && role !== 'user' && role !== 'assistant') throw refused('messages', `a message of the role ${String(role)}`)
  if ('tool_calls' in message && message.tool_calls !== undefined && message.tool_calls.length > 0) throw refused('messages', 'tool calls')
  if (typeof content === 'string') return { role, content }
  if (content === null || content === undefined) return { role, content: '' }
  const texts = content.map((part) => {
    if (part.type === 'text') return part.text
    throw refused('messages', `a part of the type ${part.type}`)
  })
  return { role, content: texts.join('') }
}

function refuse(field: Field, value: unknown, harmless: readonly unknown[]): void {
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
  if (value === undefined || value === null || empty || harmless.includes(value)) return
  throw refused(field, `\`${field}\``)
}

function check(field: Field, value: unknown, [least, most]: readonly [number, number]): void {
  if (value === undefined || value === null) return
  if (typeof value === 'number' && value >= least && value <= most && (!whole.includes(field) || Number.isInteger(value))) return
  const kind = whole.includes(field) ? 'a whole number' : 'a number'
  throw invalid(field, most > 1e9 ? `must be ${kind}${least === 0 ? ' of at least 0' : ''}` : `must be ${kind} from ${least} to ${most}`)
}

function invalid(field: Field, what: string): OpenChatError {
  return new OpenChatError('request_invalid', `The field ${field} of the request ${what}.`, { meta: { field } })
}

function refused(field: Field, what: string): OpenChatError {
  return new OpenChatError('request_unsupported', `This engine does not do ${what}.`, {
    meta: { field },
    action: 'Leave it out, or send the request to another engine.',
  })
}
