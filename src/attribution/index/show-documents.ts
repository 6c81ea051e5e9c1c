// Documents around a match: infini-gram's search_docs and get_doc_by_rank.
// Not ranked by relevance, and the sample is seeded: the same query and seed show the same documents everywhere.
// Invariant: a shown window lies within one document, its separator excluded.
import { OpenChatError } from '../../errors.ts'
import type { Index } from './index.ts'

export interface ShownDocument {
  doc_ix: number
  /** Tokens of the document, and of the window shown. */
  doc_len: number
  disp_len: number
  /** Where the match begins in the window, in tokens. */
  needle_offset: number
  /** The raw metadata line with its newline. */
  metadata: string
  token_ids: number[]
  blocked: false
}

export interface FoundDocuments {
  cnt: number
  approx: false
  /** Which of the matches each document shows, counted through the shards. */
  idxs: number[]
  documents: ShownDocument[]
}

/** The document at a rank of a shard, at most `maxShown` tokens of it, the match in the middle. @throws query_invalid */
export function documentByRank(index: Index, shard: number, rank: number, maxShown: number): ShownDocument {
  const holder = index.shards[shard]
  if (holder === undefined || !Number.isInteger(rank) || rank < 0 || rank >= holder.size)
    throw new OpenChatError('query_invalid', `Rank ${rank} of shard ${shard} does not exist; shards are 0 to ${index.shards.length - 1}.`, {
      meta: { shard, rank },
    })
  if (!Number.isInteger(maxShown) || maxShown < 0)
    throw new OpenChatError('query_invalid', `max_disp_len is ${maxShown}; it must be a whole number of at least 0.`)
  const position = holder.positionAt(rank)
  const local = holder.documentAt(position)
  const first = holder.starts[local] + 1
  const end = holder.endOf(local)
  const from = Math.max(first, position - Math.floor(maxShown / 2))
  const to = Math.max(from, Math.min(end, position + Math.ceil(maxShown / 2)))
  return {
    doc_ix: index.documentAt(shard, position),
    doc_len: end - first,
    disp_len: to - from,
    needle_offset: Math.max(0, position - from),
    metadata: holder.metadataOf(local),
    token_ids: Array.from(holder.tokens.subarray(from, to)),
    blocked: false,
  }
}

/** `draws` of the matches, with replacement, each with its document. None when nothing matches. @throws query_invalid */
export function searchDocuments(index: Index, tokens: readonly number[], draws: number, maxShown: number, seed = 0): FoundDocuments {
  const ranges = index.query(tokens).ranges(0, tokens.length)
  const count = ranges.reduce((sum, [low, high]) => sum + high - low, 0)
  const found: FoundDocuments = { cnt: count, approx: false, idxs: [], documents: [] }
  if (count === 0) return found
  if (!Number.isInteger(draws) || draws < 0)
    throw new OpenChatError('query_invalid', `maxnum is ${draws}; it must be a whole number of at least 0.`)
  const random = seededBelow(tokens, seed)
  for (let i = 0; i < draws; i++) {
    const drawn = random(count)
    let shard = 0
    let left = drawn
    while (left >= ranges[shard][1] - ranges[shard][0]) {
      left -= ranges[shard][1] - ranges[shard][0]
      shard++
    }
    found.idxs.push(drawn)
    found.documents.push(documentByRank(index, shard, ranges[shard][0] + left, maxShown))
  }
  return found
}

/** Whole numbers below a bound, from the query and a seed: FNV-1a into SplitMix32 (Steele, Lea, Flood, OOPSLA 2014). */
function seededBelow(tokens: readonly number[], seed: number): (bound: number) => number {
  let state = 0x811c9dc5
  for (const value of [seed, ...tokens]) state = Math.imul(state ^ value, 0x01000193)
  const draw = () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }
  return (bound) => Math.floor(((draw() * 2 ** 21 + (draw() >>> 11)) / 2 ** 53) * bound)
}
