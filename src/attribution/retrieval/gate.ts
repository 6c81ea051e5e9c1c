// Whether a question is on a datanet's topic at all: a logistic model over how well its best passage answers to it. Not a
// classifier of topics: every feature is relative to the datanet, so a single pasted text gates its own questions.
// Floats are meant: it decides what this visitor is offered, and no receipt holds it.
// Invariant: no question opens a datanet that holds none of its terms, authors or years.
// Source: weights fitted by scripts/train/gate.ts on bench/questions/calibration.json; the bench's questions are others.
import type { PassageIndex } from './passage-index.ts'
import type { Ranking } from './rank.ts'
import { commonRank, relatedWords } from './related.ts'

/** What a named author or year weighs, on the scale of an idf: as much as a word that one passage in 150 holds. */
const FACET_WEIGHT = 5

/** Zipf's law: the share of passages that hold a word of general text falls with its rank. */
const RANK_START = 30
const SHARE_AT_START = 20
/** Rank of a word that the table does not hold. */
const UNRANKED = 15_000
const KEEN_UNKNOWN = 0.5

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
  'near',
  'missing',
  'keen',
  'keenest',
  'lone',
  'spelt',
] as const

/** From the fit, two decimals; the last is the bias. One asks an archive of speeches in other words than a manual. */
const WEIGHTS = {
  archive: [
    0.97, 0.19, 0.75, 1.52, 1.04, 1.08, 0.83, 0.29, 1.05, 0, -0.95, -2.2, 1.27, 2.53, 1.25, -0.24, -2.39, -1.18, 0.87, -1.25, 1.66, 1.54,
    -0.98, 0, -4.58,
  ],
  other: [
    0.1, 0.57, 0.94, 0.71, 2.07, 1.45, 1.73, 1.73, 1.4, 1.18, -0.96, -1.02, -0.95, -0.87, 0.07, -0.17, -0.29, -1.01, 0.26, -1.91, 3.56,
    4.39, -1.39, 1.53, -4.61,
  ],
}

/**
 * In ten-fold cross-validation it opens 253 of 268 questions on the speeches, 115 of 120 on licences, 115 of 120 on contracts and 26
 * of 27 on pasted texts, and for 42 of 727, 53 of 875, 24 of 875 and none of 41 others.
 */
export const GATE_THRESHOLD = 0.5

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
  const lacking = missing(question.terms, index, best.passage)
  const keen = question.terms.map((term) => keenness(term, index))
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
    (best.near + FACET_WEIGHT * best.facets) / whole,
    lacking,
    keen.length === 0 ? KEEN_UNKNOWN : keen.reduce((sum, value) => sum + value, 0) / keen.length,
    keen.length === 0 ? KEEN_UNKNOWN : Math.max(...keen),
    Number(terms === 1),
    // Nobody writes transferOwnership by chance, however rare it is in the datanet.
    Number(question.identifiers.some((term) => index.frequency(term) > 0)),
  ]
}

/** idf of the rarest term for which the passage holds neither itself nor a relative, as a share of the greatest idf there is. */
function missing(terms: readonly string[], index: PassageIndex, passage: number): number {
  const lacking = terms.filter(
    (term) => ![term, ...relatedWords(term).map((other) => other.term)].some((word) => index.holds(passage, word)),
  )
  return Math.max(0, ...lacking.map((term) => index.idf(term))) / Math.log(1 + 2 * index.passages)
}

/** How much more often than in general text the datanet uses a word, 0 … 1: half where it is as frequent as there. */
function keenness(term: string, index: PassageIndex): number {
  const rank = commonRank(term) ?? UNRANKED
  const share = (index.frequency(term) + 0.1) / (index.passages + 1)
  return Math.min(1, Math.max(0, 0.5 + Math.log((share * (rank + RANK_START)) / SHARE_AT_START) / 16))
}

function heldTerms(terms: readonly string[], index: PassageIndex, passage: number): string[] {
  return terms.filter((term) => index.holds(passage, term))
}
