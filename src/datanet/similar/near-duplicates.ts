// New documents against those of the datanets and those brought just before: exact copies by a hash of all tokens, copied
// passages by 32-token shingles (what the contract punishes from one half on), and texts with words exchanged by 5-token
// shingles without regard to letters' case.
// Source: attribution.md "Credit" (duplicates), chain.md `Datanets` (≥ 50 % of 32-token shingles).
import type { IntakeDuplicate } from '../intake-types.ts'
import { ShingleIndex } from './shingle-index.ts'

const LONG = 32
const SHORT = 5
/** Least share of 32-token shingles, and of 5-token ones, that is told. */
const LEAST_SHARE = 0.05
const LEAST_SIMILARITY = 0.35
/** Shingles below which an estimate is no ground for a sentence. */
const LEAST_SAMPLED = 4
const MOST_TOLD = 5

export interface KnownDocument {
  /** Null when it is one of those brought now. */
  datanet: string | null
  document: string
  title: string
  author: string
}

export interface Likeness {
  duplicates: IntakeDuplicate[]
  /** Of all documents together: part of the 32-token shingles that stand somewhere, and whether one holds exactly this text. */
  share: number
  exact: boolean
}

/** A key of a whole token sequence: two 32-bit polynomial hashes and the length. */
function wholeKey(tokens: ArrayLike<number>): string {
  let a = 0
  let b = 0
  for (let i = 0; i < tokens.length; i++) {
    a = (Math.imul(a, 0x01000193) ^ tokens[i]) | 0
    b = (Math.imul(b, 0x9e3779b1) + tokens[i] + 1) | 0
  }
  return `${tokens.length}:${a}:${b}`
}

export class NearDuplicates {
  readonly #fold: (token: number) => number
  readonly #words: (tokens: Uint16Array) => string
  readonly #known: KnownDocument[] = []
  readonly #whole = new Map<string, number>()
  readonly #long: ShingleIndex
  readonly #short: ShingleIndex

  /**
   * @param fold the token that stands for one in every letters' case
   * @param words text of some tokens, for the sample that people see
   */
  constructor(fold: (token: number) => number, words: (tokens: Uint16Array) => string, most = 1 << 20) {
    this.#fold = fold
    this.#words = words
    this.#long = new ShingleIndex(LONG, most)
    this.#short = new ShingleIndex(SHORT, most)
  }

  /** Takes a document into what later ones are compared with. */
  add(facts: KnownDocument, tokens: Uint16Array): void {
    const id = this.#known.push(facts) - 1
    const key = wholeKey(tokens)
    if (!this.#whole.has(key)) this.#whole.set(key, id)
    this.#long.add(id, tokens)
    this.#short.add(id, tokens.map(this.#fold))
  }

  compare(tokens: Uint16Array): Likeness {
    const long = this.#long.overlap(tokens)
    const short = this.#short.overlap(tokens.map(this.#fold))
    const same = this.#whole.get(wholeKey(tokens))
    const found = new Map<number, { share: number; similarity: number; at: number | null }>()
    const of = (document: number) => {
      const entry = found.get(document) ?? { share: 0, similarity: 0, at: null }
      found.set(document, entry)
      return entry
    }
    if (same !== undefined) Object.assign(of(same), { share: 1, similarity: 1, at: 0 })
    if (long.sampled >= LEAST_SAMPLED) for (const { document, share, at } of long.documents) raise(of(document), { share, at })
    if (short.sampled >= LEAST_SAMPLED) for (const { document, share } of short.documents) raise(of(document), { similarity: share })
    const duplicates = [...found]
      .filter(([, { share, similarity }]) => share >= LEAST_SHARE || similarity >= LEAST_SIMILARITY)
      .sort(([, a], [, b]) => Math.max(b.share, b.similarity) - Math.max(a.share, a.similarity))
      .slice(0, MOST_TOLD)
      .map(([document, { share, similarity, at }]) => ({
        ...this.#known[document],
        share,
        similarity,
        sample: at === null ? '' : this.#words(tokens.subarray(at, at + LONG)).trim(),
      }))
    return { duplicates, share: same === undefined ? (long.sampled >= LEAST_SAMPLED ? long.share : 0) : 1, exact: same !== undefined }
  }
}

function raise(
  entry: { share: number; similarity: number; at: number | null },
  seen: { share?: number; similarity?: number; at?: number },
): void {
  entry.share = Math.max(entry.share, seen.share ?? 0)
  entry.similarity = Math.max(entry.similarity, seen.similarity ?? 0)
  entry.at ??= seen.at ?? null
}
