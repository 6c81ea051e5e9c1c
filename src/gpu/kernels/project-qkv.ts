// Twin of project-qkv.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import { type KvPrecision, kvWrites } from './kv/precision.ts'
import body from './project-qkv.wgsl?raw'
import { type ProjectionInput, projection } from './projection.ts'

export interface QkvInput extends ProjectionInput {
  heads: number
  kvHeads: number
  /** A multiple of 4. */
  headDim: number
  /** [rows] of (position, place, slot, sequence) u32. */
  rows: GPUBuffer
  /** [positions][headDim / 2] of (cos, sin). */
  rope: GPUBuffer
  /** false where head-norm turns q and k. */
  rotated?: boolean
  /** [rows][heads · headDim] */
  q: GPUBuffer
  /** [places][2 · kvHeads · headDim] */
  kv: GPUBuffer
  precision: KvPrecision
}

export function projectQkv(input: QkvInput): Dispatch {
  return projection(`project-qkv/${input.precision}`, [kvWrites[input.precision], body].join('\n'), input, {
    read: [input.rows, input.rope],
    write: [input.q, input.kv],
    span: input.headDim / 4,
    constants: {
      HEADS: input.heads,
      KV_HEADS: input.kvHeads,
      HEAD_DIM: input.headDim,
      BIASED: Number(input.segment.biased ?? false),
      ROTATED: Number(input.rotated ?? true),
    },
  })
}
