// What the rooms say to each other about attribution: documents, passages, spans, traces, receipts.
// Types only. Integers that must agree everywhere are `bigint` (wei, Q16.16 surprisal) or safe integers.

export type Hex = `0x${string}`

/** One document of a datanet, as every index, receipt and page names it. */
export interface DocumentEntry {
  /** Position in the datanet's document list, 0-based; the `doc_ix` of its index. */
  document: number
  /** The on-chain contribution (0-based within the datanet) that brought it. */
  contribution: number
  /** Who is paid. */
  contributor: Hex
  /** Self-declared name shown to people. */
  author: string
  title: string
  year: number | null
  licence: string
  /** Commit order across all datanets: smaller is earlier. */
  order: number
  /** Number of tokens, separator excluded. */
  tokens: number
}

/** A piece of a document that was put into the prompt. Positions are tokens within the document. */
export interface Passage {
  datanet: string
  document: number
  start: number
  length: number
  text: string
  entry: DocumentEntry
}

export interface Retrieval {
  /** False when the question is off the datanet's topic: nothing is retrieved. */
  open: boolean
  /** Gate score and threshold, for the page's "why". */
  score: number
  threshold: number
  passages: Passage[]
}

/** A paid span: leftmost-longest match of the answer, eligible, rare enough, not in the visitor's words. */
export interface PaidSpan {
  /** First answer token (index tokeniser) and number of tokens. */
  start: number
  length: number
  /** UTF-16 range in the answer text, for marking. */
  from: number
  to: number
  /** Which of `Trace.indexes`. */
  index: number
  document: number
  /** Token position within that document where the earliest occurrence begins. */
  position: number
  /** Occurrences over all indexes, 1..maxCount. */
  count: number
  /** Σ −log2 p, Q16.16. */
  surprisal: bigint
  /** wei */
  amount: bigint
}

/** A match that is not paid, and why. */
export interface UnpaidSpan {
  from: number
  to: number
  length: number
  index: number
  document: number
  count: number
  reason: 'not_eligible' | 'in_prompt' | 'too_common' | 'below_tau'
}

/** One account's part of the fee; sorted by account, one per account, the commons included. */
export interface Share {
  account: Hex
  amount: bigint
}

export interface Trace {
  /** Index commitments (datanet heads) that were searched, with the datanet's id. */
  indexes: { datanet: string; commitment: Hex; contributions: number }[]
  answerTokens: number
  paidTokens: number
  totalSurprisal: bigint
  spans: PaidSpan[]
  unpaid: UnpaidSpan[]
  shares: Share[]
  fee: bigint
  /** Entries of every document named above, keyed `${index}:${document}`. */
  documents: Record<string, DocumentEntry>
}
