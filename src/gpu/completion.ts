// One answer: prompt to tokens, prefill of what the cache does not know, then tokens until an end id, a stop string, the length,
// the context's end or a cancel. Not a batcher: the runner joins the steps of answers that run side by side.
// Invariant: the text of all token events, joined, is the text of the end event; a stop string never shows, not even its beginning.
import { OpenChatError } from '../errors.ts'
import type { GrammarConstraint } from './grammar.ts'
import type { AdapterChoice, AdapterHold } from './lora/adapter-shelf.ts'
import type { ChatTemplate } from './model/chat-template.ts'
import { type Drawn, mostLogprobs } from './model/draw.ts'
import type { KvCache } from './model/kv-cache.ts'
import { promptEmpty, type Runner } from './model/runner.ts'
import { Sampler } from './model/sampler.ts'
import type { Tokenizer } from './model/tokenizer.ts'
import { Speculation } from './speculate.ts'
import { StopFilter } from './stop-filter.ts'
import type { CompletionEvent, CompletionRequest, DraftCounts, ResponseFormat, Utterance } from './types.ts'

export interface CompletionParts {
  runner: Runner
  cache: KvCache
  tokenizer: Tokenizer
  template: () => ChatTemplate
  eosIds: readonly number[]
  contextTokens: number
  dispatches: () => number
  /** @throws grammar_unavailable, grammar_invalid */
  constraint: (format: ResponseFormat) => Promise<GrammarConstraint>
  /** Keeps the adapter on the device while the answer runs. @throws adapter_unknown, and what loading it throws */
  hold: (adapter: AdapterChoice) => Promise<AdapterHold>
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
  const { signal, maxTokens } = request
  const begin = performance.now()
  const prompt = promptTokens(request, tokenizer, parts.template)
  checkSettings(request, tokenizer.size)
  if (prompt.length === 0) throw promptEmpty()
  const constraint = request.responseFormat === undefined ? null : await parts.constraint(request.responseFormat)
  const sampler = new Sampler(request, prompt, constraint)
  const stop = new StopFilter(request.stop ?? [])
  const decoder = tokenizer.decoder()
  const tokens: number[] = []
  const said = utteranceOf(request, prompt, sampler.seed)
  // The last token drawn is not fed, so it needs no room in the context.
  const most = Math.min(maxTokens, contextTokens - prompt.length + 1)
  let text = ''
  let firstTokenMs = 0
  let prefillMs = 0
  let reason: 'stop' | 'length' | 'cancelled' | null = maxTokens <= 0 ? 'length' : null
  let drafts: DraftCounts = { passes: 0, drafted: 0, accepted: 0 }
  const dispatches = { prefill: 0, decode: 0, perToken: 0 }
  const counted = parts.dispatches()

  const giveUp = (error: unknown) => {
    constraint?.release()
    throw error
  }
  const hold = await parts.hold(request.adapter).catch(giveUp)
  const sequence = await runner.turns
    .take(() => cache.resume(hold.key, prompt))
    .catch((error: unknown) => {
      hold.release()
      return giveUp(error)
    })
  let pending: Promise<Drawn> | undefined
  try {
    const progress: CompletionEvent[] = []
    const known = sequence.tokens.length
    const options = {
      ...(signal ? { signal } : {}),
      onProgress: (done: number) => progress.push({ type: 'prefill', done: known + done, total: prompt.length }),
    }
    yield { type: 'prefill', done: known, total: prompt.length }
    pending = runner.prefill(sequence, prompt.slice(known), sampler, options)
    yield* whileWaiting(pending, progress)
    const proposer = request.drafts ?? null
    const steps = new Speculation({ runner, sequence, sampler, proposer, prompt, contextTokens })
    drafts = steps.counts
    while (reason === null) {
      const { id, logprobs }: Drawn = await pending!
      pending = undefined
      if (tokens.length === 0) {
        firstTokenMs = prefillMs = performance.now() - begin
        dispatches.prefill = parts.dispatches() - counted
      }
      if (signal?.aborted) {
        reason = 'cancelled'
        break
      }
      said.drawn.push(id)
      if (logprobs !== undefined) said.logprobs?.push(logprobs.own)
      if (eosIds.includes(id)) {
        reason = 'stop'
        break
      }
      await sampler.push(id)
      tokens.push(id)
      const piece = stop.push(decoder.push(id))
      if (stop.found) reason = 'stop'
      else if (tokens.length >= most) reason = 'length'
      // Asked for before the consumer sees this token, so that answers side by side stay in step whatever each consumer does.
      if (reason === null) {
        pending = steps.step(id, most - tokens.length)
        pending.catch(() => undefined)
      }
      text += piece
      yield { type: 'token', id, text: piece, ...(logprobs === undefined ? {} : { logprobs }) }
    }
  } catch (error) {
    if (!(error instanceof OpenChatError) || error.code !== 'cancelled') throw error
    reason = 'cancelled'
  } finally {
    await pending?.catch(() => undefined)
    runner.end(() => cache.park(sequence), sequence)
    hold.release()
    constraint?.release()
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
    ...{ type: 'end', reason: reason ?? 'length', text, tokens, promptTokens: prompt.length, said },
    ...{ prefillMs, firstTokenMs, decodeMs: total - prefillMs, dispatches, drafts },
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

/** @throws request_invalid */
function checkSettings(request: CompletionRequest, vocab: number): void {
  const { temperature, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = request
  const { logitBias = {}, logprobs = 0 } = request
  const finite = (...numbers: number[]) => numbers.every((number) => Number.isFinite(number))
  const rules: [boolean, string][] = [
    [temperature >= 0 && finite(temperature), 'temperature is not negative'],
    [topK >= 0 && Number.isInteger(topK), 'topK is a whole number, 0 for all'],
    [topP > 0 && topP <= 1, 'topP lies above 0, and is at most 1'],
    [minP >= 0 && minP <= 1, 'minP lies between 0 and 1'],
    [repetitionPenalty > 0 && finite(repetitionPenalty), 'repetitionPenalty is above 0, and 1 for none'],
    [finite(presencePenalty, frequencyPenalty), 'presencePenalty and frequencyPenalty are numbers'],
    [
      Object.entries(logitBias).every(([id, bias]) => Number(id) < vocab && finite(Number(id), bias)),
      'logitBias names tokens of the model',
    ],
    [logprobs >= 0 && logprobs <= mostLogprobs && Number.isInteger(logprobs), `logprobs is a whole number of at most ${mostLogprobs}`],
  ]
  const broken = rules.find(([holds]) => !holds)
  if (broken !== undefined) throw new OpenChatError('request_invalid', `The settings of the request cannot be kept: ${broken[1]}.`)
}

/** What the end tells of how it came to be; what is drawn is added as it comes. */
function utteranceOf(request: CompletionRequest, prompt: number[], seed: number): Utterance {
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = request
  const given = { topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias }
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { prompt, drawn: [], logprobs: request.logprobs === undefined ? null : [], sampler: { ...named, temperature, seed } }
}
