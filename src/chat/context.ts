// What fits into the model's context, and what is left out when not all does: the oldest turns, whole, never half of one.
// The page asks here before a question is sent and answer.ts when it is, so what was announced is what happens.
// Not a tokenizer: the engine counts; where it cannot, characters are divided and the result is called an estimate.
// Invariants: a system message and the last question are never dropped; the answer keeps the room it was promised.
import { OpenChatError } from '../errors.ts'
import type { ChatMessage, Engine } from './ports.ts'

export interface ContextFit {
  /** Tokens of the prompt as it is sent, after dropping. */
  promptTokens: number
  /** Tokens kept for the answer. */
  answerTokens: number
  /** What both may take together; null where the engine does not say, and then nothing is dropped. */
  limit: number | null
  /** False: estimated from characters. */
  exact: boolean
  /** Question-and-answer pairs left out, the oldest first. */
  droppedTurns: number
}

/** English runs at 4 to 4.5 characters a token in these tokenizers; 3 errs on the side that still fits. */
const CHARACTERS_PER_TOKEN = 3
/** Role names and separators of a template. */
const TOKENS_PER_MESSAGE = 8

export function estimateTokens(messages: readonly ChatMessage[], begin = ''): number {
  const characters = messages.reduce((sum, { content }) => sum + content.length, begin.length)
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + TOKENS_PER_MESSAGE * (messages.length + 1)
}

/**
 * @param messages an optional system message, then pairs of question and answer, then the question.
 * @throws question_too_long when the last question alone does not fit
 */
export async function fitContext(
  messages: readonly ChatMessage[],
  answerTokens: number,
  engine: Pick<Engine, 'contextTokens' | 'count'>,
  begin = '',
): Promise<{ messages: ChatMessage[]; fit: ContextFit }> {
  const limit = engine.contextTokens ?? null
  const exact = engine.count !== undefined
  const count = async (list: ChatMessage[]) => (exact ? await engine.count!(list, begin) : estimateTokens(list, begin))
  const head = messages[0]?.role === 'system' ? 1 : 0
  const turns = Math.floor((messages.length - head - 1) / 2)
  const without = (dropped: number) => [...messages.slice(0, head), ...messages.slice(head + 2 * dropped)]
  const fitOf = (promptTokens: number, droppedTurns: number): ContextFit => ({ promptTokens, answerTokens, limit, exact, droppedTurns })

  const whole = await count(without(0))
  if (limit === null || whole + answerTokens <= limit) return { messages: without(0), fit: fitOf(whole, 0) }
  // Each further dropped turn makes the prompt shorter, so the fewest that do can be searched for by halves.
  let [few, enough] = [1, turns + 1]
  let tokens = whole
  while (few < enough) {
    const middle = (few + enough) >> 1
    const counted = await count(without(middle))
    if (counted + answerTokens <= limit) [enough, tokens] = [middle, counted]
    else few = middle + 1
  }
  if (enough <= turns) return { messages: without(enough), fit: fitOf(tokens, enough) }
  tokens = turns === 0 ? whole : await count(without(turns))
  // A long question may leave the answer less room than it was promised, as long as it leaves some.
  const room = limit - tokens
  if (room >= MIN_ANSWER_TOKENS) return { messages: without(turns), fit: { ...fitOf(tokens, turns), answerTokens: room } }
  throw new OpenChatError('question_too_long', `The question takes ${tokens} of the ${limit} tokens that the model can hold.`, {
    meta: { tokens, limit, exact },
    action: 'Shorten it or what is attached to it.',
  })
}

const MIN_ANSWER_TOKENS = 32
