// One shard of an index, opened from its bytes: rank → position, ordered search, document table.
// Not the query language (index.ts, queries.ts) and not the builder (build.ts). Everything stays as the served bytes:
// the pointer table is read in place, p bytes an entry, so an open index costs its files and little more.
// Invariants: positions and lengths are in tokens, separators included; ranks are 0..size-1; hostile bytes give
// `index_invalid` or a wrong answer, never a read outside the arrays.
import { OpenChatError } from '../../errors.ts'
import { keyOf, separatorOf, type Tokens, type TokenWidth, tokensOfBytes } from './token-order.ts'

/** The files of one shard, as in infini-gram version 4. The first three are needed; metadata and metaoff go together. */
export interface IndexFiles {
  tokenized: Uint8Array
  table: Uint8Array
  offset: Uint8Array
  metadata?: Uint8Array
  metaoff?: Uint8Array
  unigram?: Uint8Array
}

/** Where a query stands in suffix order. */
export interface Located {
  /** Rank of the first suffix that is not smaller. */
  rank: number
  /** Longest prefix of the query that occurs, in tokens. */
  length: number
}

export class Shard {
  readonly width: TokenWidth
  readonly tokens: Tokens
  /** Suffixes: tokens and separators. */
  readonly size: number
  /** Position of each document's separator, ascending. */
  readonly starts: Float64Array
  readonly #table: Uint8Array
  readonly #pointerBytes: number
  readonly #metadata: Uint8Array | undefined
  readonly #metaStarts: Float64Array | undefined
  #firstRank: Uint32Array | undefined

  /** @throws index_invalid */
  constructor(files: IndexFiles, width: TokenWidth) {
    const bytes = files.tokenized.length
    ensure(bytes > 0 && bytes % width === 0, `The text has ${bytes} bytes, not a positive multiple of ${width}.`)
    this.width = width
    this.tokens = tokensOfBytes(files.tokenized, width)
    this.size = bytes / width
    this.#table = files.table
    this.#pointerBytes = files.table.length / this.size
    ensure(
      Number.isInteger(this.#pointerBytes) && this.#pointerBytes >= 1 && this.#pointerBytes <= 8,
      `The table has ${files.table.length} bytes for ${this.size} tokens, not a whole number of 1 to 8 each.`,
    )
    this.#checkPointers()
    this.starts = readOffsets(files.offset, 'offset')
    this.#checkDocuments()
    ensure(
      (files.metadata === undefined) === (files.metaoff === undefined),
      'The metadata and its offsets come together, and one is missing.',
    )
    if (files.metadata !== undefined && files.metaoff !== undefined) {
      this.#metadata = files.metadata
      this.#metaStarts = readOffsets(files.metaoff, 'metaoff')
      this.#checkMetadata(files.metadata.length)
    }
  }

  get documents(): number {
    return this.starts.length
  }

  /** Position of the r-th smallest suffix. */
  positionAt(rank: number): number {
    return this.#pointer(rank) / this.width
  }

  /** Sort key at a position, -1 at the end of the text, which sorts before every key. */
  keyAt(position: number): number {
    return position < this.size ? keyOf(this.tokens[position], this.width) : -1
  }

  /** Insertion rank of keys[from, to) and the longest prefix of it that occurs. O(log size) suffixes are read. */
  locate(keys: Uint32Array, from: number, to: number): Located {
    if (from >= to) return { rank: 0, length: 0 }
    const [start, end] = this.#bucket(keys[from])
    // Both ends are exclusive, each with its common prefix with the query: a comparison starts where both agree.
    let low = start - 1
    let high = end
    let lowCommon = 0
    let highCommon = 0
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      const position = this.positionAt(middle)
      let common = Math.min(lowCommon, highCommon)
      let difference = 0
      while (from + common < to && (difference = this.keyAt(position + common) - keys[from + common]) === 0) common++
      if (difference < 0) {
        low = middle
        lowCommon = common
      } else {
        high = middle
        highCommon = common
      }
    }
    return { rank: high, length: Math.max(lowCommon, highCommon) }
  }

