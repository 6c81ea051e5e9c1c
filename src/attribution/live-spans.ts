// Marks while an answer streams: the spans of matchSpans for the text so far, at a bounded cost a token.
// Not evidence: a mark carries no document and nothing is paid from it. The last one may still shrink or vanish; the
// others are final unless the tokeniser rewrites what they rest on, which rolls back to that point.
// Invariant: after the last token the marks are the spans of matchSpans that are not too common (property-tested).
// Bound: a token costs one search of the unfinished span and, when that ends, at most minLength + W starts more, where W
// is the longest run of tokens without a word boundary: a dropped start has fewer than minLength + W tokens after it.
// So no suffix links are kept; a search is O(log size + length of the unfinished span).
import type { Index } from './index/index.ts'
import { countIn, isBoundary, longestIn, queriesOf, type SpanRules, spanLength } from './spans.ts'

export interface LiveSpan {
  start: number
  length: number
  /** True while the match still reaches the end of the text. */
  provisional: boolean
}

interface Decision {
  start: number
  /** Where the next span may begin. */
  next: number
  /** Tokens the decision rests on: it stands while answer[0, reach) does. Ascends from decision to decision. */
  reach: number
  mark: LiveSpan | null
}

export class LiveSpans {
  readonly #indexes: readonly Index[]
  readonly #rules: SpanRules
  #tokens: number[] = []
  #decisions: Decision[] = []

  constructor(indexes: readonly Index[], rules: SpanRules) {
    this.#indexes = indexes
    this.#rules = rules
  }

  /** The whole answer so far, re-tokenised; marks for it, ascending. @throws query_invalid */
  update(tokens: ArrayLike<number>): LiveSpan[] {
    this.#rollBack(tokens)
    const next = this.#decisions.at(-1)?.next ?? 0
    const provisional = this.#decideFrom(tokens, next)
    const marks = this.#decisions.flatMap(({ mark }) => mark ?? [])
    return provisional === null ? marks : [...marks, provisional]
  }

  /** Forgets what rests on tokens that changed. */
  #rollBack(tokens: ArrayLike<number>): void {
    let same = 0
    while (same < tokens.length && this.#tokens[same] === tokens[same]) same++
    while ((this.#decisions.at(-1)?.reach ?? 0) > same) this.#decisions.pop()
    this.#tokens.length = same
    for (let i = same; i < tokens.length; i++) this.#tokens.push(tokens[i])
  }

  #decideFrom(tokens: ArrayLike<number>, first: number): LiveSpan | null {
    const rules = this.#rules
    // Only the undecided tail is searched; `first` itself is a boundary or is skipped, so nothing before it matters.
    const queries = queriesOf(this.#tokens.slice(first), this.#indexes)
    let start = first
    while (start < tokens.length) {
      if (!isBoundary(tokens, start, rules)) {
        start++
        continue
      }
      const matched = longestIn(queries, start - first)
      const length = spanLength(tokens, start, matched, rules)
      const cut = length > 0 && rules.delimiters.has(tokens[start + length - 1])
      const kept = length >= Math.max(1, rules.minLength)
      const marked = kept && countIn(queries, start - first, length) <= rules.maxCount
      if (start + matched === tokens.length && !cut) return marked ? { start, length, provisional: true } : null
      const next = kept ? start + length : start + 1
      const reach = cut ? start + length : start + matched + 1
      this.#decisions.push({ start, next, reach, mark: marked ? { start, length, provisional: false } : null })
      start = next
    }
    return null
  }
}
