// Twin of head-norm.wgsl: typed arguments to a dispatch.
import body from './head-norm.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import { type KvPrecision, kvWrites } from './kv/precision.ts'

export interface HeadNormInput {
  batch: GPUBuffer
  /** [rows] of (position, place, slot, sequence) u32. */
  rows: GPUBuffer
  /** [positions][headDim / 2] of (cos, sin). */
  rope: GPUBuffer
  /** [q: headDim, k: headDim] f32 */
  gains: GPUBuffer
  /** [rows][heads · headDim] */
  q: GPUBuffer
  /** [places][2 · kvHeads · headDim] */
  kv: GPUBuffer
  precision: KvPrecision
  heads: number
  kvHeads: number
  headDim: number
  epsilon: number
}

export function headNorm(input: HeadNormInput): Dispatch {
  const { heads, kvHeads, headDim } = input
  return {
    kernel: {
      name: `head-norm/${input.precision}`,
      code: [kvWrites[input.precision], body].join('\n'),
      groups: [['uniform', 'read', 'read', 'read', 'write', 'write']],
    },
    constants: { HEADS: heads, KV_HEADS: kvHeads, HEAD_DIM: headDim, EPSILON: input.epsilon },
    resources: [[input.batch, input.rows, input.rope, input.gains, input.q, input.kv].map((buffer) => ({ buffer }))],
    grid: ({ rows }) => [Math.ceil((heads + kvHeads) / 8), rows],
  }
}
