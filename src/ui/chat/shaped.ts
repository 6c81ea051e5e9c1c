// The rows under an answer, summed from its trace: one per paid document, one per document that only also appears.
// Beside them one row per contributor, where the tokens come from, and how telling the matches are. Integers in, integers
// out; nothing here decides who is paid.
import type { DocumentEntry, Hex, Passage, Trace, UnpaidSpan } from '../../attribution/types.ts'

export interface PaidDocument {
  key: string
  entry: DocumentEntry
  tokens: number
  amount: bigint
  /** Position in `trace.spans` of its first span. */
  firstSpan: number
}

export interface AlsoDocument {
  key: string
  index: number
  document: number
  /** Absent when the trace does not name it. */
  entry: DocumentEntry | undefined
  tokens: number
  reason: UnpaidSpan['reason']
}

/** Largest amount first; ties by first appearance. */
export function paidDocuments(trace: Trace): PaidDocument[] {
  const rows = new Map<string, PaidDocument>()
  trace.spans.forEach((span, i) => {
    const key = `${span.index}:${span.document}`
    const row = rows.get(key)
    if (row) {
      row.tokens += span.length
      row.amount += span.amount
    } else rows.set(key, { key, entry: trace.documents[key], tokens: span.length, amount: span.amount, firstSpan: i })
  })
  return [...rows.values()].sort((a, b) => (a.amount === b.amount ? a.firstSpan - b.firstSpan : a.amount > b.amount ? -1 : 1))
}

/** One row per document and reason, most tokens first. */
export function alsoAppears(trace: Trace): AlsoDocument[] {
  const rows = new Map<string, AlsoDocument>()
  for (const { index, document, length, reason } of trace.unpaid) {
    const key = `${index}:${document}:${reason}`
    const row = rows.get(key)
    if (row) row.tokens += length
    else rows.set(key, { key, index, document, entry: trace.documents[`${index}:${document}`], tokens: length, reason })
  }
  return [...rows.values()].sort((a, b) => b.tokens - a.tokens)
}

export interface PaidContributor {
  account: Hex
  /** Names this account's documents carry, in order of appearance. */
  authors: string[]
  documents: number
  tokens: number
  amount: bigint
  /** Position in `trace.spans` of its first span. */
  firstSpan: number
}

/** Most tokens first; ties by first appearance. */
export function paidContributors(trace: Trace): PaidContributor[] {
  const rows = new Map<Hex, PaidContributor>()
  for (const { entry, tokens, amount, firstSpan } of paidDocuments(trace)) {
    const row = rows.get(entry.contributor)
    if (row) {
      row.documents += 1
      row.tokens += tokens
      row.amount += amount
      row.firstSpan = Math.min(row.firstSpan, firstSpan)
      if (!row.authors.includes(entry.author)) row.authors.push(entry.author)
    } else rows.set(entry.contributor, { account: entry.contributor, authors: [entry.author], documents: 1, tokens, amount, firstSpan })
  }
  return [...rows.values()].sort((a, b) => b.tokens - a.tokens || a.firstSpan - b.firstSpan)
}

/** Tokens of the answer by the way its words came to the model; they sum to `trace.answerTokens`. */
export interface Origins {
  /** Quoted from passages that were put before the model for this answer. */
  read: number
  /** Words of texts that the adapter was trained on, and that were not put before it. */
  adapter: number
  /** Traced to nobody: the base model's, the adapter's or the visitor's own. */
  untraced: number
}

export function originsOf(trace: Trace, passages: readonly Passage[]): Origins {
  const read = new Set(passages.map(({ datanet, document }) => `${datanet}:${document}`))
  const origins: Origins = { read: 0, adapter: 0, untraced: trace.answerTokens }
  for (const { index, document, length } of trace.spans) {
    origins[read.has(`${trace.indexes[index].datanet}:${document}`) ? 'read' : 'adapter'] += length
    origins.untraced -= length
  }
  return { ...origins, untraced: Math.max(0, origins.untraced) }
}

/** How far the matches can be trusted to be more than chance. */
export interface Certainty {
  /** Paid spans that stand in one place only, and in several: then the earliest is paid. */
  single: number
  several: number
  /** Bits of surprisal of the least telling paid span; null without spans. */
  weakestBits: number | null
}

export function certaintyOf(trace: Trace): Certainty {
  const several = trace.spans.filter((span) => span.count > 1).length
  const bits = trace.spans.map((span) => Number(span.surprisal >> 16n))
  return { single: trace.spans.length - several, several, weakestBits: bits.length === 0 ? null : Math.min(...bits) }
}

/** One end of the flow of the fee. */
export interface FeePart {
  /** `null` is the commons; `rest` stands for several small ones. */
  account: Hex | null | 'rest'
  /** Names, or how many are meant by `rest`. */
  authors: string[]
  amount: bigint
}

/**
 * Where the fee goes: contributors by amount, at most `most` of them by name, then the commons. Only who receives something;
 * the parts sum to `trace.fee`.
 */
export function feeParts(trace: Trace, most: number): FeePart[] {
  const paid = paidContributors(trace)
    .filter((row) => row.amount > 0n)
    .sort((a, b) => (a.amount === b.amount ? a.firstSpan - b.firstSpan : a.amount > b.amount ? -1 : 1))
  const named = paid.length > most ? paid.slice(0, most - 1) : paid
  const rest = paid.slice(named.length)
  const parts: FeePart[] = named.map(({ account, authors, amount }) => ({ account, authors, amount }))
  if (rest.length > 0) {
    parts.push({ account: 'rest', authors: rest.flatMap((row) => row.authors), amount: rest.reduce((sum, row) => sum + row.amount, 0n) })
  }
  const commons = trace.fee - paid.reduce((sum, row) => sum + row.amount, 0n)
  if (commons > 0n) parts.push({ account: null, authors: [], amount: commons })
  return parts
}
