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
  'named',
  'rarest',
  'few',
  'task',
  'lookup',
  'report',
  'past',
  'normative',
  'howto',
  'personal',
  'addressed',
] as const

/** From the fit, two decimals; the last is the bias. One asks an archive of speeches in other words than a manual. */
const WEIGHTS = {
  archive: [2.28, 0.66, 0.89, 1.64, 1.44, 1.36, 0.75, 0.27, 2.06, 0, -1.15, -2.35, 1.06, 2.66, 1.56, -0.46, -2.54, -0.38, -4.71],
  other: [1.37, 1.52, 1.93, 1.31, 3.01, 1.86, 1.62, 1.62, 2.9, 3.37, -1.78, -1.48, -1.19, -0.87, 0.27, -0.24, -1.28, -1.3, -4.22],
}

/**
 * In ten-fold cross-validation it opens 199 of 208 questions on the speeches, 59 of 60 on licences, 56 of 60 on contracts and 25
 * of 27 on pasted texts, and for 20 of 413, 31 of 561, 16 of 561 and none of 41 others.
 */
export const GATE_THRESHOLD = 0.45

/** Passages from which a collection whose documents are dated counts as an archive. */
const ARCHIVE_PASSAGES = 500

/** Which weights a datanet is judged by. */
export function gateKind({ documents, passages }: PassageIndex): keyof typeof WEIGHTS {
  const dated = documents.reduce((count, { entry }) => count + Number(entry.year !== null), 0)
  return passages >= ARCHIVE_PASSAGES && 2 * dated > documents.length ? 'archive' : 'other'
}

/** Probability, 0 … 1, that the question is on the datanet's topic. */
export function gateScore(ranking: Ranking, index: PassageIndex): number {
  const best = ranking.ranked[0]
  if (best === undefined) return 0
  const x = gateFeatures(ranking, index)
  const weights = WEIGHTS[gateKind(index)]
  return 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + value * weights[i], weights[FEATURES.length])))
}

/** All in 0 … 1, shape [features]. */
export function gateFeatures({ question, ranked, mass, alike }: Ranking, index: PassageIndex): number[] {
  const best = ranked[0]
  const named = Number(question.authors.size > 0) + Number(question.years.size > 0) + question.titles.names
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
    Number(question.titles.names > 0 && best.facets > 0),
    question.terms.length === 0
      ? 1
      : Math.log1p(Math.min(...question.terms.map((term) => index.frequency(term)))) / Math.log1p(index.passages),
    few,
    Number(question.isTask),
    Number(question.isLookup),
    Number(question.isReport),
    Number(question.isPast),
    Number(question.isNormative),
    // Of a text of one page people ask in every way.
    Number(question.isHowTo) * (1 - few),
    Number(question.isPersonal) * (1 - few),
    Number(question.isAddressed),
  ]
}

function heldTerms(terms: readonly string[], index: PassageIndex, passage: number): string[] {
  return terms.filter((term) => index.holds(passage, term))
}
