// Paid-span candidates: the leftmost-longest matches of an answer in one or more indexes.
// Not the choice of who is paid (credit.ts takes eligibility, surprisal and commit order from here on) and not the
// overlapping maximal spans that OLMoTrace shows (index/queries.ts, attribute).
// Invariants: spans ascend and do not overlap; each begins and ends on a word boundary; none crosses a document, as the
// separator is never searched for; the same tokens, indexes and rules give the same spans everywhere.
import { OpenChatError } from '../errors.ts'
import type { Index, IndexQuery, Occurrence } from './index/index.ts'
import { separatorOf } from './index/token-order.ts'

export interface SpanRules {
  /** Shorter matches are dropped. Tokens. */
  minLength: number
  /** More occurrences than this, over all indexes: too common. */
  maxCount: number
  /** A match is cut just after the first of these. */
  delimiters: ReadonlySet<number>
  /** Whether a token begins a word, by id. */
  wordStart: Uint8Array | ((token: number) => boolean)
}

interface RawOccurrence extends Occurrence {
  /** Which of the indexes searched. */
  index: number
}

export interface RawSpan {
  /** First answer token, and number of tokens. */
  start: number
  length: number
  /** Occurrences over all indexes; exact, however large. */
  count: number
  tooCommon: boolean
  /** Every occurrence, index by index in suffix order; of a span that is too common, one alone, to show. */
  occurrences: RawOccurrence[]
}

/**
 * From the left, the longest match in any index, cut just after its first delimiter and ended on a word boundary;
 * dropped when shorter than minLength, and then the next begins one token later, else at its end.
 * @param answer token ids, shape [n]; one search per index and start, O(log size + match length) each
 * @throws query_invalid for an id outside the indexes' width, or the separator
 */
export function matchSpans(answer: ArrayLike<number>, indexes: readonly Index[], rules: SpanRules): RawSpan[] {
  const queries = queriesOf(answer, indexes)
  const spans: RawSpan[] = []
  let start = 0
  while (start < answer.length) {
    const length = isBoundary(answer, start, rules) ? spanLength(answer, start, longestIn(queries, start), rules) : 0
    if (length < Math.max(1, rules.minLength)) {
      start++
      continue
    }
    spans.push(spanAt(queries, start, length, rules.maxCount))
    start += length
  }
  return spans
}

/** One query per index over the same text. @throws query_invalid */
export function queriesOf(tokens: ArrayLike<number>, indexes: readonly Index[]): IndexQuery[] {
  for (const { width } of indexes) {
    const separator = separatorOf(width)
    for (let i = 0; i < tokens.length; i++)
      if (tokens[i] === separator)
        throw new OpenChatError('query_invalid', `Token ${i} of the answer is ${separator}, which separates documents.`, {
          meta: { position: i, token: separator },
          action: 'Tokenise the answer with the tokeniser that the index names.',
        })
  }
  return indexes.map((index) => index.query(tokens))
}

/** Longest match at `start` in any of the indexes, before it is cut. */
export function longestIn(queries: readonly IndexQuery[], start: number): number {
  let longest = 0
  for (const query of queries) longest = Math.max(longest, query.longest(start))
  return longest
}

export function countIn(queries: readonly IndexQuery[], start: number, length: number): number {
  let count = 0
  for (const query of queries) count += query.count(start, length)
  return count
}

/** What is left of a match of `matched` tokens after the cut and the word boundary; 0 when nothing is. */
export function spanLength(tokens: ArrayLike<number>, start: number, matched: number, rules: SpanRules): number {
  for (let i = 0; i < matched; i++) if (rules.delimiters.has(tokens[start + i])) return i + 1
  let length = matched
  while (length > 0 && !isBoundary(tokens, start + length, rules)) length--
  return length
}

/**
 * Whether a word may begin at a position: the ends of the text, a token that begins a word, and what follows a
 * delimiter, because after a line break the tokeniser writes a word without its leading space.
 */
export function isBoundary(tokens: ArrayLike<number>, position: number, rules: SpanRules): boolean {
  if (position <= 0 || position >= tokens.length || rules.delimiters.has(tokens[position - 1])) return true
  const { wordStart } = rules
  return typeof wordStart === 'function' ? wordStart(tokens[position]) : wordStart[tokens[position]] === 1
}

function spanAt(queries: readonly IndexQuery[], start: number, length: number, maxCount: number): RawSpan {
  const count = countIn(queries, start, length)
  const tooCommon = count > maxCount
  const occurrences: RawOccurrence[] = []
  for (const [index, query] of queries.entries()) {
    const limit = tooCommon ? 1 - occurrences.length : Number.POSITIVE_INFINITY
    for (const occurrence of query.occurrences(start, length, limit)) occurrences.push({ index, ...occurrence })
  }
  return { start, length, count, tooCommon, occurrences }
}
