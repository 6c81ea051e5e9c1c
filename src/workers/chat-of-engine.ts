// A chat-completions request (chat/ports.ts) over the local engine: the one place where the two shapes meet. The gpu worker
// serves it to the page, the benches call it in Node.
import type { Utterance } from '../attribution/types.ts'
import { roundedLogprob } from '../attribution/utterance.ts'
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'
import { promptProposer } from '../gpu/prompt-proposer.ts'
import type { CompletionRequest, Engine, Utterance as EngineUtterance, Proposer, ResponseFormat } from '../gpu/types.ts'
import { DatanetProposer } from './datanet-proposer.ts'
import type { DraftSource } from './draft-source.ts'

/** Who knows how datanets go on, and the vocabulary that the engine asks in. */
export interface Drafts {
  source: DraftSource
  vocabulary: string
}

/** @param drafts absent: guesses come from the prompt alone */
export async function* chatOfEngine(
  engine: Pick<Engine, 'complete'>,
  request: ChatRequest,
  signal: AbortSignal,
  drafts: Drafts | null = null,
): AsyncGenerator<ChatEvent> {
  const proposer = request.drafts === undefined ? null : proposerOf(request.drafts, drafts)
  for await (const event of engine.complete(completionRequest(request, proposer, signal))) {
    if (event.type === 'prefill') yield event
    else if (event.type === 'token') {
      if (event.text !== '') yield { type: 'token', text: event.text }
    } else {
      const { reason, promptTokens, tokens, firstTokenMs, decodeMs, dispatches, drafts } = event
      const said = request.record ? recordOf(request, event.said) : undefined
      yield {
        type: 'end',
        reason,
        usage: {
          promptTokens,
          completionTokens: tokens.length,
          firstTokenMs,
          // The first token comes out of the prefill; the others are what decoding took its time for.
          tokensPerSecond: tokens.length > 1 && decodeMs > 0 ? ((tokens.length - 1) * 1000) / decodeMs : 0,
          dispatchesPerToken: dispatches.perToken,
          ...(drafts.passes > 0 ? { drafts } : {}),
        },
        ...(said && { said }),
      }
    }
  }
}

/** An answer that drew nothing, or was held to a grammar, leaves nothing that could be replayed. */
function recordOf(request: ChatRequest, { prompt, drawn, logprobs, sampler }: EngineUtterance): Utterance | undefined {
  if (drawn.length === 0 || request.response_format !== undefined) return undefined
  const { logitBias, ...settings } = sampler
  return {
    ...{ prompt, drawn, begin: request.begin ?? '', stop: request.stop ?? [] },
    logprobs: logprobs?.map(roundedLogprob) ?? null,
    sampler: { ...settings, ...(logitBias && { logitBias: { ...logitBias } }) },
  }
}

function formatOf(format: NonNullable<ChatRequest['response_format']>): ResponseFormat {
  return format.type === 'json_schema' ? { type: 'json_schema', schema: format.json_schema.schema } : format
}

function proposerOf({ datanets }: NonNullable<ChatRequest['drafts']>, drafts: Drafts | null): Proposer {
  if (drafts === null || datanets.length === 0) return promptProposer
  return new DatanetProposer((tokens, most) => drafts.source.continuation(drafts.vocabulary, tokens, [...datanets], most))
}

function completionRequest(request: ChatRequest, proposer: Proposer | null, signal: AbortSignal): CompletionRequest {
  return {
    messages: request.messages,
    maxTokens: request.max_tokens,
    temperature: request.temperature,
    adapter: request.adapter,
    signal,
    ...(request.begin === undefined ? {} : { begin: request.begin }),
    ...(request.top_p === undefined ? {} : { topP: request.top_p }),
    ...(request.top_k === undefined ? {} : { topK: request.top_k }),
    ...(request.min_p === undefined ? {} : { minP: request.min_p }),
    ...(request.repetition_penalty === undefined ? {} : { repetitionPenalty: request.repetition_penalty }),
    ...(request.presence_penalty === undefined ? {} : { presencePenalty: request.presence_penalty }),
    ...(request.frequency_penalty === undefined ? {} : { frequencyPenalty: request.frequency_penalty }),
    ...(request.logit_bias === undefined ? {} : { logitBias: request.logit_bias }),
    ...(request.response_format === undefined ? {} : { responseFormat: formatOf(request.response_format) }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.stop === undefined ? {} : { stop: request.stop }),
    ...(request.record ? { logprobs: 0 } : {}),
    ...(proposer === null ? {} : { drafts: proposer }),
  }
}
