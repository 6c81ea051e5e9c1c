// Everything the page may ask of the rest of the house, as one interface: the page is written against it, ui/ports.ts
// fills it with workers and a wallet, ui/fakes with a few lines for tests and for work on looks.
// It is not the engine, the tracer or the ledger themselves (those are chat/ports.ts), and it holds no state of the page.
// Invariants: every failure is an OpenChatError; amounts are wei; every `subscribe` and `watch` calls back at once with
// the present value, then at each change, until the returned function is called.
import type { DocumentEntry, Hex } from '../attribution/types.ts'
import type { AnswerEvent, AnswerRequest } from '../chat/answer.ts'
import type { ConversationStore } from '../chat/conversation.ts'
import type { ReceiptState } from '../chat/ports.ts'
import type { OpenChatError } from '../errors.ts'

export interface Services {
  engine: EngineService
  /**
   * One answer. The page waits for `engine` to be ready before it calls; cancelling is by the signal, and the events
   * still end with `traced`. The quoting adapter is the service's own knowledge.
   */
  ask(request: AskRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>
  datanets: DatanetService
  receipts: ReceiptService
  wallet: WalletService
  conversations: ConversationStore
}

export interface AskRequest extends Omit<AnswerRequest, 'quotingAdapter'> {
  /** Text of an answer that was cut: generation goes on after it, and it is part of the answer. */
  continueFrom?: string
}

// ── engine ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ModelCard {
  name: string
  /** Bytes of the one file that is downloaded. */
  bytes: number
  licence: string
  /** sha256 hex of the file. */
  digest: string
  /** Bytes of the adapters and of the datanets' indexes, fetched beside the model and with the first question. */
  besidesBytes: number
  /** Adapters that come with the page: digest → name people read. */
  adapters: Record<string, string>
}

export type EngineState =
  /** Looking for the file on this machine. */
  | { state: 'checking' }
  /** Not here, and nothing is running: first run, or a paused download (`receivedBytes` > 0). */
  | { state: 'absent'; receivedBytes: number }
  | { state: 'downloading'; receivedBytes: number; totalBytes: number; bytesPerSecond: number }
  /** The file is here: digest, tokeniser, weights to the GPU. `fraction` 0..1, or null when unknown. */
  | { state: 'loading'; stage: string; fraction: number | null }
  | { state: 'ready'; gpu: string; software: boolean }
  /** This browser offers no WebGPU: read, contribute and verify still work. */
  | { state: 'no_webgpu'; error: OpenChatError }
  | { state: 'failed'; error: OpenChatError }

export interface EngineService {
  readonly model: ModelCard
  subscribe(listener: (state: EngineState) => void): () => void
  /** Begins or resumes the download, then loads. Does nothing when running or ready; after `failed` it tries again. */
  start(): void
  /** Stops a download and keeps what arrived. */
  pause(): void
}

// ── models ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A GGUF file that the local and the cpu engine can run: of the catalogue, or the visitor's own. */
export interface LocalModel {
  /** sha256 hex of the file: its identity everywhere. */
  digest: string
  name: string
  bytes: number
  /** SPDX name, or what the file says, or null when it says nothing. */
  licence: string | null
  /** `general.architecture`; null until its header was read. */
  architecture: string | null
  contextTokens: number | null
  source: 'catalogue' | 'file' | 'url'
  /** Mirrors; empty for a file that was dropped here. */
  urls: string[]
  /** Bytes of it kept on this machine, = `bytes` when it is whole. */
  keptBytes: number
}

/** A LoRA adapter in PEFT form. `base` is the digest of the backbone it was made for, null where it does not say. */
export interface LocalAdapter {
  /** sha256 hex of adapter_model.safetensors. */
  digest: string
  name: string
  bytes: number
  base: string | null
  rank: number | null
  source: 'catalogue' | 'file' | 'url'
  /** Datanets it was trained on, proven or of the catalogue; empty for the visitor's own: nobody is paid for those. */
  lineage: { datanet: string; contributions: number }[]
}

