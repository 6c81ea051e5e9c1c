// One answer's trace: its tokens against the indexes, the visitor's words set aside, spans priced, shares added up; and the
// receipt that says so. Not a tokeniser, not retrieval, not a signature.
// Invariants: the trace is a function of its inputs alone (no clock, no chance; the salt of a draft is given); verify.ts re-runs
// `paidCandidates` and must find the same spans.
// Source: attribution.md "Verbatim: spans", "Credit".
import { type Candidate, creditSpans, type Eligible, type EntryOf, type Place } from './credit.ts'
import type { Index } from './index/index.ts'
import type { AttributionParameters } from './parameters.ts'
import { contentHash, type Lineage, lineageRoot, type ReceiptContent, type ReceiptDomain, saltedRoot } from './receipt.ts'
import { encodeContent } from './receipt-codec.ts'
import { aggregateShares, sharesRoot } from './receipt-shares.ts'
import { matchSpans, type SpanRules } from './spans.ts'
import { mergeUnigrams, surprisalSums, unigramTable } from './surprisal.ts'
import { ownWords, stretches } from './tracer-prompt.ts'
import type { DocumentEntry, Hex, Passage, Trace } from './types.ts'
import { ZERO_HASH } from './words.ts'

/** A datanet as it is searched: its contributions up to head_n, indexed. */
export interface SearchedIndex {
  /** Datanet id, decimal. */
  datanet: string
  /** head_n */
  commitment: Hex
  contributions: number
  index: Index
  /** One entry per document of `index`, in its order. */
  documents: readonly DocumentEntry[]
}

interface AnswerTokens {
  /** Ids of the answer's NFC text, shape [tokens]. */
  answerTokens: ArrayLike<number>
  /** UTF-16 range of token i in the text as shown: offsets[i] … offsets[i + 1], shape [tokens + 1]. */
  answerOffsets: ArrayLike<number>
  /** Ids of the visitor's own words, NFC. */
  promptTokens: ArrayLike<number>
}

export interface TraceInput extends AnswerTokens {
  indexes: readonly SearchedIndex[]
  /** Registered lineage of the backbone and of every adapter used. */
  lineage: readonly Lineage[]
  /** Passages that were put into the prompt. */
  retrieved: readonly Pick<Passage, 'datanet' | 'document'>[]
  parameters: AttributionParameters
  /** Sets that `parameters.boundaries` is the digest of. */
  boundaries: Pick<SpanRules, 'delimiters' | 'wordStart'>
}

/** A document is eligible when an adapter learned from its contribution, or a passage of it stands in the prompt. */
export function eligibility(
  indexes: readonly Pick<SearchedIndex, 'datanet' | 'documents'>[],
  lineage: readonly Lineage[],
  retrieved: readonly Pick<Passage, 'datanet' | 'document'>[],
): Eligible {
  const learned = indexes.map(({ datanet }) =>
    Math.max(0, ...lineage.filter((step) => step.datanet === BigInt(datanet)).map((step) => step.contributions)),
  )
  const read = new Set(retrieved.map(({ datanet, document }) => `${datanet}:${document}`))
  return (index, document) =>
    indexes[index].documents[document].contribution < learned[index] || read.has(`${indexes[index].datanet}:${document}`)
}

export const spanRules = (parameters: AttributionParameters, boundaries: TraceInput['boundaries']): SpanRules => ({
  ...boundaries,
  minLength: parameters.minLength,
  maxCount: parameters.maxCount,
})

/**
 * Leftmost-longest matches of the answer, stretch by stretch: in the visitor's own words (`own`, never paid) and between them.
 * Starts are those of the whole answer; left to right.
 */
export function candidatesOf(
  answer: ArrayLike<number>,
  prompt: ArrayLike<number>,
  indexes: readonly Index[],
  rules: SpanRules,
): { own: Candidate[]; free: Candidate[] } {
  const tokens = Array.from(answer)
  const result = { own: [] as Candidate[], free: [] as Candidate[] }
  for (const stretch of stretches(ownWords(tokens, prompt, rules))) {
    const spans = matchSpans(tokens.slice(stretch.start, stretch.end), indexes, rules)
    const target = stretch.own ? result.own : result.free
    for (const span of spans) target.push({ ...span, start: span.start + stretch.start })
  }
  return result
}

const entriesOf =
  (indexes: readonly Pick<SearchedIndex, 'documents'>[]): EntryOf =>
  (index, document) =>
    indexes[index].documents[document]

/**
 * Traces an answer. Amounts are in wei, surprisals in Q16.16 bits, ranges in UTF-16 units of the text as shown.
 * @throws query_invalid for tokens that no index of this width can hold
 */
