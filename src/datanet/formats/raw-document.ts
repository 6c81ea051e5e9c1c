// What every reader of a format gives to the intake: documents as they stand in the file, one at a time, not yet cleaned.
// Invariants: a reader holds no more of a file than one document, one row group or one page; `doneBytes` never falls.
import type { IntakeFlag } from '../intake-types.ts'

export interface RawDocument {
  /** Behind the file's name: `part 2`, `row 14`, `rows 1–240`; empty when the file is one document. */
  label: string
  text: string
  title: string | null
  author: string | null
  year: number | null
  /** What the reader itself changed or left out, one sentence each. */
  notes: string[]
  flags: IntakeFlag[]
}

export type ReaderEvent =
  | { type: 'document'; document: RawDocument }
  | { type: 'at'; doneBytes: number }
  | { type: 'fields'; chosen: string; fields: { name: string; share: number; sample: string }[] }

export type Reader = AsyncGenerator<ReaderEvent>

/** Longest text that is one document when a file is cut up: about 60,000 words. */
export const PART_CHARACTERS = 400_000

export const documentOf = (text: string, rest: Partial<RawDocument> = {}): RawDocument => ({
  label: '',
  text,
  title: null,
  author: null,
  year: null,
  notes: [],
  flags: [],
  ...rest,
})

/** A year between 1000 and 2199 in a date or a number, else null. */
export function yearIn(value: unknown): number | null {
  const found =
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string'
      ? /(?<!\d)(?:1\d|2[01])\d\d(?!\d)/.exec(String(value))
      : null
  return found === null ? null : Number(found[0])
}
