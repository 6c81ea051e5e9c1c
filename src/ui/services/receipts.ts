// Receipts that this browser keeps, and their verification. See services.ts for what holds of all of it.
import type { Hex } from '../../attribution/types.ts'
import type { ReceiptState } from '../../chat/ports.ts'
import type { ErrorWire } from '../../errors.ts'
import type { BatchState } from '../../wallet/light-client/contract-state.ts'

/** How far a chain value is proven, and against what. `label` is for people. */
export interface Assurance {
  level: 'unverified' | 'pinned' | 'sequencer-signed' | 'proposed' | 'resolved' | 'finalized'
  label: string
}

export interface ReceiptSummary {
  id: Hex
  /** ms since the epoch, of signing; this browser's note, not part of the receipt. */
  at: number
  fee: bigint
  /** First words of the answer it is for. */
  excerpt: string
  state: ReceiptState
  /** The whole answer and the visitor's own words, to be searched here. */
  text: string
  /** Datanets whose words it pays; empty for receipts of an early version of the page, which did not note them. */
  datanets: string[]
  /** Why it has not gone further; null when nothing is wrong. */
  trouble: ErrorWire | null
  /** ms since the epoch of the next try; null when none is needed. */
  retryAt: number | null
}

/** A batch as the chain proves it. */
export interface BatchView extends BatchState {
  batch: number
  assurance: Assurance
}

export interface VerifyStep {
  id: string
  title: string
  /** public: anyone can check it; owner: needs the prompt, the answer and the salt. */
  level: 'public' | 'owner'
  /** `pending` is announced before a step runs; the same id comes again with its outcome. `unknown`: could not be checked. */
  status: 'pending' | 'ok' | 'failed' | 'unknown'
  /** One sentence for people. */
  detail: string
  /** ms this step took. */
  ms: number
  expected?: string
  got?: string
  /** Chain values this step relied on. */
  values?: { name: string; value: string; assurance: Assurance }[]
}

export interface ReceiptService {
  /** Every receipt this browser keeps, newest first. */
  list(): Promise<ReceiptSummary[]>
  /** Called when the state of any of them may be another. */
  changed(listener: () => void): () => void
  /** Makes everything in the outbox due now. */
  retry(): Promise<void>
  /** Offers a refused receipt to the validators anew. */
  again(id: Hex): Promise<void>
  /** Proven now. */
  batch(batch: number): Promise<BatchView>
  watch(id: Hex, listener: (state: ReceiptState, assurance: Assurance | null) => void): () => void
  /** Re-runs everything about a kept receipt, or about a receipt file (JSON text). @throws receipt_invalid, receipt_unknown */
  verify(source: { id: Hex } | { file: string }, signal: AbortSignal): AsyncIterable<VerifyStep>
  /** Lets the model say it again: one more step, announced and then judged; `unknown` where the model is not loaded here. @throws as verify */
  replay(source: { id: Hex } | { file: string }, signal: AbortSignal): AsyncIterable<VerifyStep>
  /** The receipt as a JSON file that `verify` takes, owner's parts included. */
  exportFile(id: Hex): Promise<string>
}
