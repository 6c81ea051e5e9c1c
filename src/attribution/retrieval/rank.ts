// Passages of one datanet for one question, best first. Not the gate: something always comes first here.
// Score: BM25 of the topic terms, plus a fixed weight when the passage's author or year is one the question names, plus half
// the idf of each neighbouring pair that stands together in the passage too; a fifth less for a passage cut out of a sentence.
// Invariant: equal scores keep document order.

import type { PassageIndex } from './passage-index.ts'
import { authorNames, type Question, readQuestion } from './question.ts'
import { termOf, wordTextsOf } from './words.ts'

/** What a named author or year weighs: nearly a filter, yet a passage without any topic word stays behind a good match. */
const FACET_SCORE = 10
/** How many passages are looked at closely. */
const SHORTLIST = 64
/** Words between two neighbours of the question that still count as together. */
const PAIR_GAP = 2

const BROKEN = 0.8
const isWhole = (text: string): boolean => !/^\p{Ll}/u.test(text) && /[.?!]["')\]”’]*$/u.test(text)

export interface Ranked {
  passage: number
  score: number
  bm25: number
  /** idf mass of the question's terms that stand in the passage. */
  held: number
  /** Named authors and years that the passage answers to, and how many were named. */
  facets: number
  pairs: number
}

export interface Ranking {
  question: Question
  ranked: Ranked[]
  /** idf mass of all terms, shape of the gate's coverage. */
  mass: number
  /** Passages that hold at least three quarters of what the best one holds. */
  alike: number
}

export function rank(text: string, index: PassageIndex): Ranking {
  const entries = index.documents.map(({ entry }) => entry)
  const years = new Set(entries.flatMap(({ year }) => (year === null ? [] : [year])))
  const question = readQuestion(text, authorNames(entries), years)
  const { bm25, held } = index.score(question.terms)
  const facetOf = entries.map(
    ({ author, year }) => Number(question.authors.has(author)) + Number(year !== null && question.years.has(year)),
  )
  const ranked: Ranked[] = []
  for (let passage = 0; passage < index.passages; passage++) {
    const facets = facetOf[index.owner[passage]]
    if (bm25[passage] === 0 && facets === 0) continue
    const score = bm25[passage] + FACET_SCORE * facets
    ranked.push({ passage, score, bm25: bm25[passage], held: held[passage], facets, pairs: 0 })
  }
  const order = (a: Ranked, b: Ranked) => b.score - a.score || a.passage - b.passage
  ranked.sort(order)
  const shortlist = ranked.slice(0, SHORTLIST)
  for (const candidate of shortlist) {
    for (const pair of pairsIn(index.text(candidate.passage), question.pairs)) {
      candidate.pairs++
      candidate.score += (index.idf(pair[0]) + index.idf(pair[1])) / 2
    }
  }
  // A piece of an overlong sentence, or of a list, is seldom worth quoting, and the model stumbles over its open ends.
  for (const candidate of shortlist) if (!isWhole(index.text(candidate.passage))) candidate.score *= BROKEN
  shortlist.sort(order)
  const mass = question.terms.reduce((sum, term) => sum + index.idf(term), 0)
  const best = shortlist[0]?.held ?? 0
  const alike = best === 0 ? 0 : held.reduce((count, value) => count + Number(value >= 0.75 * best), 0)
  return { question, ranked: shortlist, mass, alike }
}

/** The pairs that stand in the text in the question's order, at most {@link PAIR_GAP} words apart. */
function pairsIn(text: string, pairs: readonly [string, string][]): [string, string][] {
  if (pairs.length === 0) return []
  const terms = wordTextsOf(text).map(termOf)
  return pairs.filter(([first, second]) => terms.some((term, i) => term === first && terms.slice(i + 1, i + 2 + PAIR_GAP).includes(second)))
}
