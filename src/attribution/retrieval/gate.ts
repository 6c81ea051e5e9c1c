// Whether a question is on a datanet's topic at all: a logistic model over how well its best passage answers to it. Not a
// classifier of topics: every feature is relative to the datanet, so a single pasted text gates its own questions.
// Invariant: no question opens a datanet that holds none of its terms, authors or years.
// Source: weights fitted by scripts/train/gate.ts on bench/questions/calibration.json; the bench's questions are others.
import type { PassageIndex } from './passage-index.ts'
import type { Ranking } from './rank.ts'

/** What a named author or year weighs, on the scale of an idf: as much as a word that one passage in 150 holds. */
const FACET_WEIGHT = 5

/** Names of the features, in the order of the weights. */
export const FEATURES = [
  'coverage',
  'share',
  'alike',
  'strength',
  'matched',
  'pair',
  'facet',
  'rarest',
  'task',
  'lookup',
  'report',
  'past',
  'normative',
  'howto',
  'personal',
  'few',
] as const

/** From the fit, two decimals; the last is the bias. */
const WEIGHTS = [1.27, 1.06, 1.81, 0.79, 2.52, 1.24, 0.75, 1.64, -1.57, -2.85, 1.02, 2.18, 2.21, -0.73, -2.51, 3.32, -4.04]

/** In ten-fold cross-validation 200 of 208 questions on the speeches open at it, and 13 of 293 others do. */
export const GATE_THRESHOLD = 0.5

/** Probability, 0 … 1, that the question is on the datanet's topic. */
export function gateScore(ranking: Ranking, index: PassageIndex): number {
  const best = ranking.ranked[0]
  if (best === undefined) return 0
  const x = gateFeatures(ranking, index)
  return 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + value * WEIGHTS[i], WEIGHTS[FEATURES.length])))
}

/** All in 0 … 1, shape [features]. */
export function gateFeatures({ question, ranked, mass, alike }: Ranking, index: PassageIndex): number[] {
  const best = ranked[0]
  const named = Number(question.authors.size > 0) + Number(question.years.size > 0)
  const whole = mass + FACET_WEIGHT * named
  const terms = question.terms.length + named
  if (best === undefined || terms === 0) return FEATURES.map(() => 0)
  const present = new Set(heldTerms(question.terms, index, best.passage))
  const few = 1 / index.passages
  const coverage = (best.held + FACET_WEIGHT * best.facets) / whole
  return [
    coverage,
    (present.size + best.facets) / terms,
    // Many passages that hold only the common half of a question say nothing for it.
    (coverage * Math.log1p(alike)) / Math.log1p(index.passages),
    Math.min(1, best.bm25 / (2.2 * Math.max(mass, 1e-9))),
    Math.min(1, (present.size + best.facets) / 4),
    question.pairs.length === 0 ? 0 : best.pairs / question.pairs.length,
    Number(best.facets > 0),
    question.terms.length === 0
      ? 1
      : Math.log1p(Math.min(...question.terms.map((term) => index.frequency(term)))) / Math.log1p(index.passages),
    Number(question.isTask),
    Number(question.isLookup),
    Number(question.isReport),
    Number(question.isPast),
    Number(question.isNormative),
    Number(question.isHowTo) * (1 - few),
    // "How do I …" is how one asks a manual of one page, and not how one asks an archive.
    Number(question.isPersonal) * (1 - few),
    few,
  ]
}

function heldTerms(terms: readonly string[], index: PassageIndex, passage: number): string[] {
  return terms.filter((term) => index.holds(passage, term))
}