// ── datanets ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DatanetSummary {
  id: string
  name: string
  description: string
  licence: string
  contributors: number
  documents: number
  tokens: number
  /** head_n, the commitment that receipts name. */
  commitment: Hex
  /** How far that commitment is proven; null where no chain is reachable. */
  assurance: Assurance | null
  /** Questions that fit it, for the first run. */
  samples: string[]
}

export interface Contributor {
  account: Hex
  author: string
  documents: number
  tokens: number
}

export interface DocumentHit {
  document: number
  entry: DocumentEntry
  /** A few words around the hit; `from`/`to` is its UTF-16 range there. */
  snippet: string
  from: number
  to: number
}

/** A piece of a document in its surroundings. */
export interface DocumentContext {
  datanet: { id: string; name: string }
  entry: DocumentEntry
  before: string
  text: string
  after: string
  commitment: Hex
}

export interface ContributionDraft {
  datanet: string
  title: string
  author: string
  licence: string
  year: number | null
  text: string
}

export interface ContributionPreview {
  characters: number
  tokens: number
  /** First words as they will be stored after cleaning. */
  excerpt: string
  /** What cleaning changed, one sentence each. */
  changes: string[]
  /** Documents of the chosen datanets that already hold this text or much of it. `share` 0..1. */
  duplicates: { datanet: string; document: number; title: string; author: string; share: number }[]
}

export type ContributionProgress =
  | { stage: 'prepare' | 'commit' | 'da' | 'reveal' | 'index'; state: 'running' | 'done'; detail?: string }
  | {
      stage: 'finished'
      datanet: string
      contribution: number
      documents: number
      tokens: number
      commitment: Hex
      transaction: Hex | null
    }

export interface DatanetService {
  list(): Promise<DatanetSummary[]>
  contributors(datanet: string): Promise<Contributor[]>
  /** Documents in their order; `total` counts all. */
  documents(datanet: string, offset: number, limit: number): Promise<{ total: number; entries: DocumentEntry[] }>
  /** Exact words within a datanet's documents, at most `limit` documents. */
  search(datanet: string, words: string, limit: number, signal: AbortSignal): Promise<DocumentHit[]>
  /** `position` and `length` in tokens of the document; `around` tokens on each side. */
  context(datanet: string, document: number, position: number, length: number, around: number): Promise<DocumentContext>
  create(datanet: { name: string; licence: string }, signal: AbortSignal): Promise<DatanetSummary>
  /** Cleans and counts on this machine; nothing leaves it. @throws contribution_empty, contribution_too_large, contribution_binary … */
  preview(draft: ContributionDraft, signal: AbortSignal): Promise<ContributionPreview>
  /** Texts whose publication was begun here and cut short; `contribute` goes on where it stopped. */
  unfinished(datanet: string): Promise<ContributionDraft[]>
  /** Commit → DA → reveal → index. Resumes where an earlier call with the same draft stopped. */
  contribute(draft: ContributionDraft, signal: AbortSignal): AsyncIterable<ContributionProgress>
}

// ── receipts and verification ───────────────────────────────────────────────────────────────────────────────────────

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
  watch(id: Hex, listener: (state: ReceiptState, assurance: Assurance | null) => void): () => void
  /** Re-runs everything about a kept receipt, or about a receipt file (JSON text). @throws receipt_invalid, receipt_unknown */
  verify(source: { id: Hex } | { file: string }, signal: AbortSignal): AsyncIterable<VerifyStep>
  /** The receipt as a JSON file that `verify` takes, owner's parts included. */
  exportFile(id: Hex): Promise<string>
}

// ── wallet ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type WalletState =
  | { state: 'opening' }
  /** No chain is reachable; chat and tracing still work. */
  | { state: 'absent'; error: OpenChatError }
  | {
      state: 'ready'
      address: Hex
      chain: string
      /** wei of OPEN held, and of OPEN deposited for answers. */
      balance: bigint
      deposit: bigint
      assurance: Assurance
    }

export interface WalletService {
  subscribe(listener: (state: WalletState) => void): () => void
  /** Fee of one answer, wei. */
  readonly fee: bigint
  /** Moves OPEN from the balance into the deposit that pays for answers. */
  deposit(wei: bigint, signal: AbortSignal): Promise<void>
}