  /** Ranks [low, high) of the suffixes that begin with keys[from, to); low = high = insertion rank when none does. */
  range(keys: Uint32Array, from: number, to: number): [number, number] {
    if (from >= to) return [0, this.size]
    const { rank, length } = this.locate(keys, from, to)
    if (length < to - from) return [rank, rank]
    return [rank, this.#endOfPrefix(keys, from, to, rank)]
  }

  /** Document that holds a position; its separator belongs to it. */
  documentAt(position: number): number {
    let low = 0
    let high = this.starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.starts[middle] <= position) low = middle
      else high = middle
    }
    return low
  }

  /** Position just after a document's last token. */
  endOf(document: number): number {
    return document + 1 < this.starts.length ? this.starts[document + 1] : this.size
  }

  /** Raw metadata line of a document with its newline, or '' when the index has none. */
  metadataOf(document: number): string {
    if (this.#metadata === undefined || this.#metaStarts === undefined) return ''
    const end = document + 1 < this.#metaStarts.length ? this.#metaStarts[document + 1] : this.#metadata.length
    return new TextDecoder().decode(this.#metadata.subarray(this.#metaStarts[document], end))
  }

  #endOfPrefix(keys: Uint32Array, from: number, to: number, first: number): number {
    const length = to - from
    let low = first
    let high = this.#bucket(keys[from])[1]
    // Ranks from `first` on are not below the query, so they only need to be told apart by whether they begin with it.
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      const position = this.positionAt(middle)
      let common = 0
      while (common < length && this.keyAt(position + common) === keys[from + common]) common++
      if (common === length) low = middle
      else high = middle
    }
    return high
  }

  /** Ranks of the suffixes that begin with one key: a table for 8 and 16 bits, where it is small; else everything. */
  #bucket(key: number): [number, number] {
    if (this.width === 4) return [0, this.size]
    this.#firstRank ??= this.#countFirstKeys()
    return [this.#firstRank[key], this.#firstRank[key + 1]]
  }

  #countFirstKeys(): Uint32Array {
    const first = new Uint32Array(this.width === 1 ? 0x101 : 0x10001)
    for (let i = 0; i < this.size; i++) first[keyOf(this.tokens[i], this.width) + 1]++
    for (let key = 1; key < first.length; key++) first[key] += first[key - 1]
    return first
  }

  #pointer(rank: number): number {
    const bytes = this.#table
    const p = this.#pointerBytes
    const at = rank * p
    if (p === 3) return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)
    let value = 0
    for (let i = p - 1; i >= 0; i--) value = value * 0x100 + bytes[at + i]
    return value
  }

  #checkPointers(): void {
    const bytes = this.size * this.width
    for (let rank = 0; rank < this.size; rank++) {
      const pointer = this.#pointer(rank)
      if (pointer >= bytes || pointer % this.width !== 0)
        ensure(false, `Entry ${rank} of the table points to byte ${pointer} of a text of ${bytes} bytes, ${this.width} a token.`)
    }
  }

  #checkDocuments(): void {
    const separator = separatorOf(this.width)
    ensure(this.starts.length > 0, 'The document table is empty.')
    for (let d = 0; d < this.starts.length; d++) {
      const start = this.starts[d] / this.width
      const inOrder = d === 0 ? start === 0 : start > this.starts[d - 1]
      ensure(
        inOrder && start < this.size && this.tokens[start] === separator,
        `Document ${d} does not begin with a separator at byte ${this.starts[d]}, in order.`,
      )
      this.starts[d] = start
    }
    let separators = 0
    for (let i = 0; i < this.size; i++) if (this.tokens[i] === separator) separators++
    ensure(separators === this.starts.length, `The text has ${separators} separators for ${this.starts.length} documents.`)
  }

  #checkMetadata(bytes: number): void {
    const starts = this.#metaStarts ?? new Float64Array()
    ensure(starts.length === this.starts.length, `There are ${starts.length} metadata lines for ${this.starts.length} documents.`)
    for (let d = 0; d < starts.length; d++)
      ensure(
        starts[d] <= bytes && (d === 0 || starts[d] >= starts[d - 1]),
        `Metadata line ${d} begins at byte ${starts[d]}, out of order or range.`,
      )
  }
}

/** u64 little-endian offsets as exact numbers. */
function readOffsets(bytes: Uint8Array, name: string): Float64Array {
  ensure(bytes.length % 8 === 0, `The ${name} file has ${bytes.length} bytes, not a multiple of 8.`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const offsets = new Float64Array(bytes.length / 8)
  for (let i = 0; i < offsets.length; i++) offsets[i] = view.getUint32(8 * i, true) + view.getUint32(8 * i + 4, true) * 2 ** 32
  return offsets
}

function ensure(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new OpenChatError('index_invalid', sentence, { action: 'Fetch the index again, or rebuild it from its documents.' })
}
