// An index: one or more shards over documents, with exact counts and positions. The face of this folder.
// Not the infini-gram query shapes (queries.ts) and not the choice of paid spans (../spans.ts).
// Invariants: documents are numbered through all shards, earlier shards first; positions within a document count from
// its first token; answers are deterministic. Source: infini-gram (Liu et al., COLM 2024), on-disk version 4.
import { OpenChatError } from '../../errors.ts'
import { type IndexFiles, Shard } from './shard.ts'
import { queryKeys, type Tokens, type TokenWidth } from './token-order.ts'

export interface Occurrence {
  document: number
  /** Tokens from the document's first token. */
  position: number
}

export class Index {
  readonly shards: readonly Shard[]
  readonly width: TokenWidth
  /** All positions, separators included: the total of the unigram counts. */
  readonly size: number
  readonly documents: number
  readonly #firstDocument: readonly number[]

  /** @throws index_invalid when there is no shard, or widths differ */
  constructor(shards: readonly Shard[]) {
    const [first] = shards
    if (first === undefined || shards.some((shard) => shard.width !== first.width))
      throw new OpenChatError('index_invalid', `An index needs one or more shards of one token width, got ${shards.length}.`, {
        action: 'Fetch the index again, or rebuild it from its documents.',
      })
    this.shards = shards
    this.width = first.width
    this.size = shards.reduce((sum, shard) => sum + shard.size, 0)
    const firstDocument: number[] = []
    let documents = 0
    for (const shard of shards) {
      firstDocument.push(documents)
      documents += shard.documents
    }
    this.#firstDocument = firstDocument
    this.documents = documents
  }

  /** How often `tokens` occurs; the empty sequence occurs at every position. Exact. @throws query_invalid */
  count(tokens: ArrayLike<number>): number {
    return this.query(tokens).count(0, tokens.length)
  }

  /** A text to look for, checked and converted once. @throws query_invalid */
  query(tokens: ArrayLike<number>): IndexQuery {
    return new IndexQuery(this, queryKeys(tokens, this.width))
  }

  /** Tokens of a document, separator excluded; clipped to it. A view, not a copy. */
  tokensOf(document: number, start = 0, length = Number.POSITIVE_INFINITY): Tokens {
    const [shard, local] = this.#localise(document)
    const first = shard.starts[local] + 1
    const end = shard.endOf(local)
    const from = Math.min(end, first + Math.max(0, start))
    return shard.tokens.subarray(from, Math.min(end, from + Math.max(0, length)))
  }

  /** Number of tokens of a document, separator excluded. */
  documentTokens(document: number): number {
    const [shard, local] = this.#localise(document)
    return shard.endOf(local) - shard.starts[local] - 1
  }

  /** Raw metadata line of a document, '' when the index carries none. */
  metadataOf(document: number): string {
    const [shard, local] = this.#localise(document)
    return shard.metadataOf(local)
  }

  /** Number of the document that holds a position of a shard. */
  documentAt(shard: number, position: number): number {
    return this.#firstDocument[shard] + this.shards[shard].documentAt(position)
  }

  /** Where a position of a shard lies within its document: -1 for the separator, 0 for the first token. */
  positionInDocument(shard: number, position: number): number {
    const holder = this.shards[shard]
    return position - holder.starts[holder.documentAt(position)] - 1
  }

  #localise(document: number): [Shard, number] {
    if (!Number.isInteger(document) || document < 0 || document >= this.documents)
      throw new OpenChatError('query_invalid', `Document ${document} is not among the ${this.documents} of this index.`, {
        meta: { document, documents: this.documents },
      })
    let shard = this.shards.length - 1
    while (this.#firstDocument[shard] > document) shard--
    return [this.shards[shard], document - this.#firstDocument[shard]]
  }
}

/** One text against one index; spans of it are named by start and length, so nothing is converted twice. */
export class IndexQuery {
  readonly index: Index
  readonly keys: Uint32Array

  constructor(index: Index, keys: Uint32Array) {
    this.index = index
    this.keys = keys
  }

  /** Length of the longest match that begins at `start`, at most up to `end`. */
  longest(start: number, end = this.keys.length): number {
    let longest = 0
    for (const shard of this.index.shards) longest = Math.max(longest, shard.locate(this.keys, start, end).length)
    return longest
  }

  /** Rank ranges per shard of keys[start, start + length). */
  ranges(start: number, length: number): [number, number][] {
    return this.index.shards.map((shard) => shard.range(this.keys, start, start + length))
  }

  count(start: number, length: number): number {
    let count = 0
    for (const [low, high] of this.ranges(start, length)) count += high - low
    return count
  }

  /** Occurrences, shard by shard in suffix order, at most `limit` of them. */
  occurrences(start: number, length: number, limit = Number.POSITIVE_INFINITY): Occurrence[] {
    const { index } = this
    const found: Occurrence[] = []
    for (const [s, [low, high]] of this.ranges(start, length).entries()) {
      for (let rank = low; rank < high && found.length < limit; rank++) {
        const position = index.shards[s].positionAt(rank)
        found.push({ document: index.documentAt(s, position), position: index.positionInDocument(s, position) })
      }
    }
    return found
  }
}

/**
 * Opens an index from its served bytes, one entry a shard. Checks lengths, pointers and the document table in O(size).
 * @throws index_invalid
 */
export function openIndex(shards: readonly IndexFiles[], width: TokenWidth = 2): Index {
  return new Index(shards.map((files) => new Shard(files, width)))
}
