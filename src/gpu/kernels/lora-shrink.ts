// Twin of lora-shrink.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import body from './lora-shrink.wgsl?raw'
import shrinkRow from './lora-shrink-row.wgsl?raw'

/** Prepended to every kernel that shrinks. */
export const shrinkPrelude = shrinkRow

export interface LoraShrinkInput {
  /** [rows][stride] f32 */
  x: GPUBuffer
  rows: GPUBuffer
  /** Heads and segments: see lora-shrink-row.wgsl. */
  table: GPUBuffer
  a: GPUBuffer
  z: GPUBuffer
  /** Uniform of (layer, firstModule, parts, width / 4, stride / 4), at its own offset. */
  site: GPUBufferBinding
  /** Uniform of (rows, picks). */
  batch: GPUBuffer
  parts: number
  layers: number
  /** u32 of a record of z. */
  record: number
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
    constants: { LAYERS: input.layers, Z_RECORD: input.record, ROWS: together },
    resources: [[...[input.x, input.rows, input.table, input.a, input.z].map((buffer) => ({ buffer })), input.site, { buffer: batch }]],
    grid: ({ rows }) => [2 * parts, Math.ceil(rows / together)],
  }
}
