// Which documents share runs of k tokens with a new one, and how much of it: a sample of all k-token shingles by hash, each
// with the earliest document that holds it. The sample is the same for every text (shingles whose hash is below a bound), so
// shares are estimates without bias; the more entries, the sparser, halving when the table is full.
// Not exact where documents are short: a document of n shingles is judged by about n × rate of them, and `sampled` says by how many.
// Source: Broder 1997 (shingles, containment); FracMinHash (Irber et al. 2022) for the fixed fraction.

const FIRST_BOUND = 2 ** 30 // a quarter of all hashes
const BASE = 0x9e3779b1
const EMPTY = 0xffffffff

/** Murmur3's last step: every bit of a window sum reaches every bit of the hash. */
function mix(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

export interface Shared {
  document: number
  /** Part of the new document's shingles that stand in this one, 0..1, estimated. */
  share: number
  /** Token at which the first shared shingle was seen. */
  at: number
}

export interface Overlap {
  /** Part that stands in any document. */
  share: number
  /** Shingles that the estimate rests on. */
  sampled: number
  /** Largest first. */
  documents: Shared[]
}

export class ShingleIndex {
  readonly #k: number
  readonly #power: number
  readonly #most: number
  #bound = FIRST_BOUND
  #keys = new Uint32Array(1 << 12).fill(EMPTY)
  #documents = new Uint32Array(1 << 12)
  #size = 0

  /**
   * @param k tokens of a shingle
   * @param most entries kept, a power of two; memory is 16 bytes for each
   */
  constructor(k: number, most = 1 << 20) {
    this.#k = k
    this.#most = most
    let power = 1
    for (let i = 0; i < k; i++) power = Math.imul(power, BASE)
    this.#power = power
  }

  get size(): number {
    return this.#size
  }

  /** Adds what no earlier document holds. @param document any number below 2³² */
  add(document: number, tokens: ArrayLike<number>): void {
    this.#windows(tokens, (hash) => {
      if (this.#find(hash) >= 0) return
      if (this.#size === this.#most) this.#thin()
      if (hash < this.#bound) this.#insert(hash, document)
    })
  }

  /** How much of `tokens` is here. */
  overlap(tokens: ArrayLike<number>): Overlap {
    const hits = new Map<number, { count: number; at: number }>()
    let sampled = 0
    let shared = 0
    this.#windows(tokens, (hash, at) => {
      sampled++
      const slot = this.#find(hash)
      if (slot < 0) return
      shared++
      const document = this.#documents[slot]
      const hit = hits.get(document)
      if (hit === undefined) hits.set(document, { count: 1, at })
      else hit.count++
    })
    const documents = [...hits]
      .map(([document, { count, at }]) => ({ document, share: count / sampled, at }))
      .sort((a, b) => b.share - a.share || a.document - b.document)
    return { share: sampled === 0 ? 0 : shared / sampled, sampled, documents }
  }

  /** Calls `each` for the sampled shingles of a text, with the token they begin at. */
  #windows(tokens: ArrayLike<number>, each: (hash: number, at: number) => void): void {
    const k = this.#k
    let sum = 0
    for (let i = 0; i < tokens.length; i++) {
      sum = Math.imul(sum, BASE) + tokens[i] + 1
      if (i >= k) sum -= Math.imul(this.#power, tokens[i - k] + 1)
      sum |= 0
      if (i < k - 1) continue
      const hash = mix(sum)
      if (hash < this.#bound) each(hash, i - k + 1)
    }
  }

  /** Slot of a hash, or −1. */
  #find(hash: number): number {
    const mask = this.#keys.length - 1
    for (let slot = Math.imul(hash, BASE) & mask; ; slot = (slot + 1) & mask) {
      if (this.#keys[slot] === hash) return slot
      if (this.#keys[slot] === EMPTY) return -1
    }
  }

  #insert(hash: number, document: number): void {
    if (this.#size * 2 >= this.#keys.length) this.#rebuild(this.#keys.length * 2)
    const mask = this.#keys.length - 1
    let slot = Math.imul(hash, BASE) & mask
    while (this.#keys[slot] !== EMPTY) slot = (slot + 1) & mask
    this.#keys[slot] = hash
    this.#documents[slot] = document
    this.#size++
  }

  /** Drops the upper half of the hashes. */
  #thin(): void {
    this.#bound = Math.floor(this.#bound / 2)
    this.#rebuild(this.#keys.length)
  }

  #rebuild(slots: number): void {
    const keys = this.#keys
    const documents = this.#documents
    this.#keys = new Uint32Array(slots).fill(EMPTY)
    this.#documents = new Uint32Array(slots)
    this.#size = 0
    for (let i = 0; i < keys.length; i++) if (keys[i] < this.#bound) this.#insert(keys[i], documents[i])
  }
}
