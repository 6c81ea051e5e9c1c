// An inverted index over the passages of one datanet, scored by BM25. Typed arrays, because 20,000 passages with a library's
// maps took 134 MB and 2.2 s; this takes a tenth and half. Not full-text search for people: it answers one question's terms.
// Invariants: passages in document order; a term's postings ascend by passage; equal input gives an equal index.
// Source: S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; k1 1.2, b 0.75.
import type { DocumentEntry } from '../types.ts'
import { passagesOf } from './chunks.ts'
import { relatedWords } from './related.ts'
import { partTermsOf, termOf, wordTextsOf } from './words.ts'

export interface RetrievalDocument {
  /** `doc_ix` of the datanet's index. */
  document: number
  /** NFC, as it was indexed. */
  text: string
  entry: DocumentEntry
}

const K1 = 1.2
const B = 0.75
/** What a related word of full likeness is worth beside the word itself. */
const RELATED = 0.8
/** Share of the passages at which a word needs its relatives only half as much. */
const COMMON = 0.02

export class PassageIndex {
  readonly documents: readonly RetrievalDocument[]
  /** Per passage: which of `documents`, and its UTF-16 range there. */
  readonly owner: Uint32Array
  readonly from: Uint32Array
  readonly to: Uint32Array
  readonly #terms: Map<string, number>
  /** Postings of term t: passages[starts[t] … starts[t + 1]], with how often the term stands there. */
  readonly #starts: Uint32Array
  readonly #passages: Uint32Array
  readonly #counts: Uint8Array
  readonly #words: Uint32Array
  readonly #meanWords: number

  constructor(documents: readonly RetrievalDocument[]) {
    this.documents = documents
    const ranges = documents.map(({ text }) => passagesOf(text))
    const total = ranges.reduce((sum, list) => sum + list.length, 0)
    this.owner = new Uint32Array(total)
    this.from = new Uint32Array(total)
    this.to = new Uint32Array(total)
    this.#words = new Uint32Array(total)
    this.#terms = new Map()
    const entries: { term: number[]; passage: number[]; count: number[] } = { term: [], passage: [], count: [] }
    let passage = 0
    for (const [owner, list] of ranges.entries()) {
      for (const { from, to } of list) {
        this.owner[passage] = owner
        this.from[passage] = from
        this.to[passage] = to
        this.#addPassage(passage, documents[owner].text.slice(from, to), entries)
        passage++
      }
    }
    this.#meanWords = this.#words.reduce((sum, words) => sum + words, 0) / Math.max(1, total)
    this.#starts = new Uint32Array(this.#terms.size + 1)
    for (const term of entries.term) this.#starts[term + 1]++
    for (let t = 0; t < this.#terms.size; t++) this.#starts[t + 1] += this.#starts[t]
    this.#passages = new Uint32Array(entries.term.length)
    this.#counts = new Uint8Array(entries.term.length)
    const next = this.#starts.slice()
    for (const [i, term] of entries.term.entries()) {
      const at = next[term]++
      this.#passages[at] = entries.passage[i]
      this.#counts[at] = entries.count[i]
    }
  }

  #addPassage(passage: number, text: string, into: { term: number[]; passage: number[]; count: number[] }): void {
    const counts = new Map<number, number>()
    for (const word of wordTextsOf(text)) {
      const term = this.#termNumber(termOf(word))
      counts.set(term, (counts.get(term) ?? 0) + 1)
      // Once at most: code repeats its identifiers, and prose about them should not stand behind it.
      for (const part of partTermsOf(word)) {
        const number = this.#termNumber(part)
        if (!counts.has(number)) counts.set(number, 1)
      }
      this.#words[passage]++
    }
    for (const [term, count] of counts) {
      into.term.push(term)
      into.passage.push(passage)
      into.count.push(Math.min(255, count))
    }
  }

  #termNumber(key: string): number {
    const known = this.#terms.get(key)
    if (known !== undefined) return known
    this.#terms.set(key, this.#terms.size)
    return this.#terms.size - 1
  }

  get passages(): number {
    return this.owner.length
  }

  text(passage: number): string {
    return this.documents[this.owner[passage]].text.slice(this.from[passage], this.to[passage])
  }

  /** Passages that hold the term. */
  frequency(term: string): number {
    const t = this.#terms.get(term)
    return t === undefined ? 0 : this.#starts[t + 1] - this.#starts[t]
  }

  /** Whether the passage holds the term. */
  holds(passage: number, term: string): boolean {
    const t = this.#terms.get(term)
    return t !== undefined && this.#passages.subarray(this.#starts[t], this.#starts[t + 1]).includes(passage)
  }

  /** Robertson's idf, never negative: ln(1 + (N − n + ½) / (n + ½)); largest for a term that stands nowhere. */
  idf(term: string): number {
    const n = this.frequency(term)
    return Math.log(1 + (this.passages - n + 0.5) / (n + 0.5))
  }

  /**
   * BM25 of every passage for distinct terms, and the idf mass of those it holds; all f64 [passages]. Of a term and the words
   * that may stand for it the one that earns most counts; `near` is the idf mass with these, by their worth.
   */
  score(terms: readonly string[]): { bm25: Float64Array; held: Float64Array; near: Float64Array } {
    const [bm25, held, near, gain, worth] = Array.from({ length: 5 }, () => new Float64Array(this.passages))
    for (const term of terms) {
      const idf = this.idf(term)
      const touched: number[] = []
      for (const other of [{ term, worth: 1 }, ...this.relatives(term)]) {
        const t = this.#terms.get(other.term)
        if (t === undefined) continue
        // A rare word that stands for a common one says no more than the common one would.
        const scale = other.worth * Math.min(idf, this.idf(other.term)) * (K1 + 1)
        for (let i = this.#starts[t]; i < this.#starts[t + 1]; i++) {
          const passage = this.#passages[i]
          const count = this.#counts[i]
          const length = 1 - B + (B * this.#words[passage]) / this.#meanWords
          if (gain[passage] === 0) touched.push(passage)
          gain[passage] = Math.max(gain[passage], (scale * count) / (count + K1 * length))
          worth[passage] = Math.max(worth[passage], other.worth)
          if (other.term === term) held[passage] += idf
        }
      }
      for (const passage of touched) {
        bm25[passage] += gain[passage]
        near[passage] += worth[passage] * idf
        gain[passage] = 0
        worth[passage] = 0
      }
    }
    return { bm25, held, near }
  }

  /**
   * Terms that may stand for one, with what each is worth beside it, 0 … 0.8. A word that the collection itself uses a great deal
   * speaks for itself; one that it lacks is asked for by others.
   */
  relatives(term: string): { term: string; worth: number }[] {
    const share = this.frequency(term) / Math.max(1, this.passages)
    const scale = RELATED / (1 + share / COMMON)
    return relatedWords(term).map((other) => ({ term: other.term, worth: scale * other.likeness }))
  }
}
