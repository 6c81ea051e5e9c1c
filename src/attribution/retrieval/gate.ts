// Whether a question is on a datanet's topic at all: a logistic model over how well its best passage answers to it. Not a
// classifier of topics: every feature is relative to the datanet, so a single pasted text gates its own questions.
// Invariant: no question opens a datanet that holds none of its terms, authors or years.
// Source: weights fitted by scripts/train/gate.ts on bench/questions/calibration.json; the bench's questions are others.
import type { PassageIndex } from './passage-index.ts'
import { FACET_WEIGHT, type Ranking } from './rank.ts'

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
  'personal',
  'few',
] as const

/** From the fit, two decimals; the last is the bias. */
const WEIGHTS = [1.46, 1.66, 1.69, 1.3, 2.53, 1.53, 1.38, 1.46, -2.35, -3.57, -3.55, 3.61, -3.91]

/** In ten-fold cross-validation 135 of 137 questions on the speeches open at it, and 5 of 146 others do. */
export const GATE_THRESHOLD = 0.55

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
    // "How do I …" is how one asks a manual of one page, and not how one asks an archive.
    Number(question.isPersonal) * (1 - few),
    few,
  ]
}

function heldTerms(terms: readonly string[], index: PassageIndex, passage: number): string[] {
  return terms.filter((term) => index.holds(passage, term))
}
