// What the datanet worker offers, as types: the intake of files on this machine. It knows no chain: the texts that others
// contributed before reach it as tokens, from the attribution worker, for comparison.
import type {
  IntakeBatch,
  IntakeDocument,
  IntakeOptions,
  IntakePii,
  IntakeReport,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from '../datanet/intake-types.ts'
import type { ModelFile } from './gpu-api.ts'

export type {
  IntakeBatch,
  IntakeDocument,
  IntakeOptions,
  IntakePii,
  IntakeReport,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from '../datanet/intake-types.ts'

/** Some documents of a datanet, by tokens: what a new text is compared with. */
export interface CorpusPart {
  datanet: string
  documents: { document: number; title: string; author: string; tokens: Uint16Array }[]
}

export interface DatanetWorker {
  /** Loads the tokeniser of this file; only its header is read. `seedWords` is the BIP-39 list that recovery phrases are checked by. */
  open(settings: { model: ModelFile; seedWords: readonly string[] }): Promise<void>
  /** How many documents of each datanet it can compare with. */
  known(): Promise<Record<string, number>>
  /** Adds documents of a datanet that are not yet known, in their order. */
  learn(part: CorpusPart): Promise<void>
  examine(source: IntakeSource, options: IntakeOptions, signal: AbortSignal): AsyncIterable<IntakeReport>
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
  drop(document: string, dropped: boolean): Promise<IntakeDocument>
  batches(facts: { author: string; licence: string }, maxBytes: number, signal: AbortSignal): AsyncIterable<IntakeBatch>
  /** Forgets all documents and what was set aside of them. */
  release(): Promise<void>
}
