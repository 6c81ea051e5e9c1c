// Twin of lora-shrink.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import code from './lora-shrink.wgsl?raw'

export interface LoraShrinkInput {
  /** [rows][stride] f32 */
  x: GPUBuffer
  rows: GPUBuffer
  /** [slots][layers][7] of (a, b, rank, scale). */
  table: GPUBuffer
  a: GPUBuffer
  z: GPUBuffer
  /** Uniform of (layer, firstModule, parts, width / 4, stride / 4), at its own offset. */
  site: GPUBufferBinding
  parts: number
  layers: number
  /** u32 of a record of z. */
  record: number
  /** At least every rank in the table. */
  maxRank: number
}

export function loraShrink(input: LoraShrinkInput): Dispatch {
  const { parts, maxRank } = input
  return {
    kernel: { name: 'lora-shrink', code, groups: [['read', 'read', 'read', 'read', 'write', 'uniform']] },
    constants: { LAYERS: input.layers, Z_RECORD: input.record, MAX_RANK: maxRank },
    resources: [[...[input.x, input.rows, input.table, input.a, input.z].map((buffer) => ({ buffer })), input.site]],
    grid: ({ rows }) => [Math.ceil((parts * maxRank) / 16), rows],
  }
}
