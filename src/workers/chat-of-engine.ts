// A chat-completions request (chat/ports.ts) over the local engine: the one place where the two shapes meet. The gpu worker
// serves it to the page, the benches call it in Node.
import { roundedLogprob, type Utterance } from '../attribution/utterance.ts'
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'
import type { CompletionRequest, Engine, Utterance as EngineUtterance } from '../gpu/types.ts'

export async function* chatOfEngine(
  engine: Pick<Engine, 'complete'>,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  for await (const event of engine.complete(completionRequest(request, signal))) {
    if (event.type === 'prefill') yield event
    else if (event.type === 'token') {
      if (event.text !== '') yield { type: 'token', text: event.text }
    } else {
      const { reason, promptTokens, tokens, firstTokenMs, decodeMs, dispatches } = event
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
        },
        ...(said && { said }),
      }
    }
  }
}

/** An answer that drew nothing leaves nothing that could be replayed. */
function recordOf(request: ChatRequest, { prompt, drawn, logprobs, sampler }: EngineUtterance): Utterance | undefined {
  if (drawn.length === 0) return undefined
  const { logitBias, ...settings } = sampler
  return {
    ...{ prompt, drawn, begin: request.begin ?? '', stop: request.stop ?? [] },
    logprobs: logprobs?.map(roundedLogprob) ?? null,
    sampler: { ...settings, ...(logitBias && { logitBias: { ...logitBias } }) },
  }
}

function completionRequest(request: ChatRequest, signal: AbortSignal): CompletionRequest {
  return {
    messages: request.messages,
    maxTokens: request.max_tokens,
    temperature: request.temperature,
    adapter: request.adapter,
    signal,
    ...(request.begin === undefined ? {} : { begin: request.begin }),
    ...(request.top_p === undefined ? {} : { topP: request.top_p }),
    ...(request.top_k === undefined ? {} : { topK: request.top_k }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.stop === undefined ? {} : { stop: request.stop }),
    ...(request.record ? { logprobs: 0 } : {}),
  }
}
