// What the attribution worker offers, as types: datanets kept and indexed here, the Tracer port, and verification.
// The worker knows no chain: contributions and chain values reach it as plain data, already proven or refused elsewhere.
import type { Contribution, DocumentFacts } from '../attribution/contributions.ts'
import type { Lineage, ReceiptDomain } from '../attribution/receipt.ts'
import type { DocumentEntry, Hex, ReplayAsk, ReplayFindings } from '../attribution/types.ts'
import type { OwnerReceipt, StepReport } from '../attribution/verify.ts'
import type { Tracer } from '../chat/ports.ts'
import type { ErrorWire } from '../errors.ts'
import type { FetchedChain, VerificationNeeds } from '../wallet/verification.ts'
import type { CorpusPart } from './datanet-api.ts'
import type { ModelFile } from './gpu-api.ts'

export interface AdapterLineage {
  /** sha256 of the adapter's weights, 0x-prefixed. */
  digest: Hex
  lineage: Lineage[]
}

export interface AttributionSettings {
  /** The tokeniser is that of this file; only its header is read. */
  model: ModelFile
  adapters: AdapterLineage[]
}

/** A datanet whose first contributions are served as ready-made files in one folder named by the manifest's digest. */
export interface ServedDatanet {
  id: string
  /** Folder URL, ending in a slash. */
  folder: string
  /** sha256 of its manifest.json. */
  digest: string
}

/** A contribution from the chain with its documents from DA. */
export interface FetchedContribution {
  contribution: Contribution
  documents: { text: string; facts: DocumentFacts }[]
}

export interface DatanetFacts {
  id: string
  documents: number
  tokens: number
  contributions: number
  commitment: Hex
}

export interface DocumentHit {
  document: number
  entry: DocumentEntry
  snippet: string
  from: number
  to: number
}

/** Texts that somebody else published, looked at before they are taken in. */
export interface Appraisal {
  /** Merkle root that these documents give. */
  root: Hex
  tokens: number
  /** `of`: which of the texts. `share` 0..1. */
  duplicates: { of: number; datanet: string; title: string; author: string; share: number }[]
}

/** What an export says of a datanet beside its documents. */
export interface ExportFacts {
  datanet: string
  name: string
  description: string
  licence: string
  curator: Hex
  chainId: number
  contract: Hex
  /** By contribution; `0x` where its texts came by another way. */
  daCommitments: Hex[]
  /** For people: how the head is proven. */
  assurance: string
}

export interface VerifyRequest {
  receipt: OwnerReceipt
  domain: ReceiptDomain
  signer: { address: Hex } | { error: ErrorWire }
  /** Null where no chain is reachable. */
  chain: FetchedChain | null
}

export interface AttributionWorker extends Omit<Tracer, 'draft'> {
  open(settings: AttributionSettings): Promise<{ parametersHash: Hex; fee: bigint; commons: Hex }>
  /** Fetches, checks, keeps and indexes a served datanet. @throws digest_mismatch, download_failed, contribution_mismatch */
  addServed(served: ServedDatanet, progress: (doneBytes: number, totalBytes: number) => void, signal: AbortSignal): Promise<void>
  /** Takes contributions after those already here, in order; makes the datanet when it is new. */
  addContributions(datanet: string, contributions: FetchedContribution[]): Promise<DatanetFacts>
  datanets(): Promise<DatanetFacts[]>
  /** Serves a `DraftSource` (draft-source.ts) at this port, before and after `open`. */
  proposeOn(port: MessagePort): Promise<void>
  documents(datanet: string): Promise<DocumentEntry[]>
  /** Documents of a datanet from the `from`th on, by tokens, at least one and about `maxTokens`: what new texts are compared with. */
  corpus(datanet: string, from: number, maxTokens: number): Promise<CorpusPart>
  search(datanet: string, words: string, limit: number, signal: AbortSignal): Promise<DocumentHit[]>
  /** Text around tokens [position, position + length) of a document. */
  context(
    datanet: string,
    document: number,
    position: number,
    length: number,
    around: number,
  ): Promise<{ entry: DocumentEntry; before: string; text: string; after: string; commitment: Hex }>
  /** Contributions that no new answer may retrieve and no search may find; all of them, each time. */
  setWithdrawn(datanet: string, contributions: number[]): Promise<void>
  /** Counts, hashes and compares published texts; nothing is kept. */
  appraise(documents: { text: string; facts: DocumentFacts }[]): Promise<Appraisal>
  /** A datanet's documents as a file, piece by piece; withdrawn ones are left out. */
  export(
    facts: ExportFacts,
    format: 'jsonl' | 'parquet' | 'card',
    progress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>
  draft(request: Parameters<Tracer['draft']>[0], domain: ReceiptDomain): ReturnType<Tracer['draft']>
  /** A receipt file's text as a receipt. @throws receipt_invalid */
  parse(file: string): Promise<OwnerReceipt>
  /** The inverse: the text of a file to keep. */
  write(receipt: OwnerReceipt): Promise<string>
  /** What {@link verify} will ask of chain and key, by name. A content that cannot be read needs nothing. */
  needs(receipt: OwnerReceipt, domain: ReceiptDomain): Promise<VerificationNeeds>
  verify(request: VerifyRequest, signal: AbortSignal): AsyncIterable<StepReport>
  /** What a model is to say again; null where the receipt keeps no record. @throws receipt_invalid */
  replayAsk(receipt: OwnerReceipt): Promise<ReplayAsk | null>
  /** The step that needs the model, before it runs and with its outcome; `found` null: nothing was recorded. */
  said(receipt: OwnerReceipt, outcome: 'pending' | { found: ReplayFindings | null } | { error: ErrorWire }): Promise<Omit<StepReport, 'ms'>>
}
