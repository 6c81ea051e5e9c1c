// Twin of lora-shrink.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import body from './lora-shrink.wgsl?raw'
import shrinkRow from './lora-shrink-row.wgsl?raw'
import { type NormInput, normConstants, type ShrinkInput, zParts } from './projection.ts'

export interface LoraShrinkInput extends ShrinkInput {
  /** [rows][stride] f32, sums of squares behind. */
  x: GPUBuffer
  norm: NormInput
  /** Modules side by side. */
  parts: number
  /** Uniform of (rows, picks). */
  batch: GPUBuffer
  /** Rows a workgroup goes through: 4 in prefill, where neighbours are under one face. */
  together: 1 | 4
}

export function loraShrink(input: LoraShrinkInput): Dispatch {
  const { parts, together, batch } = input
  return {
    kernel: {
      name: 'lora-shrink',
      code: [shrinkRow, body].join('\n'),
      groups: [['read', 'read', 'read', 'read', 'write', 'uniform', 'uniform']],
    },
    constants: { ...normConstants(input.norm), LAYERS: input.layers, Z_RECORD: input.record, Z_PARTS: zParts, ROWS: together },
    resources: [[...[input.x, input.rows, input.table, input.a, input.z].map((buffer) => ({ buffer })), input.site, { buffer: batch }]],
    grid: ({ rows }) => [2 * parts, Math.ceil(rows / together)],
  }
}
