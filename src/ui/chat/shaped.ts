// The rows under an answer, summed from its trace: one per paid document, one per document that only also appears.
// Integers in, integers out; nothing here decides who is paid.
import type { DocumentEntry, Trace, UnpaidSpan } from '../../attribution/types.ts'

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
