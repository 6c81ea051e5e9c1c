// Twin of lora-shrink.wgsl: typed arguments to a dispatch.
import { adapterReads } from './adapter-precision.ts'
import type { Dispatch } from './kernel.ts'
import body from './lora-shrink.wgsl?raw'
import shrinkRow from './lora-shrink-row.wgsl?raw'
import { type NormInput, normConstants, type ShrinkInput, sharedRows, zParts } from './projection.ts'

export interface LoraShrinkInput extends ShrinkInput {
  /** [rows][stride] f32, sums of squares behind. */
  x: GPUBuffer
  norm: NormInput
  /** Modules side by side. */
  parts: number
  /** Uniform of (rows, picks). */
  batch: GPUBuffer
  /** Rows a workgroup goes through: 4 in prefill, where neighbours are under one face; 1 where columns are shared out. */
  together: 1 | 4
  /** Workgroups that share out the columns of a row: projection.ts. */
  shares: number
}

export function loraShrink(input: LoraShrinkInput): Dispatch {
  const { parts, together, batch, shares, precision } = input
  return {
    kernel: {
      name: `lora-shrink/${precision}`,
      code: [adapterReads[precision], shrinkRow, body].join('\n'),
      groups: [['read', 'read', 'read', 'read', 'write', 'uniform', 'uniform']],
    },
    constants: {
      ...{ ...normConstants(input.norm), LAYERS: input.layers, Z_RECORD: input.record, Z_PARTS: zParts },
      ...{ ROWS: together, SHARES: shares },
    },
    resources: [[...[input.x, input.rows, input.table, input.a, input.z].map((buffer) => ({ buffer })), input.site, { buffer: batch }]],
    grid: ({ rows }) => [Math.max(2, shares) * parts, Math.ceil(rows / together)],
  }
}

/**
 * z as whoever expands it sees it.
 * @param words of Z @param at where the first share of it stands @param count ranks
 * @param factor what is left of the row's norm
 */
export function wholeZ(words: Uint32Array, at: number, count: number, record: number, shares: number, factor: number): Float32Array {
  const all = new Float32Array(words.buffer, words.byteOffset, words.length)
  return Float32Array.from({ length: count }, (_, i) => {
    let sum = 0
    for (let share = 0; share < shares; share++) sum += all[at + i + share * sharedRows * zParts * record]
    return shares > 1 ? factor * sum : sum
  })
}
