// Puts a projection together: weights prelude × tile prelude × LoRA prelude × the kernel's own `finish`. Not a kernel itself.
// The variant axes are chosen here once: eight storage formats, one or four tokens a thread or lanes, with or without LoRA.
import type { Dispatch } from './kernel.ts'
import lanes from './tile/lanes.wgsl?raw'
import loraExpand from './tile/lora-expand.wgsl?raw'
import loraNone from './tile/lora-none.wgsl?raw'
import shared from './tile/shared.wgsl?raw'
import thread1 from './tile/thread-1.wgsl?raw'
import thread4 from './tile/thread-4.wgsl?raw'
import bf16 from './weights/bf16.wgsl?raw'
import f16 from './weights/f16.wgsl?raw'
import f32 from './weights/f32.wgsl?raw'
import q4 from './weights/q4.wgsl?raw'
import q4s from './weights/q4s.wgsl?raw'
import q5 from './weights/q5.wgsl?raw'
import q6 from './weights/q6.wgsl?raw'
import q8 from './weights/q8.wgsl?raw'

export const weightPreludes = { q4, q4s, q5, q6, q8, f16, bf16, f32 }
export type WeightFormat = keyof typeof weightPreludes
export const sharedPrelude = shared

/** vec4<u32> of a tile block (4 rows × 32 columns), as in the preludes. */
export const blockWords: Readonly<Record<WeightFormat, number>> = { q4: 5, q4s: 6, q5: 7, q6: 8, q8: 9, f16: 16, bf16: 16, f32: 32 }

/** Who computes a tile: see tile/*.wgsl. */
export type TileVariant = 'lanes' | 'thread-1' | 'thread-4'

const tilePreludes: Readonly<Record<TileVariant, string>> = { lanes, 'thread-1': thread1, 'thread-4': thread4 }
const tokensOf: Readonly<Record<TileVariant, number>> = { lanes: 1, 'thread-1': 1, 'thread-4': 4 }

/** Part of a packed matrix that one binding holds: model/pack.ts makes it. */
export interface Segment {
  format: WeightFormat
  buffer: GPUBuffer
  /** Tiles before it in the matrix, and its own. */
  tileBase: number
  tiles: number
  /** Of 32 columns. */
  blocks: number
  /** A vec4 of biases for each tile stands behind the last one; only project-qkv reads it. */
  biased?: boolean
}

/** z as lora-shrink wrote it, and the B pool. */
export interface LoraInput {
  z: GPUBuffer
  b: GPUBuffer
  /** u32 of a record of z, and modules side by side in it. */
  record: number
  parts: number
}

export interface ProjectionInput {
  segment: Segment
  variant: TileVariant
  /** [tokens][xStride] f32, columns past the width 0. */
  x: GPUBuffer
  /** f32; a multiple of 32. */
  xStride: number
  batch: GPUBuffer
  /** Threads of a workgroup in the thread variants: few, so that a small matrix still reaches every core, or a GPU's own width. */
  workgroup: 8 | 32
  lora: LoraInput | null
}

/** Threads that share a tile in the lanes variant: enough for the blocks of a row, never more. */
export function lanesFor(blocks: number): number {
  return blocks >= 64 ? 32 : blocks >= 32 ? 16 : 8
}

/**
 * @param body `finish` and its bindings (3 and up)
 * @param count which of the batch's numbers the tokens are
 */
export function projection(
  name: string,
  body: string,
  input: ProjectionInput,
  own: { write: readonly GPUBuffer[]; read?: readonly GPUBuffer[]; constants: Record<string, number>; count?: 'rows' | 'picks' },
): Dispatch {
  const { segment, variant, lora } = input
  const { format, tiles, blocks, tileBase } = segment
  const read = own.read ?? []
  const tilesPerGroup = variant === 'lanes' ? 64 / lanesFor(blocks) : 4 * input.workgroup
  const x = Math.ceil(tiles / tilesPerGroup)
  const tokens = tokensOf[variant]
  const count = own.count ?? 'rows'
  return {
    kernel: {
      name: `${name}/${format}/${variant}${lora ? '/lora' : ''}`,
      code: [shared, weightPreludes[format], tilePreludes[variant], lora ? loraExpand : loraNone, body].join('\n'),
      groups: [
        ['read', 'read', 'uniform', ...read.map(() => 'read' as const), ...own.write.map(() => 'write' as const)],
        ...(lora ? [['read', 'read'] as const] : []),
      ],
    },
    constants: {
      BLOCKS: blocks,
      X_STRIDE: input.xStride / 4,
      TILES: tiles,
      TILE_BASE: tileBase,
      ...(variant === 'lanes' ? { LANES: lanesFor(blocks) } : { WORKGROUP: input.workgroup }),
      ...(lora ? { Z_RECORD: lora.record, Z_PARTS: lora.parts } : {}),
      ...own.constants,
    },
    resources: [
      [segment.buffer, input.x, input.batch, ...read, ...own.write].map((buffer) => ({ buffer })),
      ...(lora ? [[{ buffer: lora.z }, { buffer: lora.b }]] : []),
    ],
    grid: (counts) => [x, Math.ceil(counts[count] / tokens)],
  }
}
