// Text completions in OpenAI's older shape: a prompt as it is, no chat template. The same engine, reading and ends as
// chat-completions.ts; only what a choice looks like differs.
import type {
  Completion,
  CompletionChoice,
  CompletionCreateParamsNonStreaming,
  CompletionCreateParamsStreaming,
  CompletionUsage,
} from '@mlc-ai/web-llm'
import {
  type CreateOptions,
  type FaceOptions,
  finishOf,
  type Heading,
  headingOf,
  piecesOf,
  settled,
  type TextEngine,
  type TextEvent,
  usageOf,
} from './chat-completions.ts'
import { type OwnFields, type TextFields, textRequest } from './openai-request.ts'

export interface TextCompletions {
  /** @throws as `ChatCompletions.create` */
  create(request: CompletionCreateParamsNonStreaming & OwnFields, options?: CreateOptions): Promise<Completion>
  create(request: CompletionCreateParamsStreaming & OwnFields, options?: CreateOptions): Promise<AsyncIterable<Completion>>
  create(request: TextFields, options?: CreateOptions): Promise<Completion | AsyncIterable<Completion>>
}

/** @example await createTextCompletions(engine, { model: 'smollm2' }).create({ prompt: 'Once', max_tokens: 16 }) */
export function createTextCompletions(engine: TextEngine, options: FaceOptions): TextCompletions {
  function create(request: CompletionCreateParamsNonStreaming & OwnFields, more?: CreateOptions): Promise<Completion>
  function create(request: CompletionCreateParamsStreaming & OwnFields, more?: CreateOptions): Promise<AsyncIterable<Completion>>
  function create(request: TextFields, more?: CreateOptions): Promise<Completion | AsyncIterable<Completion>>
  async function create(request: TextFields, more: CreateOptions = {}): Promise<Completion | AsyncIterable<Completion>> {
    const heading = headingOf(options, request.model, 'cmpl')
    const events = engine.complete(textRequest(request, engine.contextTokens, more.signal))
    if (request.stream) return chunksOf(events, heading, request.stream_options?.include_usage === true, engine)
    const { end, prefilled, logprobs } = await settled(events, engine)
    return shaped(heading, [{ index: 0, text: end.text, finish_reason: finishOf(end), logprobs }], usageOf(end, prefilled))
  }
  return { create }
}

async function* chunksOf(
  events: AsyncIterable<TextEvent>,
  heading: Heading,
  withUsage: boolean,
  engine: TextEngine,
): AsyncGenerator<Completion, void, void> {
  for await (const piece of piecesOf(events, engine)) {
    if (piece.type === 'text') {
      const { text, logprobs } = piece
      yield shaped(heading, [{ index: 0, text, finish_reason: null, ...(logprobs ? { logprobs } : {}) }])
    } else if (piece.type === 'end') {
      yield shaped(heading, [{ index: 0, text: '', finish_reason: finishOf(piece.end) }])
      if (withUsage) yield shaped(heading, [], usageOf(piece.end, piece.prefilled))
    }
  }
}

function shaped(heading: Heading, choices: CompletionChoice[], usage?: CompletionUsage): Completion {
  return { ...heading, object: 'text_completion', choices, ...(usage === undefined ? {} : { usage }) }
}
