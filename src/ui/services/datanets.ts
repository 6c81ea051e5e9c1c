// Datanets: what is in them, contributing, curating, exporting. See services.ts for what holds of all of it.
import type { DocumentEntry, Hex } from '../../attribution/types.ts'
import type { OpenChatError } from '../../errors.ts'
import type { IntakeBatch } from '../../workers/datanet-api.ts'
import type { Assurance } from './receipts.ts'

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
