// Who is paid for which matched words, and how much: integers in, integers out. Not the search for matches (spans.ts), not
// the wording of a receipt (receipt.ts).
// Invariants: a token is paid at most once (candidates do not overlap); Σ amounts + commons = fee exactly; the same inputs
// give the same integers in any order of occurrences and of indexes' entries.
// Source: attribution.md "Credit".
import type { DocumentEntry, UnpaidSpan } from './types.ts'

/** A place in a corpus: which index, which document, which token of it. */
export interface Place {
  index: number
  document: number
  position: number
}

/** A leftmost-longest match of the answer (spans.ts); `occurrences` is complete when `count` ≤ maxCount, else one alone. */
export interface Candidate {
  start: number
  length: number
  count: number
  occurrences: readonly Place[]
}

interface PricedSpan extends Place {
  start: number
  length: number
  count: number
  /** Q16.16 bits */
  surprisal: bigint
  /** wei */
  amount: bigint
}

interface UnpaidMatch {
  start: number
  length: number
  count: number
  /** The earliest occurrence; of a match that is too common, any one. */
  place: Place
  reason: UnpaidSpan['reason']
}

export interface CreditRules {
  maxCount: number
  tauQ16: number
  /** wei */
  fee: bigint
}

export interface Credit {
  paid: PricedSpan[]
  unpaid: UnpaidMatch[]
  /** What no span explains, in wei. */
  commons: bigint
}

export type EntryOf = (index: number, document: number) => DocumentEntry
export type Eligible = (index: number, document: number) => boolean

/**
 * Negative when `a` was committed before `b`: by commit order, then document, then position. Commit order is unique over all
 * datanets, so the index only breaks ties between two copies of one datanet.
 */
export function compareCommitment(a: Place, b: Place, entryOf: EntryOf): number {
  return (
    entryOf(a.index, a.document).order - entryOf(b.index, b.document).order ||
    a.index - b.index ||
    a.document - b.document ||
    a.position - b.position
  )
}

/** The first of `places` by {@link compareCommitment}; undefined for none. */
function earliest(places: Iterable<Place>, entryOf: EntryOf): Place | undefined {
  let first: Place | undefined
  for (const place of places) if (first === undefined || compareCommitment(place, first, entryOf) < 0) first = place
  return first
}

/**
 * The occurrence that is paid: the earliest *eligible* one, even when an ineligible text said it earlier. What was neither
 * trained on nor read into the prompt cannot have shaped this answer, so it takes no pay away; paying nobody instead would
 * let anyone void a contributor's income by committing an old book to a datanet that no answer uses.
 */
export function payee(candidate: Candidate, entryOf: EntryOf, eligible: Eligible): Place | undefined {
  return earliest(
    candidate.occurrences.filter((place) => eligible(place.index, place.document)),
    entryOf,
  )
}

/** Why a match outside the visitor's words is not paid, or null when it is. */
export function refusal(
  candidate: Candidate,
  surprisal: number,
  paidPlace: Place | undefined,
  rules: CreditRules,
): UnpaidSpan['reason'] | null {
  if (candidate.count > rules.maxCount) return 'too_common'
  if (paidPlace === undefined) return 'not_eligible'
  return surprisal < rules.tauQ16 ? 'below_tau' : null
}

/**
 * amount_i = ⌊F·S_i/S⌋ − ⌊F·S_{i−1}/S⌋ over the running sums S_i of `surprisals`, S = `total`. Since S_k ≤ S the amounts sum to
 * ⌊F·S_k/S⌋ ≤ F; the rest is the commons'. An answer without surprisal pays nothing. `fee` in wei, result in wei.
 */
export function prefixAmounts(fee: bigint, surprisals: readonly bigint[], total: bigint): { amounts: bigint[]; commons: bigint } {
  let running = 0n
  let spent = 0n
  const amounts = surprisals.map((surprisal) => {
    running += surprisal
    const upTo = total === 0n ? 0n : (fee * running) / total
    const amount = upTo - spent
    spent = upTo
    return amount
  })
  return { amounts, commons: fee - spent }
}

/**
 * Prices candidates that lie outside the visitor's own words. `sums` are the running surprisals of the answer,
 * shape [tokens + 1], Q16.16 (surprisal.ts). Candidates come left to right without overlap.
 */
export function creditSpans(
  candidates: readonly Candidate[],
  sums: Float64Array,
  entryOf: EntryOf,
  eligible: Eligible,
  rules: CreditRules,
): Credit {
  const paid: PricedSpan[] = []
  const unpaid: UnpaidMatch[] = []
  for (const candidate of candidates) {
    const { start, length, count } = candidate
    const surprisal = sums[start + length] - sums[start]
    const place = payee(candidate, entryOf, eligible)
    const reason = refusal(candidate, surprisal, place, rules)
    const first = earliest(candidate.occurrences, entryOf) as Place
    if (reason === null && place !== undefined) {
      paid.push({ ...place, start, length, count, surprisal: BigInt(surprisal), amount: 0n })
      // An earlier text outside the lineage is shown beside the paid one, as "also appears in".
      if (compareCommitment(first, place, entryOf) < 0) unpaid.push({ start, length, count, place: first, reason: 'not_eligible' })
    } else unpaid.push({ start, length, count, place: first, reason: reason ?? 'not_eligible' })
  }
  const { amounts, commons } = prefixAmounts(
    rules.fee,
    paid.map((span) => span.surprisal),
    BigInt(sums.at(-1) ?? 0),
  )
  return { paid: paid.map((span, i) => ({ ...span, amount: amounts[i] })), unpaid, commons }
}
