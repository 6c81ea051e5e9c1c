// One answer: prompt to tokens, prefill of what the cache does not know, then tokens until an end id, a stop string, the length,
// the context's end or a cancel. Not a batcher: the runner joins the steps of answers that run side by side.
// Invariant: the text of all token events, joined, is the text of the end event; a stop string never shows, not even its beginning.
import { OpenChatError } from '../errors.ts'
import type { ChatTemplate } from './model/chat-template.ts'
import type { KvCache } from './model/kv-cache.ts'
import { promptEmpty, type Runner } from './model/runner.ts'
import { Sampler } from './model/sampler.ts'
import type { Tokenizer } from './model/tokenizer.ts'
import { StopFilter } from './stop-filter.ts'
import type { CompletionEvent, CompletionRequest } from './types.ts'

export interface CompletionParts {
  runner: Runner
  cache: KvCache
  tokenizer: Tokenizer
  template: () => ChatTemplate
  eosIds: readonly number[]
  contextTokens: number
  dispatches: () => number
  /** @throws adapter_unknown */
  digestOf: (name: string | null) => string
}

/** Exactly one of messages, prompt and tokens. @throws request_invalid */
export function promptTokens(request: CompletionRequest, tokenizer: Tokenizer, template: () => ChatTemplate): number[] {
  const { messages, prompt, tokens } = request
  if ([messages, prompt, tokens].filter((given) => given !== undefined).length !== 1) {
    throw new OpenChatError('request_invalid', 'A completion needs exactly one of messages, prompt and tokens.')
  }
  if (messages) return template().encode(messages, request.begin)
  return prompt === undefined ? tokens! : tokenizer.encodePrompt(prompt)
}

export async function* complete(parts: CompletionParts, request: CompletionRequest): AsyncGenerator<CompletionEvent, void, void> {
  const { runner, cache, tokenizer, eosIds, contextTokens } = parts
  const { signal, maxTokens, temperature } = request
  const begin = performance.now()
  const prompt = promptTokens(request, tokenizer, parts.template)
  const digest = parts.digestOf(request.adapter ?? null)
  const greedy = temperature === 0
  const sampler = new Sampler(request)
  const stop = new StopFilter(request.stop ?? [])
  const decoder = tokenizer.decoder()
  const tokens: number[] = []
  let text = ''
  let firstTokenMs = 0
  let prefillMs = 0
  let reason: 'stop' | 'length' | 'cancelled' | null = maxTokens <= 0 ? 'length' : null
  const dispatches = { prefill: 0, decode: 0, perToken: 0 }
  const counted = parts.dispatches()

  if (prompt.length === 0) throw promptEmpty()
  const sequence = await runner.turns.take(() => cache.resume(digest, prompt))
  let pending: Promise<number | Float32Array> | undefined
  try {
    const progress: CompletionEvent[] = []
    const known = sequence.tokens.length
    const options = {
      ...(signal ? { signal } : {}),
      onProgress: (done: number) => progress.push({ type: 'prefill', done: known + done, total: prompt.length }),
    }
    yield { type: 'prefill', done: known, total: prompt.length }
    pending = greedy
      ? runner.prefill(sequence, prompt.slice(known), true, options)
      : runner.prefill(sequence, prompt.slice(known), false, options)
    yield* whileWaiting(pending, progress)
    while (reason === null) {
      const result: number | Float32Array = await pending!
      pending = undefined
      const id = typeof result === 'number' ? result : sampler.draw(result)
      if (tokens.length === 0) {
        firstTokenMs = prefillMs = performance.now() - begin
        dispatches.prefill = parts.dispatches() - counted
      }
      if (signal?.aborted) reason = 'cancelled'
      else if (eosIds.includes(id)) reason = 'stop'
      if (reason !== null) break
      tokens.push(id)
      const piece = stop.push(decoder.push(id))
      if (stop.found) reason = 'stop'
      else if (tokens.length >= maxTokens || sequence.tokens.length >= contextTokens) reason = 'length'
      // Asked for before the consumer sees this token, so that answers side by side stay in step whatever each consumer does.
      if (reason === null) {
        pending = runner.step(sequence, id, greedy)
        pending.catch(() => undefined)
      }
      text += piece
      yield { type: 'token', id, text: piece }
    }
  } catch (error) {
    if (!(error instanceof OpenChatError) || error.code !== 'cancelled') throw error
    reason = 'cancelled'
  } finally {
    await pending?.catch(() => undefined)
    runner.end(() => cache.park(sequence))
  }
  const rest = stop.end(decoder.end())
  if (rest !== '') {
    text += rest
    yield { type: 'token', id: tokens[tokens.length - 1], text: rest }
  }
  const total = performance.now() - begin
  dispatches.decode = parts.dispatches() - counted - dispatches.prefill
  dispatches.perToken = runner.dispatchesPerDecode
  yield {
    ...{ type: 'end', reason: reason ?? 'length', text, tokens, promptTokens: prompt.length },
    ...{ prefillMs, firstTokenMs, decodeMs: total - prefillMs, dispatches },
  }
}

/** Yields progress as it comes, until the work ends (well or badly: the caller awaits it). */
async function* whileWaiting(work: Promise<unknown>, progress: CompletionEvent[]): AsyncGenerator<CompletionEvent, void, void> {
  let ended = false
  const end = work.then(
    () => (ended = true),
    () => (ended = true),
  )
  while (!ended) {
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 50))])
    yield* progress.splice(0)
  }
}
