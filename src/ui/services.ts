// Everything the page may ask of the rest of the house, as one interface: the page is written against it, ui/ports.ts
// fills it with workers and a wallet, ui/fakes with a few lines for tests and for work on looks.
// It is not the engine, the tracer or the ledger themselves (those are chat/ports.ts), and it holds no state of the page.
// Invariants: every failure is an OpenChatError; amounts are wei; every `subscribe` and `watch` calls back at once with
// the present value, then at each change, until the returned function is called.
import type { DocumentEntry, Hex } from '../attribution/types.ts'
import type { AnswerEvent, AnswerRequest } from '../chat/answer.ts'
import type { ContextFit } from '../chat/context.ts'
import type { ConversationStore } from '../chat/conversation.ts'
import type { ChatMessage, EngineKind, ReceiptState } from '../chat/ports.ts'
import type { ErrorWire, OpenChatError } from '../errors.ts'
import type { BudgetState } from '../wallet/budget.ts'
import type { KeyState } from '../wallet/burner.ts'
import type { Earnings } from '../wallet/earnings.ts'
import type { EndpointCheck, Endpoints } from '../wallet/endpoints.ts'
import type { BatchState } from '../wallet/light-client/contract-state.ts'
import type {
  IntakeBatch,
  IntakeDocument,
  IntakeOptions,
  IntakePii,
  IntakeReport,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from '../workers/datanet-api.ts'

export interface Services {
  engine: EngineService
  models: ModelsService
  /**
   * One answer. The page waits for `engine` to be ready before it calls; cancelling is by the signal, and the events
   * still end with `traced`. Which adapter quotes from which datanet is the service's own knowledge. Several may run at
   * once; the local engine batches them.
   */
  ask(request: AskRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>
  /** What the question would take of the context, without sending it. @throws question_too_long */
  measure(request: AskRequest): Promise<ContextFit>
  /** Words of a PDF in reading order, for an attachment; nothing is kept. @throws pdf_encrypted, pdf_scanned, pdf_too_hard … */
  pdfText(file: File, signal: AbortSignal): Promise<string>
  datanets: DatanetService
  intake: IntakeService
  receipts: ReceiptService
  wallet: WalletService
  keys: KeyService
  conversations: ConversationStore
}

export interface AskRequest extends Omit<AnswerRequest, 'quotingAdapters'> {
  /** Id of an engine choice; absent: the chosen one. */
  model?: string
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

/** One thing that could answer: a model on one of the four engines. */
export interface EngineChoice {
  /** `local:<digest>`, `cpu:<digest>`, `web-llm:<model>` or `remote:<n>`. */
  id: string
  engine: EngineKind
  /** The model's name, as it stands on each message. */
  name: string
  /** One sentence: where it computes, and what leaves this machine. */
  detail: string
  /** Bytes still to be fetched before it can answer; 0 when all is here or nothing is fetched. */
  needsBytes: number
  /** Host those bytes come from, or the endpoint's; null: this page's own, or none. */
  host: string | null
  /** Whether adapters, and so quoting by the datanets' own adapters, can be used with it. */
  adapters: boolean
  /** Why it cannot run in this browser; null when it can. */
  hindrance: OpenChatError | null
}

/** Something that runs on less than was hoped for. `sentence` says what and why. */
export interface Demotion {
  code: 'software_adapter' | 'smaller_context' | 'adapter_refused' | 'device_recovered'
  sentence: string
}

/** Everything about the engine beside its state. Shared by all tabs: they have one engine between them. */
export interface EngineFacts {
  choices: EngineChoice[]
  /** Id of the choice that `EngineState` and `model` speak of. */
  chosen: string
  /** Offered to the visitor, never done unasked: another choice that would work (better) here. `sentence` says why. */
  proposal: { id: string; sentence: string } | null
  demotions: Demotion[]
  /** Tokens that a prompt and its answer may have together; null before ready, or where the engine does not say. */
  contextTokens: number | null
  /** Whether this tab runs the engine or asks the tab that does. */
  tab: 'leader' | 'follower'
}

export interface EndpointDraft {
  /** Base address that `/v1/models` and `/v1/chat/completions` follow; a `/v1` at its end is understood. */
  url: string
  model: string
  /** Empty: none is sent. */
  key: string
  /** encrypted: kept under a key of this browser that cannot be exported; memory: gone with the tab. */
  keep: 'encrypted' | 'memory'
}

export interface EngineService {
  /** Of the chosen model; another object after `choose`. */
  readonly model: ModelCard
  subscribe(listener: (state: EngineState) => void): () => void
  watch(listener: (facts: EngineFacts) => void): () => void
  /** Begins or resumes the download, then loads. Does nothing when running or ready; after `failed` it tries again. */
  start(): void
  /** Stops a download and keeps what arrived. */
  pause(): void
  /**
   * Takes another choice; kept across reloads and told to all tabs. What is loaded is let go, what is kept here is loaded
   * at once, and what must be fetched waits for `start` (state `absent`). Answers under way end first.
   */
  choose(id: string): void
  /** Tokens of a prompt under the chosen model's template; null where the engine cannot say. */
  count(messages: ChatMessage[]): Promise<number | null>
  /** Models that an endpoint lists. @throws endpoint_unreachable, endpoint_refused, endpoint_malformed */
  endpointModels(url: string, key: string, signal: AbortSignal): Promise<string[]>
  /** Keeps an endpoint as a choice. @returns its id @throws endpoint_invalid */
  addEndpoint(draft: EndpointDraft): Promise<string>
  removeEndpoint(id: string): Promise<void>
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
  /** sha256 hex of its 4 MiB chunks in order, where they are known before the download: `download({ chunks })` checks each. */
  chunks?: string[]
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
  /** Where its two files are served; null for one that lies in the blob store only, under `digest` and `config.sha256`. */
  weights: string | null
  config: { url: string | null; sha256: string; bytes: number }
}

/** Bytes that a model takes on the GPU while it answers. `total` is the sum of the others. */
export interface MemoryPlan {
  weights: number
  /** The context's keys and values, at `contextTokens`. */
  cache: number
  adapters: number
  scratch: number
  total: number
  contextTokens: number
}

/** Whether a model will run here: tried, not read off a memory size, since no browser tells the truth about that. */
export interface Fit {
  verdict: 'fits' | 'tight' | 'too_large' | 'unknown'
  /** One sentence for people. */
  reason: string
  /** null while the file's header was not read. */
  plan: MemoryPlan | null
}

export type Transfer =
  | { state: 'running'; doneBytes: number; totalBytes: number; bytesPerSecond: number; stage: 'downloading' | 'checking' }
  | { state: 'paused'; doneBytes: number; totalBytes: number }
  | { state: 'failed'; error: OpenChatError }

export interface ListedModel extends LocalModel {
  /** null: nothing is fetched and nothing is half here. */
  transfer: Transfer | null
}

export interface Library {
  models: ListedModel[]
  adapters: LocalAdapter[]
  /** What this browser kept and has no more, without anybody having deleted it here. */
  evicted: { digest: string; name: string; bytes: number }[]
}

export type KeptKind = 'models' | 'adapters' | 'datanets' | 'conversations' | 'receipts' | 'other'

export interface StorageReport {
  /** `items` files or records, and their bytes (records: as JSON, about). */
  kinds: { kind: KeptKind; items: number; bytes: number }[]
  /** What the browser says of this origin; null where it does not say. */
  usedBytes: number | null
  quotaBytes: number | null
  /** Whether the browser promised not to evict. */
  persistent: boolean
}

/** Reading a file or URL before it is taken: what it says it is. */
export interface AddProgress {
  stage: 'reading' | 'copying' | 'downloading' | 'checking'
  doneBytes: number
  totalBytes: number | null
}

/** The models and adapters of this browser: the catalogue's and the visitor's own, kept by digest. */
export interface ModelsService {
  subscribe(listener: (library: Library) => void): () => void
  /** Fetches, or goes on with, a model's file; the outcome is told through `subscribe`. Loading it is the engine's. */
  download(digest: string): void
  /** Stops a download and keeps what arrived. */
  pause(digest: string): void
  /** Stops a download and drops what arrived. */
  discard(digest: string): Promise<void>
  /** @throws gguf_invalid, architecture_unsupported, tensor_type_unsupported, storage_full, cancelled */
  addModelFile(file: File, progress: (event: AddProgress) => void, signal: AbortSignal): Promise<LocalModel>
  /** Reads the header by ranges first, so that what cannot run costs no download. @throws as above, download_failed */
  addModelUrl(url: string, progress: (event: AddProgress) => void, signal: AbortSignal): Promise<LocalModel>
  /** adapter_config.json and adapter_model.safetensors, or one zip with them. @throws adapter_invalid, adapter_unsupported, adapter_mismatch … */
  addAdapterFiles(files: File[], signal: AbortSignal): Promise<LocalAdapter>
  /** A folder that serves the two files, or a zip. @throws as above, download_failed */
  addAdapterUrl(url: string, signal: AbortSignal): Promise<LocalAdapter>
  /** Hides it at once and deletes its bytes a little later; `undo` before that brings it back whole. */
  remove(digest: string): Promise<{ undo(): Promise<void> }>
  /** A quick look at a model that is here, chunk by chunk. @returns how many chunks were wrong and are fetched again on loading */
  check(digest: string, signal: AbortSignal): Promise<{ chunks: number; wrong: number }>
  fit(digest: string): Promise<Fit>
  /** Looks again at what is kept: something else (the engine, another tab) may have fetched it. */
  refresh(): Promise<void>
  storage(): Promise<StorageReport>
  /** Asks the browser not to evict. @returns whether it promised to. */
  persist(): Promise<boolean>
  /** The eviction has been read. */
  acknowledgeEviction(): Promise<void>
}

// ── datanets ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where this account stands with a datanet: `open` and `curator` may contribute, so may `granted`. */
export type DatanetAccess = 'curator' | 'open' | 'none' | 'asked' | 'granted' | 'refused' | 'revoked'

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
  /** What follows is of the chain, null where none is reachable. */
  chain: {
    curator: Hex
    /** Anyone may contribute; else by grant. */
    open: boolean
    /** What others contribute waits for the curator. */
    reviewed: boolean
    access: DatanetAccess
    /** Accounts that ask for access, and submissions that wait: the curator's work. */
    asking: number
    waiting: number
    contributions: number
    withdrawn: number
    /** Blocks since the last contribution, null before the first. */
    quietBlocks: number | null
  } | null
}

export interface Contributor {
  account: Hex
  author: string
  documents: number
  tokens: number
}

/** `withdrawn`: its author asks that no new answer retrieve it. */
export interface ListedDocument extends DocumentEntry {
  withdrawn: boolean
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

export interface NewDatanet {
  name: string
  licence: string
  description: string
  open: boolean
  reviewed: boolean
}

/** Documents of one contribution that was begun in this browser and is not finished. */
export interface UnfinishedContribution {
  key: string
  datanet: string
  documents: number
  tokens: number
  /** Of its first document. */
  title: string
}

export type ContributionProgress =
  /** `part` of `parts` contributions, from 1. */
  | { stage: 'prepare' | 'commit' | 'da' | 'reveal' | 'index'; state: 'running' | 'done'; part: number; parts: number }
  | {
      stage: 'finished'
      datanet: string
      /** Of the datanet; of its queue where `queued`. */
      contributions: number[]
      /** They wait for the curator. */
      queued: boolean
      documents: number
      tokens: number
      commitment: Hex
      transaction: Hex | null
    }

export interface AccessRequest {
  account: Hex
  access: Exclude<DatanetAccess, 'curator' | 'open'>
  note: string
  /** Of the last refusal or revocation. */
  reason: string
}

export type RefusalReason = 'off_topic' | 'duplicate' | 'quality' | 'personal_data' | 'not_permitted' | 'other'

export interface QueuedSubmission {
  number: number
  author: Hex
  documents: number
  tokens: number
  licence: string
  verdict: 'waiting' | 'accepted' | 'refused' | 'retracted'
  reason: RefusalReason | null
  sentence: string
}

/** The texts of a submission, fetched and checked here against what it commits to. */
export interface SubmissionTexts {
  documents: { title: string; author: string; licence: string; year: number | null; text: string }[]
  /** Null when they hash to the root that was revealed; else why they must not be accepted. */
  fault: string | null
  /** Documents already here that hold much of one of them. `share` 0..1. */
  duplicates: { title: string; datanet: string; heldBy: string; share: number }[]
}

/** What one answer took of one contribution. Amounts in wei. */
export interface ContributionUse {
  receiptId: Hex
  batch: number
  /** Seconds since 1970, block time. */
  at: number
  datanet: string
  contribution: number
  quotes: number
  tokens: number
  amount: bigint
  paid: boolean
}

export interface OwnContribution {
  datanet: { id: string; name: string }
  /** `accepted` stands in the datanet under `number`; the others under that number in its queue. */
  state: 'accepted' | 'withdrawn' | 'waiting' | 'refused' | 'retracted'
  number: number
  documents: number
  tokens: number
  licence: string
  /** Of its first documents, where its texts are here. */
  titles: string[]
  reason: RefusalReason | null
  sentence: string
  uses: ContributionUse[]
}

export interface OwnContributions {
  list: OwnContribution[]
  /** Of the batches that the uses are read from. */
  assurance: Assurance
  /** Batches that could not be read, with the reason; what they paid is not in `uses`. */
  unread: { batch: number; error: OpenChatError }[]
}

/** `card` is Markdown. Withdrawn texts are in none. */
export type ExportFormat = 'jsonl' | 'parquet' | 'card'

export interface DatanetService {
  list(): Promise<DatanetSummary[]>
  contributors(datanet: string): Promise<Contributor[]>
  /** Documents in their order; `total` counts all. */
  documents(datanet: string, offset: number, limit: number): Promise<{ total: number; entries: ListedDocument[] }>
  /** Exact words within a datanet's documents, at most `limit` documents. Withdrawn ones are not searched. */
  search(datanet: string, words: string, limit: number, signal: AbortSignal): Promise<DocumentHit[]>
  /** `position` and `length` in tokens of the document; `around` tokens on each side. */
  context(datanet: string, document: number, position: number, length: number, around: number): Promise<DocumentContext>
  create(datanet: NewDatanet, signal: AbortSignal): Promise<DatanetSummary>
  /** The curator's. @throws not_curator */
  describe(datanet: string, description: string): Promise<void>
  /** @throws access_settled */
  askAccess(datanet: string, note: string): Promise<void>
  requests(datanet: string): Promise<AccessRequest[]>
  /** The curator's: grants, refuses or revokes. @throws not_curator, access_settled */
  setAccess(datanet: string, account: Hex, allowed: boolean, reason: string): Promise<void>
  /** Oldest first, decided ones too. */
  queue(datanet: string): Promise<QueuedSubmission[]>
  /** @throws da_missing, da_lied, bundle_invalid */
  submission(datanet: string, number: number, signal: AbortSignal): Promise<SubmissionTexts>
  /** The curator's. @throws not_curator, submission_settled */
  accept(datanet: string, number: number): Promise<void>
  refuse(datanet: string, number: number, reason: RefusalReason, sentence: string): Promise<void>
  /** The author's: takes back what waits. */
  retract(datanet: string, number: number): Promise<void>
  /** The author's. @throws not_author, already_withdrawn */
  withdraw(datanet: string, contribution: number): Promise<void>
  /** Commit → DA → reveal → index, each batch one contribution. All are written down before the first is sent. @throws not_member, contribution_duplicate, cancelled … */
  contribute(
    datanet: string,
    licence: string,
    batches: AsyncIterable<IntakeBatch>,
    signal: AbortSignal,
  ): AsyncIterable<ContributionProgress>
  unfinished(datanet: string): Promise<UnfinishedContribution[]>
  /** Goes on with what was begun, from where the chain proves it stands. */
  resume(keys: string[], signal: AbortSignal): AsyncIterable<ContributionProgress>
  /** Forgets what was begun; what was sent of it stays sent. */
  discard(keys: string[]): Promise<void>
  mine(signal: AbortSignal): Promise<OwnContributions>
  /** Calls back with uses of this account's texts that were not told before, looking now and then. */
  watchUses(listener: (uses: ContributionUse[]) => void): () => void
  /** Streams into a file of this browser's storage. @returns it, named, to be saved */
  export(datanet: string, format: ExportFormat, progress: (done: number, total: number) => void, signal: AbortSignal): Promise<File>
}

// ── intake ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type {
  IntakeBatch,
  IntakeDocument,
  IntakeOptions,
  IntakePii,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from '../workers/datanet-api.ts'

/** What `examine` tells, in order; `refused` is a file that cannot be taken, the others go on. */
export type IntakeEvent = Exclude<IntakeReport, { type: 'refused' }> | { type: 'refused'; file: string; error: OpenChatError }

/**
 * Reads, cleans, masks and compares on this machine, in its own worker; nothing leaves it. Documents of several `examine`
 * calls stay side by side until `release`.
 */
export interface IntakeService {
  /** @throws cancelled, engine_not_ready (no tokeniser can be fetched), intake_too_many_documents; what is wrong with one file is an event */
  examine(source: IntakeSource, options: IntakeOptions, signal: AbortSignal): AsyncIterable<IntakeEvent>
  /** All documents in their order, `total` counts them. */
  documents(offset: number, limit: number): Promise<{ total: number; documents: IntakeDocument[] }>
  totals(): Promise<IntakeTotals>
  /** Masks or unmasks findings of one document; the other way round is the undo. @returns it with new counts */
  mask(document: string, findings: number[] | 'all', masked: boolean): Promise<IntakeDocument>
  /** The same for every finding of a kind in every document. */
  maskKind(kind: PiiKind, masked: boolean): Promise<IntakeTotals>
  describe(document: string, facts: { title?: string; author?: string | null; year?: number | null }): Promise<IntakeDocument>
  /** UTF-16 [from, to) of the clean, unmasked text, with the findings in it; `length` is of the whole. */
  text(document: string, from: number, to: number): Promise<{ text: string; length: number; pii: IntakePii[] }>
  /** Leaves a document out of the batches, or takes it back. */
  drop(document: string, dropped?: boolean): Promise<IntakeDocument>
  /** Accepted documents, masked, in order, each batch one contribution. `author` stands where a document names none; `maxBytes` ≤ 16 MiB, 8 MiB by default. */
  batches(facts: { author: string; licence: string }, signal: AbortSignal, maxBytes?: number): AsyncIterable<IntakeBatch>
  /** Forgets all documents and what was set aside of them. */
  release(): Promise<void>
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
  /** Proven now. */
  batch(batch: number): Promise<BatchView>
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
      /** Who signs receipts: the key of this browser. `address` is another where a wallet is connected. */
      payer: Hex
      /** wei of OPEN that the payer itself holds. */
      payerBalance: bigint
      /** Name of the connected wallet. */
      walletName: string | null
      /** Block time, s, from which the deposit may be taken back; 0 while nobody asked. */
      unlockAt: number
      /** Time of the block that all this is proven in, s. */
      blockTime: number
      /** Whether this chain gives coin away. */
      faucet: boolean
    }

export interface WalletService {
  subscribe(listener: (state: WalletState) => void): () => void
  /** Fee of one answer, wei. */
  readonly fee: bigint
  /** Moves OPEN from the balance into the deposit that pays for answers. */
  deposit(wei: bigint, signal: AbortSignal): Promise<void>
  /** Asks the chain's faucet. @throws faucet_absent, faucet_failed */
  topUp(): Promise<void>
  /** Begins the delay after which `withdraw` gives the whole deposit back. */
  requestWithdrawal(): Promise<void>
  withdraw(): Promise<void>
  /** Moves all coin of this browser's key, but the gas, to another account. @returns wei moved */
  sweep(to: string): Promise<bigint>
  /** What this account was paid for its words: proven, and complete by its own sum. */
  earnings(signal: AbortSignal): Promise<{ earnings: Earnings; assurance: Assurance }>
  budget(listener: (state: BudgetState) => void): () => void
  /** wei a day; null for none. */
  setBudget(wei: bigint | null): Promise<void>
}

// ── keys, other wallets, endpoints ──────────────────────────────────────────────────────────────────────────────────

export interface WalletOffer {
  /** Reverse domain name. */
  id: string
  name: string
  /** A data: URL of an image, or null. */
  icon: string | null
}

export type KeyView =
  | { state: 'opening' }
  | { state: 'absent'; error: OpenChatError }
  | {
      state: 'ready'
      key: KeyState
      connected: (WalletOffer & { address: Hex }) | null
      /** The wallet of an earlier visit that is not here any more, or not with its account. */
      gone: { name: string; error: OpenChatError } | null
    }

export interface KeyService {
  subscribe(listener: (view: KeyView) => void): () => void
  /** The passphrase where that is the lock; a passkey is asked for. @throws burner_locked, passkey_refused */
  unlock(passphrase?: string): Promise<void>
  /** In every tab. */
  lock(): Promise<void>
  /** What opens the key from now on. @throws passkey_unavailable, passkey_refused */
  protect(by: { kind: 'device' } | { kind: 'passkey' } | { kind: 'passphrase'; passphrase: string }): Promise<void>
  /** @throws burner_locked, key_without_phrase */
  phrase(): Promise<string>
  keyFile(passphrase: string): Promise<string>
  confirmBackup(): Promise<void>
  /** Another account becomes this browser's; the present one is put aside. @returns its address. @throws phrase_invalid, key_file_invalid … */
  restore(from: { phrase: string } | { file: string; passphrase: string } | { aside: Hex } | 'fresh'): Promise<Hex>
  /** Wallets in this browser; each announces itself when it is there. */
  wallets(listener: (offers: WalletOffer[]) => void): () => void
  /** @throws wallet_refused, wallet_wrong_chain, wallet_invalid, wallet_silent, wallet_failed */
  connect(id: string, signal: AbortSignal): Promise<void>
  disconnect(): Promise<void>
  /** `chosen`: by the person, in place of those of the page. */
  endpoints(): Promise<{ endpoints: Endpoints; chosen: boolean; chainId: number }>
  /** Looks at each; keeps them when all are well. */
  tryEndpoints(endpoints: Endpoints): Promise<EndpointCheck[]>
  resetEndpoints(): Promise<void>
  /** Ends every tab's work and deletes everything this page keeps on this machine. The page begins anew. */
  eraseAll(): void
}
