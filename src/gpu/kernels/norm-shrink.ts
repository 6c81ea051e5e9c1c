// Twin of norm-shrink.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import { type LoraShrinkInput, shrinkPrelude } from './lora-shrink.ts'
import body from './norm-shrink.wgsl?raw'

export interface NormShrinkInput extends Omit<LoraShrinkInput, 'batch' | 'together'> {
  /** [rows][hStride] f32; x is written. */
  h: GPUBuffer
  hStride: number
  /** [width] f32 */
  gain: GPUBuffer
  width: number
  epsilon: number
  /** Threads a row: 64, or 4 where a barrier is dear. */
  threads: 64 | 4
}

export function normShrink(input: NormShrinkInput): Dispatch {
  const { h, gain, rows, table, a, x, z, site, width, hStride, epsilon, threads } = input
  return {
    kernel: {
      name: 'norm-shrink',
      code: [shrinkPrelude, body].join('\n'),
      groups: [['read', 'read', 'read', 'read', 'read', 'write', 'write', 'uniform']],
    },
    constants: {
      ...{ WIDTH: width, H_STRIDE: hStride, EPSILON: epsilon, WORKGROUP: threads },
      ...{ LAYERS: input.layers, Z_RECORD: input.record },
    },
    resources: [[...[h, gain, rows, table, a, x, z].map((buffer) => ({ buffer })), site]],
    grid: (counts) => [counts.rows, 1],
  }
}
