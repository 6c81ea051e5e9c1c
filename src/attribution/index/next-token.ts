// What follows a prompt in the corpus: infini-gram's prob, ntd, infgram_prob and infgram_ntd.
// Not a language model. Invariants: counts sum to prompt_cnt; approximation is deterministic and happens only above
// max_support. A following separator and the end of the text both read as the end-of-text id, yet sort at opposite
// ends, so ranges are told apart by their raw keys, never by the id they read as (the reference's ntd-shortcut error).
import { OpenChatError } from '../../errors.ts'
import type { Index, IndexQuery } from './index.ts'
import type { Shard } from './shard.ts'
import { keyOf, separatorOf } from './token-order.ts'

export interface Probability {
  prompt_cnt: number
  cont_cnt: number
  /** cont_cnt / prompt_cnt, -1 when the prompt does not occur. */
  prob: number
}

export interface Distribution {
  prompt_cnt: number
  result_by_token_id: Record<string, { cont_cnt: number; prob: number }>
  approx: boolean
}

/** How often `next` follows `prompt`. The separator may be asked for; the end of the text is not counted. */
export function probability(index: Index, prompt: readonly number[], next: number): Probability {
  const query = index.query([...prompt, next])
  return probabilityAfter(query, 0)
}

/** As probability, of the longest suffix of the prompt that occurs at all; `suffix_len` is its length. */
export function suffixProbability(index: Index, prompt: readonly number[], next: number): Probability & { suffix_len: number } {
  const query = index.query([...prompt, next])
  const start = longestSuffix(query, prompt.length)
  return { ...probabilityAfter(query, start), suffix_len: prompt.length - start }
}

/** Every token that follows `prompt`, with counts: exact up to `maxSupport` occurrences of the prompt, sampled above. */
export function distribution(index: Index, prompt: readonly number[], maxSupport: number, endOfText: number): Distribution {
  return distributionAfter(index.query(prompt), 0, maxSupport, endOfText)
}

/** As distribution, of the longest suffix of the prompt that occurs at all. */
export function suffixDistribution(
  index: Index,
  prompt: readonly number[],
  maxSupport: number,
  endOfText: number,
): Distribution & { suffix_len: number } {
  const query = index.query(prompt)
  const start = longestSuffix(query, prompt.length)
  return { ...distributionAfter(query, start, maxSupport, endOfText), suffix_len: prompt.length - start }
}

function probabilityAfter(query: IndexQuery, start: number): Probability {
  const length = query.keys.length - start
  const promptCount = query.count(start, length - 1)
  if (promptCount === 0) return { prompt_cnt: 0, cont_cnt: 0, prob: -1 }
  const count = query.count(start, length)
  return { prompt_cnt: promptCount, cont_cnt: count, prob: count / promptCount }
}

/** First start of keys[start, end) that occurs; a suffix of what occurs occurs, so the border is found by halving. */
export function longestSuffix(query: IndexQuery, end: number): number {
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >>> 1
    if (query.count(middle, end - middle) > 0) high = middle
    else low = middle + 1
  }
  return low
}

function distributionAfter(query: IndexQuery, start: number, maxSupport: number, endOfText: number): Distribution {
  if (!Number.isInteger(maxSupport) || maxSupport < 1)
    throw new OpenChatError('query_invalid', `max_support is ${maxSupport}; it must be a whole number of at least 1.`)
  const depth = query.keys.length - start
  const ranges = query.ranges(start, depth)
  const promptCount = ranges.reduce((sum, [low, high]) => sum + high - low, 0)
  let unit = 1
  while (promptCount > unit * maxSupport) unit *= 2
  const counts = new Map<number, number>()
  for (const [s, [low, high]] of ranges.entries()) countNext(query.index.shards[s], low, high, depth, unit, counts)

  const byToken: Distribution['result_by_token_id'] = {}
  const separator = separatorOf(query.index.width)
  for (const [key, count] of counts) {
    const token = key === -1 ? separator : keyOf(key, query.index.width)
    const entry = (byToken[token === separator ? endOfText : token] ??= { cont_cnt: 0, prob: 0 })
    entry.cont_cnt += count
    entry.prob = entry.cont_cnt / promptCount
  }
  return { prompt_cnt: promptCount, result_by_token_id: byToken, approx: unit > 1 }
}

/** Adds the next keys of ranks [low, high) to `counts`; `unit` > 1 looks at one rank in each unit of a mixed range. */
function countNext(shard: Shard, low: number, high: number, depth: number, unit: number, counts: Map<number, number>): void {
  const nextKey = (rank: number) => shard.keyAt(shard.positionAt(rank) + depth)
  const add = (key: number, count: number) => counts.set(key, (counts.get(key) ?? 0) + count)
  if (high - low < 4 * unit) {
    for (let rank = low; rank < high; rank += unit) {
      const end = Math.min(rank + unit, high)
      add(nextKey(end - rank === unit ? rank + (unit >> 1) : Math.floor((rank + end) / 2)), end - rank)
    }
  } else if (nextKey(low) === nextKey(high - 1)) {
    add(nextKey(low), high - low)
  } else {
    const middle = Math.floor((low + high) / 2)
    countNext(shard, low, middle, depth, unit, counts)
    countNext(shard, middle, high, depth, unit, counts)
  }
}
