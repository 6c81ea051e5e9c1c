// Passages of one datanet for one question, best first. Not the gate: something always comes first here.
// Score: BM25 of the topic terms, plus a fixed weight when the passage's author, year or title is one the question names, plus half
// the idf of each neighbouring pair that stands together in the passage too; a fifth less for
// a passage cut out of a sentence, and for code, since a question is asked in words.
// Invariant: equal scores keep document order.

import type { PassageIndex } from './passage-index.ts'
import { authorNames, type Known, type Question, readQuestion } from './question.ts'
import { TitleNames } from './titles.ts'
import { isProse, searchTermsOf } from './words.ts'

/** What a named author or year weighs: nearly a filter, yet a passage without any topic word stays behind a good match. */
const FACET_SCORE = 10
/** A passage as good as any, when the document is named and nothing else is asked of it. */
const FIT_SCORE = 0.5
const FIT_LENGTH = 120
/** How many passages are looked at closely. */
const SHORTLIST = 64
/** Words between two neighbours of the question that still count as together. */
const PAIR_GAP = 2

/** What the better of the two neighbouring passages adds. */
const CONTEXT = 0.2
const BROKEN = 0.8
const CODE = 0.5
const isWhole = (text: string): boolean => !/^\p{Ll}/u.test(text) && /[.?!]["')\]”’]*$/u.test(text)

export interface Ranked {
  passage: number
  score: number
  bm25: number
  /** The part of the score that words earn: BM25 and pairs. */
  words: number
  /** idf mass of the question's terms that stand in the passage. */
  held: number
  /** The same with words that may stand for them, by their worth. */
  near: number
  /** Named authors, years and titles that the passage answers to; a title of another version counts half. */
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

/** Read from an index once; it never changes. */
const knownOf = new WeakMap<PassageIndex, Known>()

function known(index: PassageIndex): Known {
  const before = knownOf.get(index)
  if (before !== undefined) return before
  const entries = index.documents.map(({ entry }) => entry)
  const fresh: Known = {
    names: authorNames(entries),
    years: new Set(entries.flatMap(({ year }) => (year === null ? [] : [year]))),
    titles: new TitleNames(entries, (term) => index.frequency(term) / index.passages),
  }
  knownOf.set(index, fresh)
  return fresh
}

export function rank(text: string, index: PassageIndex): Ranking {
  const question = readQuestion(text, known(index))
  const { bm25: alone, held, near } = index.score(question.terms)
  const bm25 = inContext(alone, index)
  const facetOf = index.documents.map(
    ({ entry: { author, year } }) => Number(question.authors.has(author)) + Number(year !== null && question.years.has(year)),
  )
  const titleOf = index.documents.map((_, document) => question.titles.weights.get(document) ?? 0)
  // Who names a document asks for no other: its passages stand before the best of all others.
  const titleScore = bm25.reduce((best, value) => Math.max(best, value), FACET_SCORE)
  const ranked: Ranked[] = []
  for (let passage = 0; passage < index.passages; passage++) {
    const facets = facetOf[index.owner[passage]]
    const title = titleOf[index.owner[passage]]
    if (bm25[passage] === 0 && facets === 0 && title === 0) continue
    const score = bm25[passage] + FACET_SCORE * facets + titleScore * title
    ranked.push({
      passage,
      score,
      bm25: bm25[passage],
      held: held[passage],
      near: near[passage],
      words: bm25[passage],
      facets: facets + title,
      pairs: 0,
    })
  }
  const order = (a: Ranked, b: Ranked) => b.score - a.score || a.passage - b.passage
  ranked.sort(order)
  const shortlist = ranked.slice(0, SHORTLIST)
  for (const candidate of shortlist) {
    for (const pair of pairsIn(index.text(candidate.passage), question.pairs)) {
      const worth = (index.idf(pair[0]) + index.idf(pair[1])) / 2
      candidate.pairs++
      candidate.words += worth
      candidate.score += worth
    }
  }
  // A piece of an overlong sentence, or of a list, is seldom worth quoting, and the model stumbles over its open ends.
  for (const candidate of shortlist) {
    const text = index.text(candidate.passage)
    const named = candidate.score - candidate.words
    const fit = (isWhole(text) ? 1 : BROKEN) * (isProse(text) ? 1 : CODE)
    candidate.score = named + candidate.words * fit + (fit === 1 && text.length > FIT_LENGTH ? FIT_SCORE : 0)
  }
  shortlist.sort(order)
  const mass = question.terms.reduce((sum, term) => sum + index.idf(term), 0)
  const best = shortlist[0]?.held ?? 0
  const alike = best === 0 ? 0 : held.reduce((count, value) => count + Number(value >= 0.75 * best), 0)
  return { question, ranked: shortlist, mass, alike }
}

/** Scores of passages that earn any, each with a part of its better neighbour's: what a passage is about often stands before it. */
function inContext(alone: Float64Array, { owner }: PassageIndex): Float64Array {
  return alone.map((score, passage) => {
    if (score === 0) return 0
    const before = owner[passage - 1] === owner[passage] ? alone[passage - 1] : 0
    const after = owner[passage + 1] === owner[passage] ? alone[passage + 1] : 0
    return score + CONTEXT * Math.max(before, after)
  })
}

/** The pairs that stand in the text in the question's order, at most {@link PAIR_GAP} words apart. */
function pairsIn(text: string, pairs: readonly [string, string][]): [string, string][] {
  if (pairs.length === 0) return []
  const terms = searchTermsOf(text)
  return pairs.filter(([first, second]) => terms.some((term, i) => term === first && terms.slice(i + 1, i + 2 + PAIR_GAP).includes(second)))
}
