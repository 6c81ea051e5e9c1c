// What bench/replay.ts asks, wherever it is asked: the same requests to the engine in Node and to the page's worker, so that their
// answers are of one kind. Not a bench.
import type { Utterance } from '../src/attribution/types.ts'
import type { ChatEvent, ChatRequest } from '../src/chat/ports.ts'

const questions = [
  'Name three things that a lighthouse keeper does, and why each of them matters.',
  'Why do ships carry ballast?',
  'Write a few sentences about an orchard in winter.',
]
const settings: Pick<ChatRequest, 'temperature' | 'top_p' | 'top_k' | 'min_p' | 'repetition_penalty' | 'presence_penalty'>[] = [
  { temperature: 0 },
  { temperature: 0.7, top_p: 0.9 },
  { temperature: 1, top_p: 0.95, top_k: 100 },
  { temperature: 1, min_p: 0.05, repetition_penalty: 1.1, presence_penalty: 0.2 },
]

/** An answer's record, and under which adapter it was made: its digest, or null for the backbone alone. */
export interface Answer {
  said: Utterance
  adapter: string | null
}

/** The `i`-th request: every second one under the adapter; greedy, and sampled in three ways, in turn; eight to a prompt. */
export function requestOf(i: number, tokens: number, adapter: string): ChatRequest {
  return {
    ...settings[(i >> 1) % settings.length],
    messages: [{ role: 'user', content: `${1 + (i >> 3)}. ${questions[(i >> 3) % questions.length]}` }],
    ...{ max_tokens: tokens, seed: 1000 + i, record: true },
    adapter: i % 2 === 0 ? null : adapter,
  }
}

/** The record of an answer that ends. */
export async function recordOf(request: ChatRequest, events: AsyncIterable<ChatEvent>): Promise<Answer> {
  for await (const event of events) {
    if (event.type === 'end' && event.said !== undefined) return { said: event.said, adapter: request.adapter }
  }
  throw new Error('The answer left no record.')
}
