// Texts that are brought, before anything leaves the machine. See services.ts for what holds of all of it.
import type { OpenChatError } from '../../errors.ts'
import type {
  IntakeBatch,
  IntakeDocument,
  IntakeOptions,
  IntakePii,
  IntakeReport,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from '../../workers/datanet-api.ts'

export type {
  IntakeBatch,
  IntakeDocument,
  IntakeOptions,
  IntakePii,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from '../../workers/datanet-api.ts'

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
