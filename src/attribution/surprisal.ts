// How surprising a token is, in Q16.16 bits, from integer counts alone. Not a language model: a unigram one, because every
// reader of a receipt must be able to count it again.
//   p(t) = (c(t) + 1) / (N + D + 1)        s(t) = ⌊2^16 log2(N + D + 1)⌋ − ⌊2^16 log2(c(t) + 1)⌋
// c, N: occurrences of t and of all tokens over the searched indexes, separators excluded; D: distinct tokens seen.
// That is add-one smoothing over the D seen tokens and one class "never seen" (Laplace; Jurafsky & Martin, SLP3 §3.6), and it
// sums to one. The class is over what was *seen*, not over the tokeniser's vocabulary: 49,152 phantom tokens would make
// "of the" in a datanet of one page as dear as a name, and a small datanet would be paid for common words.
import type { Index } from './index/index.ts'
import { separatorOf } from './index/token-order.ts'
import { log2Q16 } from './log2.ts'

export interface UnigramCounts {
  /** N: tokens, separators excluded. */
  tokens: number
  /** D: distinct tokens. */
  distinct: number
  count(token: number): number
}

/** Occurrences by token id; absent tokens are left out. */
export type UnigramTable = ReadonlyMap<number, number>

/** Counts over several indexes together. */
export function mergeUnigrams(tables: readonly UnigramTable[]): UnigramCounts {
  const merged = new Map<number, number>()
  for (const table of tables) for (const [token, count] of table) merged.set(token, (merged.get(token) ?? 0) + count)
  let tokens = 0
  for (const count of merged.values()) tokens += count
  return { tokens, distinct: merged.size, count: (token) => merged.get(token) ?? 0 }
}

/** Q16.16 bits of one token; 0 ≤ s ≤ log2(N + D + 1). */
export function surprisalOf(token: number, counts: UnigramCounts): number {
  return log2Q16(counts.tokens + counts.distinct + 1) - log2Q16(counts.count(token) + 1)
}

/** Running sums: entry i is Σ of the first i tokens, shape [tokens + 1]. A span costs `sums[end] − sums[start]`. */
export function surprisalSums(tokens: ArrayLike<number>, counts: UnigramCounts): Float64Array {
  const sums = new Float64Array(tokens.length + 1)
  for (let i = 0; i < tokens.length; i++) sums[i + 1] = sums[i] + surprisalOf(tokens[i], counts)
  return sums
}

const tables = new WeakMap<Index, UnigramTable>()

/** Occurrences of every token of an index, its separator left out; counted once per index. */
export function unigramTable(index: Index): UnigramTable {
  let table = tables.get(index)
  if (table === undefined) {
    table = countTokens(index)
    tables.set(index, table)
  }
  return table
}

function countTokens(index: Index): UnigramTable {
  const table = new Map<number, number>()
  for (const { tokens } of index.shards) {
    if (index.width === 4) for (const token of tokens) table.set(token, (table.get(token) ?? 0) + 1)
    else {
      const counts = new Uint32Array(separatorOf(index.width) + 1)
      for (let i = 0; i < tokens.length; i++) counts[tokens[i]]++
      for (const [token, count] of counts.entries()) if (count > 0) table.set(token, (table.get(token) ?? 0) + count)
    }
  }
  table.delete(separatorOf(index.width))
  return table
}
