// Twin of norm-shrink.wgsl: typed arguments to a dispatch.
import { adapterReads } from './adapter-precision.ts'
import type { Dispatch } from './kernel.ts'
import shrinkRow from './lora-shrink-row.wgsl?raw'
import body from './norm-shrink.wgsl?raw'
import type { NextInput } from './project-residual.ts'
import { type NormInput, normConstants, type ShrinkInput, zParts } from './projection.ts'
import expand from './tile/lora-expand.wgsl?raw'

export interface NormShrinkInput extends ShrinkInput, NextInput {
  /** [rows][hStride] f32, added to; a multiple of 4. */
  h: GPUBuffer
  hStride: number
  b: GPUBuffer
  norm: NormInput
  /** Modules that shrink next, side by side; 0 for none. */
  parts: number
  /** Workgroups a row, and threads of each: few where a barrier is dear. */
  shares: number
  threads: 128 | 4
}

export function normShrink(input: NormShrinkInput): Dispatch {
  const { gain, rows, table, a, b, h, next, z, site, norm, threads, precision } = input
  return {
    kernel: {
      name: `norm-shrink/${precision}`,
      code: [adapterReads[precision], shrinkRow, expand, body].join('\n'),
      groups: [['read', 'read', 'read', 'read', 'read', 'write', 'write', 'write', 'uniform']],
    },
    constants: {
      ...{ ...normConstants(norm), COLUMNS: norm.columns, H_STRIDE: input.hStride / 4, NEXT_STRIDE: input.nextStride / 4 },
      ...{
        LAYERS: input.layers,
        Z_RECORD: input.record,
        Z_PARTS: zParts,
        PARTS: input.parts,
        SHARES: input.shares,
        WORKGROUP: threads,
        TAKE: threads === 4 ? 4 : 1,
      },
    },
    resources: [[...[gain, rows, table, a, b, h, next, z].map((buffer) => ({ buffer })), site]],
    grid: (counts) => [input.shares, counts.rows],
  }
}