export function traceAnswer(input: TraceInput): Trace {
  const { answerTokens, answerOffsets, indexes, parameters } = input
  const entryOf = entriesOf(indexes)
  const rules = spanRules(parameters, input.boundaries)
  const searched = indexes.map(({ index }) => index)
  const { own, free } = candidatesOf(answerTokens, input.promptTokens, searched, rules)
  const sums = surprisalSums(answerTokens, mergeUnigrams(searched.map(unigramTable)))
  const eligible = eligibility(indexes, input.lineage, input.retrieved)
  const credit = creditSpans(free, sums, entryOf, eligible, parameters)

  const range = ({ start, length }: { start: number; length: number }) => ({
    from: answerOffsets[start],
    to: answerOffsets[start + length],
  })
  const spans = credit.paid.map((span) => ({ ...span, ...range(span) }))
  const unpaid = [...credit.unpaid, ...own.map((span) => ({ ...span, place: span.occurrences[0], reason: 'in_prompt' as const }))]
    .sort((a, b) => a.start - b.start)
    .map(({ start, length, count, place, reason }) => ({
      ...range({ start, length }),
      length,
      index: place.index,
      document: place.document,
      count,
      reason,
    }))
  const shares = aggregateShares([
    ...spans.map((span) => ({ account: entryOf(span.index, span.document).contributor, amount: span.amount })),
    { account: parameters.commons, amount: credit.commons },
  ])
  const named: Pick<Place, 'index' | 'document'>[] = [...spans, ...unpaid]
  return {
    indexes: indexes.map(({ datanet, commitment, contributions }) => ({ datanet, commitment, contributions })),
    answerTokens: answerTokens.length,
    paidTokens: spans.reduce((sum, span) => sum + span.length, 0),
    totalSurprisal: BigInt(sums[answerTokens.length]),
    spans,
    unpaid,
    shares,
    fee: parameters.fee,
    documents: Object.fromEntries(named.map(({ index, document }) => [`${index}:${document}`, entryOf(index, document)])),
  }
}

export interface DraftInput extends Pick<AnswerTokens, 'answerTokens' | 'promptTokens'> {
  trace: Trace
  domain: ReceiptDomain
  payer: Hex
  /** Zero while payers pay from their deposit. */
  channel?: Hex
  nonce: bigint
  /** sha256 of the backbone's file. */
  model: Hex
  /** `scale` Q16.16. */
  adapters: readonly { digest: Hex; scale: number }[]
  lineage: readonly Lineage[]
  retrieved: readonly Pick<Passage, 'datanet' | 'document' | 'start' | 'length'>[]
  parametersHash: Hex
  commons: Hex
  /** 32 random bytes; the owner keeps them. */
  salt: Hex
}

/** The receipt's content for a trace. @throws receipt_invalid for values that do not fit */
function receiptContent(input: DraftInput): ReceiptContent {
  const { trace, salt } = input
  const numberOf = new Map(trace.indexes.map(({ datanet }, index) => [datanet, index]))
  const paid = trace.spans.reduce((sum, span) => sum + span.amount, 0n)
  return {
    version: 1,
    ...input.domain,
    payer: input.payer,
    channel: input.channel ?? ZERO_HASH,
    nonce: input.nonce,
    model: input.model,
    adapters: [...input.adapters],
    indexes: trace.indexes.map(({ datanet, ...index }) => ({ datanet: BigInt(datanet), ...index })),
    lineageRoot: lineageRoot(input.lineage),
    lineageCount: input.lineage.length,
    retrieved: input.retrieved.map(({ datanet, document, start, length }) => ({
      // An unlisted datanet gets a number that the codec refuses.
      index: numberOf.get(datanet) ?? trace.indexes.length,
      document,
      start,
      length,
    })),
    parametersHash: input.parametersHash,
    promptRoot: saltedRoot(salt, 'prompt', input.promptTokens),
    promptCount: input.promptTokens.length,
    answerRoot: saltedRoot(salt, 'answer', input.answerTokens),
    answerCount: input.answerTokens.length,
    totalSurprisal: trace.totalSurprisal,
    spans: trace.spans.map(({ start, length, index, document, position, count, surprisal, amount }) => ({
      start,
      length,
      index,
      document,
      position,
      count,
      surprisal,
      amount,
    })),
    influenceRoot: ZERO_HASH,
    fee: trace.fee,
    commons: trace.fee - paid,
  }
}

/** What is signed of a receipt, with the bytes it stands for; the shape of the chat's port. */
export interface DraftedReceipt {
  content: Uint8Array
  contentHash: Hex
  sharesRoot: Hex
  shareCount: number
  fee: bigint
  salt: Hex
}

/** What the wallet signs, and what the owner keeps beside it. @throws receipt_invalid, shares_invalid */
export function draftReceipt(input: DraftInput): DraftedReceipt {
  const content = encodeContent(receiptContent(input))
  return {
    content,
    contentHash: contentHash(content),
    sharesRoot: sharesRoot(input.trace.shares, input.trace.fee),
    shareCount: input.trace.shares.length,
    fee: input.trace.fee,
    salt: input.salt,
  }
}
