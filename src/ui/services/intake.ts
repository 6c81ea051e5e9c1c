// Texts that are brought, before anything leaves the machine. See services.ts for what holds of all of it.
import type { OpenChatError } from '../../errors.ts'
import type { DatanetWorker, IntakeBatch, IntakeDocument, IntakeOptions, IntakeReport, IntakeSource } from '../../workers/datanet-api.ts'

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
export interface IntakeService extends Pick<DatanetWorker, 'documents' | 'totals' | 'mask' | 'maskKind' | 'describe' | 'text' | 'release'> {
  /** @throws cancelled, engine_not_ready (no tokeniser can be fetched), intake_too_many_documents; what is wrong with one file is an event */
  examine(source: IntakeSource, options: IntakeOptions, signal: AbortSignal): AsyncIterable<IntakeEvent>
  /** Leaves a document out of the batches, or takes it back. */
  drop(document: string, dropped?: boolean): Promise<IntakeDocument>
  /** Accepted documents, masked, in order, each batch one contribution. `author` stands where a document names none; `maxBytes` ≤ 16 MiB, 8 MiB by default. */
  batches(facts: { author: string; licence: string }, signal: AbortSignal, maxBytes?: number): AsyncIterable<IntakeBatch>
}
