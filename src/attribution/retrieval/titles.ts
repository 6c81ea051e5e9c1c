// Documents that a question names: "the GPL 3", "Apache License 2.0", "Ownable2Step". The aliases are not a list kept by hand:
// they are what titles say of themselves, "Name (ID)" being two names of one document, and an identifier also its parts.
// Not search in texts: a licence seldom holds its own abbreviation, and other texts do.
// Invariants: deterministic; a title that all documents share names none of them; a version in the question that no document
// of that name has counts for nothing.
import type { DocumentEntry } from '../types.ts'
import type { Range } from './chunks.ts'
import { partTermsOf, termOf, wordsOf } from './words.ts'

interface Name {
  terms: ReadonlySet<string>
}

interface Title {
  names: Name[]
  /** Of all names together. */
  terms: Set<string>
  /** Numbers of the title, without trailing zeros: 2 for 2.0. */
  versions: string[]
}

export interface NamedDocuments {
  /** Position in the entries → 1 for a document that is named, a little more for its newest version, less for another version. */
  weights: Map<number, number>
  /** How many different names the question holds. */
  names: number
  /** UTF-16 ranges of the words that name them. */
  taken: Range[]
}

const VERSION = /(?<![\p{L}\p{N}.])(?:version\s*|v\.?\s*)?(\d{1,2}(?:\.\d{1,2}){0,2})[a-d]?(?![\p{L}\p{N}])/giu
/** "GPLv3", "CC0": letters and a version in one word. */
const JOINED = /^(\p{L}{2,}?)v?(\d{1,2}(?:\.\d)?)$/iu
/** Share of a name's weight that the question must hold. */
const ENOUGH = 0.66
/** A name of one word that more passages than this hold is an ordinary word, unless it is written as a name. */
const ORDINARY = 0.01
/** Least weight of a name: the natural logarithm of "one document in four". */
const LEAST = Math.log(4)
const MOST_NAMES = 2

const plain = (version: string): string => version.replace(/(?:\.0)+$/u, '')

export class TitleNames {
  readonly #titles: Title[]
  readonly #frequency = new Map<string, number>()
  readonly #share: (term: string) => number

