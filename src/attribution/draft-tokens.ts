// How a text goes on, by the suffix arrays of some datanets: the longest end of it that stands in them, and what most of those
// places have next. A guess for whoever can check it; not evidence, and nothing is paid from it.
// Invariants: the first token follows at least half of the places where that end stands, each further one at least half of those
// that are left; a guess never crosses the end of a document. O(log size) suffixes are read a token.
// Source: infini-gram's ∞-gram (Liu et al., COLM 2024), drafted as in REST (He et al. 2023, arXiv 2311.08252).
import type { Index } from './index/index.ts'
import { longestSuffix } from './index/next-token.ts'
import type { Shard } from './index/shard.ts'
import { keyOf, separatorOf } from './index/token-order.ts'

export interface Continuation {
  /** Tokens at the end of the text that stand in a datanet; 0 for none. */
  matched: number
  /** What follows them there; none where the places disagree. */
  tokens: number[]
}

/** Suffixes of one shard that begin alike: ranks [low, high). */
interface Places {
  shard: Shard
  low: number
  high: number
}

/** Longer ends tell no more. */
const longest = 32

/**
 * @param text token ids, of the vocabulary of the indexes @param most tokens wanted
 * @throws query_invalid for an id that no index of this width holds
 */
export function draftTokens(indexes: readonly Index[], text: ArrayLike<number>, most: number): Continuation {
  const end = Array.from({ length: Math.min(longest, text.length) }, (_, i) => text[text.length - Math.min(longest, text.length) + i]!)
  let matched = 0
  let places: Places[] = []
  for (const index of indexes) {
    const query = index.query(end)
    const start = longestSuffix(query, end.length)
    const length = end.length - start
    if (length === 0 || length < matched) continue
    if (length > matched) places = []
    matched = length
    for (const [s, [low, high]] of query.ranges(start, length).entries()) {
      if (low < high) places.push({ shard: index.shards[s]!, low, high })
    }
  }
  const tokens: number[] = []
  while (tokens.length < most) {
    const next = commonest(places, matched + tokens.length)
    if (next === null) break
    tokens.push(next.token)
    places = next.places
  }
  return { matched, tokens }
}

/** The token that follows at least half of the places `depth` tokens on, and those places. */
function commonest(places: readonly Places[], depth: number): { token: number; places: Places[] } | null {
  const total = places.reduce((sum, { low, high }) => sum + high - low, 0)
  const tried = new Set<number>()
  // Ranks are in order of what follows: of a token that at least half of some places share, one stands at their middle.
  for (const { shard, low, high } of places) {
    for (const rank of [(low + high - 1) >>> 1, (low + high) >>> 1]) {
      const key = shard.keyAt(shard.positionAt(rank) + depth)
      if (key < 0 || tried.has(key)) continue
      tried.add(key)
      const token = keyOf(key, shard.width)
      if (token === separatorOf(shard.width)) continue
      const rest = places.map((each) => followedBy(each, keyOf(token, each.shard.width), depth)).filter((each) => each.low < each.high)
      if (2 * rest.reduce((sum, each) => sum + each.high - each.low, 0) >= total) return { token, places: rest }
    }
  }
  return null
}

function followedBy({ shard, low, high }: Places, key: number, depth: number): Places {
  const first = (above: (found: number) => boolean): number => {
    let [from, to] = [low, high]
    while (from < to) {
      const middle = (from + to) >>> 1
      if (above(shard.keyAt(shard.positionAt(middle) + depth))) to = middle
      else from = middle + 1
    }
    return from
  }
  return { shard, low: first((found) => found >= key), high: first((found) => found > key) }
}
