// What the intake says of what was brought: documents, findings, totals, batches. Types only: the worker, the page and its
// fakes share them through workers/datanet-api.ts.
// Ranges are UTF-16 units of the clean, unmasked text; amounts are wei.
import type { DocumentFacts } from '../attribution/contributions.ts'
import type { ErrorWire } from '../errors.ts'

export type IntakeFormat = 'text' | 'markdown' | 'html' | 'pdf' | 'jsonl' | 'json' | 'csv' | 'parquet' | 'zip'

export type PiiKind =
  | 'email'
  | 'phone'
  | 'iban'
  | 'card'
  | 'ip'
  | 'national_id'
  | 'address'
  | 'birth_date'
  | 'url_credentials'
  | 'api_key'
  | 'private_key'
  | 'seed_phrase'

/** What is brought: files and folders (a .zip is one file), or pasted text. `path` is the place within a dropped folder. */
export type IntakeSource = { files: { name: string; path?: string; blob: Blob }[] } | { text: string; name?: string }

export interface IntakeOptions {
  /** Field or column that holds the text, by file path; detected where it is not given. */
  textFields?: Record<string, string>
  /** Rows of JSONL, CSV and Parquet: one document each, or many in one. `auto`: each, unless a file holds thousands. */
  rows?: 'auto' | 'each' | 'grouped'
  /** What is found of these kinds is left as it is; the others are masked at first. */
  unmasked?: PiiKind[]
}

/** Something personal or secret in a document. `from`/`to` is its UTF-16 range in the clean, unmasked text. */
export interface IntakePii {
  id: number
  kind: PiiKind
  from: number
  to: number
  text: string
  /** What stands in its place while it is masked: [EMAIL], [PHONE] … */
  token: string
  masked: boolean
}

export interface IntakeDuplicate {
  /** Null: another of the documents brought now, `document` is its id. */
  datanet: string | null
  document: string
  title: string
  author: string
  /** Part of this document's 32-token shingles that stand there, 0..1: at 0.5 a contribution can be slashed. */
  share: number
  /** Part of its 5-token shingles that stand there, letters' case aside, 0..1: also sees texts with words exchanged. */
  similarity: number
  /** Words that stand in both; empty where none are 32 tokens long. */
  sample: string
}

export interface IntakeFlag {
  code:
    | 'too_short'
    | 'repeated_lines'
    | 'boilerplate'
    | 'mostly_markup'
    | 'mostly_code'
    | 'mostly_digits'
    | 'mixed_languages'
    | 'ocr_noise'
    | 'copyright_notice'
    | 'assistant_phrases'
    | 'exact_copy'
    | 'near_copy'
    | 'scanned_pages'
    | 'no_language'
  /** For people. */
  sentence: string
}

export interface IntakeDocument {
  id: string
  /** Path of the file it came from; with a part, page range or row behind it in `name`. */
  file: string
  name: string
  format: IntakeFormat
  /** Of the text as it would be published now, masks included. */
  characters: number
  tokens: number
  /** ISO 639-3 and its English name; `confidence` 0..1, of a sample. Null where it cannot be told. */
  language: { code: string; name: string; confidence: number } | null
  /** First words as they would be published. */
  excerpt: string
  /** What cleaning changed, one sentence each. */
  changes: string[]
  /** At most 200 of them; `piiFound` and `piiMasked` count all. */
  pii: IntakePii[]
  piiFound: number
  piiMasked: number
  duplicates: IntakeDuplicate[]
  flags: IntakeFlag[]
  /** Guesses from the file (front matter, metadata, headings, names), or what `describe` set. */
  title: string
  author: string | null
  year: number | null
  /** wei, by the stated rule of datanet/stake.ts; the contract does not ask for it yet. */
  expectedStake: bigint
  /** False after `drop`: kept out of the batches. */
  accepted: boolean
}

export interface IntakeTotals {
  files: number
  refused: number
  documents: number
  characters: number
  tokens: number
  piiFound: number
  piiMasked: number
  expectedStake: bigint
  /** Datanets that the documents were compared with. */
  comparedWith: string[]
}

/** The documents of one contribution, as `contribute` publishes them. */
export interface IntakeBatch {
  documents: {
    id: string
    facts: DocumentFacts
    text: string
    tokens: Uint16Array
  }[]
  /** Of the published bundle, at most. */
  bytes: number
  tokens: number
}

export type IntakeReport =
  | { type: 'progress'; file: string; doneBytes: number; totalBytes: number; documents: number }
  /** Fields of a table or of JSON lines, the chosen one first; `share` of the characters, `sample` its first words. */
  | { type: 'fields'; file: string; chosen: string; fields: { name: string; share: number; sample: string }[] }
  /** At most 20 at a time. */
  | { type: 'documents'; documents: IntakeDocument[] }
  /** A file that cannot be taken; the others go on. */
  | { type: 'refused'; file: string; error: ErrorWire }
  /** Rows or parts of a file that were left out: empty, too short, too long; `sentence` says why of the first. */
  | { type: 'skipped'; file: string; count: number; sentence: string }
  | { type: 'done'; totals: IntakeTotals }