  /** @param share of the passages that hold a term, 0 … 1 */
  constructor(entries: readonly DocumentEntry[], share: (term: string) => number) {
    this.#titles = entries.map(({ title }) => readTitle(title))
    for (const { terms } of this.#titles) for (const term of terms) this.#frequency.set(term, (this.#frequency.get(term) ?? 0) + 1)
    this.#share = share
  }

  #weight(term: string): number {
    const frequency = this.#frequency.get(term)
    return frequency === undefined ? 0 : Math.log(this.#titles.length / frequency)
  }

  /** Documents that the question names. */
  find(question: string): NamedDocuments {
    const words = this.#words(question)
    const versions = Array.from(question.matchAll(VERSION), (match) => plain(match[1])).concat(
      words.flatMap(({ version }) => version ?? []),
    )
    const out: NamedDocuments = { weights: new Map(), names: 0, taken: [] }
    let left = words
    while (out.names < MOST_NAMES) {
      const named = this.#best(left, versions)
      if (named === null) break
      for (const [document, weight] of named.weights) out.weights.set(document, Math.max(weight, out.weights.get(document) ?? 0))
      out.names++
      out.taken.push(...left.filter(({ terms }) => terms.some((term) => named.terms.has(term))))
      left = left.filter(({ terms }) => !terms.some((term) => named.terms.has(term)))
    }
    return out
  }

  /** Words of the question that stand in titles. */
  #words(question: string): TitleWord[] {
    const first = wordsOf(question)[0]?.from
    return wordsOf(question).flatMap(({ text, from, to }): TitleWord[] => {
      const written = /\d/u.test(text) || /.\p{Lu}/u.test(text) || (from !== first && /^\p{Lu}/u.test(text))
      const whole = termOf(text)
      if (this.#frequency.has(whole)) return [{ terms: [whole], written, from, to, version: null }]
      const joined = JOINED.exec(text)
      const stem = joined === null ? '' : termOf(joined[1])
      if (joined !== null && this.#frequency.has(stem)) return [{ terms: [stem], written, from, to, version: plain(joined[2]) }]
      const parts = partTermsOf(text)
      return parts.length > 0 && parts.every((term) => this.#frequency.has(term))
        ? [{ terms: [...parts], written, from, to, version: null }]
        : []
    })
  }

  #best(words: readonly TitleWord[], versions: readonly string[]): { weights: Map<number, number>; terms: Set<string> } | null {
    const asked = new Set(words.flatMap(({ terms }) => terms))
    const written = new Set(words.flatMap((word) => (word.written ? word.terms : [])))
    const scored = this.#titles.map((title) => this.#scored(title, asked, written))
    const best = scored.reduce((top, found) => (found !== null && found.score > (top?.score ?? 0) + 1e-9 ? found : top), null)
    if (best === null) return null
    // Documents of equal worth by other words are another name's.
    const key = [...best.terms].sort().join()
    const documents = scored.flatMap((found, document) =>
      found !== null && found.score > best.score - 1e-9 && [...found.terms].sort().join() === key ? [document] : [],
    )
    return { weights: this.#byVersion(documents, versions), terms: best.terms }
  }

  /** How well a title answers to the words asked for: what it holds of them, less half of what its shortest name has beside. */
  #scored(title: Title, asked: ReadonlySet<string>, written: ReadonlySet<string>): { score: number; terms: Set<string> } | null {
    const terms = new Set([...title.terms].filter((term) => asked.has(term)))
    if (terms.size === 0) return null
    const weigh = (of: Iterable<string>) => [...of].reduce((sum, term) => sum + this.#weight(term), 0)
    const held = weigh(terms)
    // "Address", "context" and "fair" are names as well as words: written as words they name nothing.
    if (held < LEAST || ![...terms].some((term) => written.has(term) || this.#share(term) < ORDINARY)) return null
    let score = 0
    for (const name of title.names) {
      if (![...name.terms].some((term) => asked.has(term))) continue
      const whole = weigh(name.terms)
      const rest = weigh([...name.terms].filter((term) => !asked.has(term)))
      if (whole > 0 && Math.min(held, whole) >= ENOUGH * whole && held + 1e-9 >= rest) score = Math.max(score, held - rest / 2)
    }
    return score > 0 ? { score, terms } : null
  }

  /** Documents of one name: those of the version asked for, or all, the newest first. */
  #byVersion(documents: readonly number[], asked: readonly string[]): Map<number, number> {
    const versionsOf = (document: number) => this.#titles[document].versions
    const fits = (document: number) => versionsOf(document).some((version) => asked.includes(version))
    const isNamed = documents.some(fits)
    const newest = documents.reduce<number | null>(
      (best, document) => (best === null || compare(versionsOf(document), versionsOf(best)) > 0 ? document : best),
      null,
    )
    return new Map(documents.map((document) => [document, isNamed ? (fits(document) ? 1 : 0.5) : document === newest ? 1 : 0.7] as const))
  }
}

interface TitleWord extends Range {
  terms: string[]
  /** As a name is: a capital inside the sentence, or a digit. */
  written: boolean
  version: string | null
}

/** "Name (ID)" is two names; a path in the brackets is none. */
function readTitle(title: string): Title {
  const match = /^(.*?)\s*\(([^()]*)\)$/u.exec(title)
  const spellings = match === null ? [title] : [match[1], ...(match[2].includes('/') ? [] : [match[2]])]
  const names: Name[] = []
  for (const spelling of spellings) {
    const words = wordsOf(spelling.replace(VERSION, ' ')).map(({ text }) => text)
    // Years, and the version that a word carries ("CC0"), are part of the name.
    names.push({ terms: new Set(words.map(termOf)) })
    const parts = words.flatMap((word) => partTermsOf(word))
    if (parts.length > 0) names.push({ terms: new Set(parts) })
  }
  const versions = [...new Set(Array.from(title.matchAll(VERSION), (found) => plain(found[1])))]
  return { names, terms: new Set(names.flatMap(({ terms }) => [...terms])), versions }
}

/** Of two lists of versions, by their last one: positive when the first is newer. */
function compare(a: readonly string[], b: readonly string[]): number {
  const [x, y] = [a, b].map((list) => (list.at(-1) ?? '0').split('.').map(Number))
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
