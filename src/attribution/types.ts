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

/** The settings that decide which token comes next; names as in the engine's completion request. */
export interface DrawnBy {
  /** 0 is greedy. */
  temperature: number
  topK?: number
  topP?: number
  minP?: number
  repetitionPenalty?: number
  presencePenalty?: number
  frequencyPenalty?: number
  /** By token id. */
  logitBias?: Record<number, number>
  /** Of the numbers that drew the tokens. */
  seed: number
}

/** What a local model was given and what it drew: its owner's, and enough to let the model say it again. */
export interface Utterance {
  /** Everything before the first drawn token, template and begun answer included. */
  prompt: number[]
  /** Every token drawn, an end token included. */
  drawn: number[]
  /** Of each drawn token, by the model itself, natural logarithm; null where the engine did not tell. */
  logprobs: number[] | null
  sampler: DrawnBy
  /** Words that the answer was made to begin with. */
  begin: string
  /** Strings that would have ended it. */
  stop: string[]
}

/** What the engine is asked to say again. */
export interface ReplayAsk {
  /** sha256 of the backbone's file. */
  model: Hex
  /** At most one. `scale` Q16.16, over the adapter's own. */
  adapters: { digest: Hex; scale: number }[]
  said: Utterance
}

/** What it found. */
export interface ReplayFindings {
  said: boolean
  tokens: number
  refused: number
  first: { at: number; id: number; rank: number; gap: number; reason: 'draw' | 'logprob' } | null
  /** Largest difference of a told log probability; null where none was told. */
  worstOff: number | null
  /** In a logit. */
  tolerance: number
  /** The prompt and what was drawn after it, as text; control tokens written out in the prompt, none in the answer. */
  promptText: string
  text: string
}
