// What the model is given: the plain conversation, or one source and the question with an answer already begun. Not a chat
// template: special tokens are the engine's, and text is never more than text here, whatever it spells.
// Invariants: with sources the words are exactly those the public-speech adapter was trained on (scripts/train/quoting.py),
// because a prompt it never saw quotes less; no name of an author is in the prompt, so none can be put over another's words.
// Source: seed-adapters.md B: a begun answer raised paid answers from 18 to 24 of 24; one passage, since of two the model may
// quote the second under the name of the first.
import type { Passage } from '../attribution/types.ts'
import type { ChatMessage } from './ports.ts'

export interface PromptRequest {
  question: string
  /** Earlier turns, oldest first. */
  history: readonly ChatMessage[]
  /** Best first; the first is used. Empty: no sources. */
  passages: readonly Passage[]
}

export interface Prompt {
  messages: ChatMessage[]
  /** Words the answer begins with; empty without sources. */
  begin: string
  /** Whether the adapter that quotes is to be used. */
  adapter: boolean
  stop: string[]
  maxTokens: number
}

/** Shorter than the template's own default, which costs 17 tokens: 2 s before the first word on a slow machine. */
export const QUOTE_SYSTEM = 'Quote the source.'
/** Neutral, and without a quotation mark: after one the first word would be another token than in the source. */
export const QUOTE_BEGIN = 'From the record:'
const QUOTE_TOKENS = 96
const PLAIN_TOKENS = 256

/**
 * Earlier turns enter only without sources: the adapter was trained on single questions, and every token of history costs as
 * much as one of the source.
 * @example buildPrompt({ question: 'Why a navy?', history: [], passages: [] }).adapter // false
 */
export function buildPrompt({ question, history, passages }: PromptRequest): Prompt {
  const source = passages[0]
  if (source === undefined) {
    const messages = [...history, { role: 'user' as const, content: question }]
    return { messages, begin: '', adapter: false, stop: [], maxTokens: PLAIN_TOKENS }
  }
  return {
    messages: [
      { role: 'system', content: QUOTE_SYSTEM },
      { role: 'user', content: `Source: ${oneLine(source.text)}\n\nQuestion: ${question.trim()}` },
    ],
    begin: QUOTE_BEGIN,
    adapter: true,
    stop: [],
    maxTokens: QUOTE_TOKENS,
  }
}

/**
 * A blank line inside a source would look like its end. A space in its place, because after one a paragraph's first word is the
 * token that it is in the index of a seeded datanet, so that it is found when it is quoted.
 */
const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*\n\s*/gu, ' ')
