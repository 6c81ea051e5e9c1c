// infini-gram's `attribute`: the maximal matches of a text, as OLMoTrace's workers find them. For showing, so
// floats rank them.
// Not the paid spans (../spans.ts). Invariants: kept spans have ascending ends; every pointer is listed, in rank order.
// The reference loses spans whose insertion rank is 0; ours does not.
import type { Index, IndexQuery } from './index.ts'

export interface AttributeRules {
  delimiters: ReadonlySet<number>
  minLength: number
  maxCount: number
  /** Tokens that begin a word, or null when spans may begin and end anywhere. */
  wordStarts: ReadonlySet<number> | null
}

export interface AttributedSpan {
  l: number
  r: number
  length: number
  count: number
  /** Σ ln(count / total), separators counted in the total. */
  unigram_logprob_sum: number
  /** Shard and byte offset of every occurrence. */
  docs: { s: number; ptr: number }[]
}

/** Log-probability of a token that the corpus does not hold. */
const UNSEEN = -10000

/** Maximal matches from left to right; one search per position, O(log size + match length) each. @throws query_invalid */
export function attribute(index: Index, tokens: readonly number[], rules: AttributeRules): AttributedSpan[] {
  const query = index.query(tokens)
  const spans: AttributedSpan[] = []
  let reached = 0
  for (let start = 0; start < tokens.length; start++) {
    if (rules.wordStarts !== null && !rules.wordStarts.has(tokens[start])) continue
    const length = trimmed(tokens, start, query.longest(start), rules)
    // A span that ends no further than a kept one is dropped whatever its count, so it is not counted.
    if (length < Math.max(1, rules.minLength) || start + length <= reached) continue
    const ranges = query.ranges(start, length)
    const count = ranges.reduce((sum, [low, high]) => sum + high - low, 0)
    if (count > rules.maxCount) continue
    reached = start + length
    spans.push({
      l: start,
      r: start + length,
      length,
      count,
      unigram_logprob_sum: unigramLogSum(query, start, length),
      docs: ranges.flatMap(([low, high], s) =>
        Array.from({ length: high - low }, (_, i) => ({ s, ptr: index.shards[s].positionAt(low + i) * index.width })),
      ),
    })
  }
  return spans
}

function trimmed(tokens: readonly number[], start: number, matched: number, rules: AttributeRules): number {
  let length = matched
  for (let i = 0; i + 1 < matched; i++) {
    if (!rules.delimiters.has(tokens[start + i])) continue
    length = i + 1
    break
  }
  if (rules.wordStarts !== null)
    while (length > 0 && start + length < tokens.length && !rules.wordStarts.has(tokens[start + length])) length--
  return length
}

function unigramLogSum(query: IndexQuery, start: number, length: number): number {
  let sum = 0
  for (let i = start; i < start + length; i++) {
    const count = query.count(i, 1)
    sum += count === 0 ? UNSEEN : Math.log(count / query.index.size)
  }
  return sum
}
