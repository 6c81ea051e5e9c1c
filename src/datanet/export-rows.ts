// One document of a datanet as an export tells it: its text with whose it is, under which licence, and what proves it. Every
// row stands alone, so that a part of an export is still attributed. Formats are beside it: export-jsonl, export-parquet.
import type { Hex } from '../attribution/types.ts'

export interface ExportRow {
  /** `datanet/document`. */
  id: string
  text: string
  title: string
  author: string
  year: number | null
  licence: string
  /** Account that is paid for it. */
  contributor: Hex
  /** Position of its contribution within the datanet, and that contribution's Merkle root and place in the order. */
  contribution: number
  root: Hex
  order: number
  /** Where the contribution is published; `0x` where its text came by another way. */
  da_commitment: Hex
  tokens: number
  /** head_n of the datanet that the export is of. */
  commitment: Hex
}

/** As columns, in this order; what is null anywhere is nullable. */
export const EXPORT_COLUMNS = [
  { name: 'id', type: 'STRING', nullable: false },
  { name: 'text', type: 'STRING', nullable: false },
  { name: 'title', type: 'STRING', nullable: false },
  { name: 'author', type: 'STRING', nullable: false },
  { name: 'year', type: 'INT32', nullable: true },
  { name: 'licence', type: 'STRING', nullable: false },
  { name: 'contributor', type: 'STRING', nullable: false },
  { name: 'contribution', type: 'INT32', nullable: false },
  { name: 'root', type: 'STRING', nullable: false },
  { name: 'order', type: 'INT32', nullable: false },
  { name: 'da_commitment', type: 'STRING', nullable: false },
  { name: 'tokens', type: 'INT32', nullable: false },
  { name: 'commitment', type: 'STRING', nullable: false },
] as const satisfies readonly { name: keyof ExportRow; type: string; nullable: boolean }[]
