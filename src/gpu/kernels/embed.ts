// Twin of embed.wgsl: typed arguments to a dispatch.
import body from './embed.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import type { NextInput } from './project-residual.ts'
import { type Segment, sharedPrelude, sumsAt, weightPreludes } from './projection.ts'

export interface EmbedInput extends NextInput {
  segment: Segment
  batch: GPUBuffer
  /** [rows] u32 */
  tokens: GPUBuffer
  /** [rows][hStride] f32; a multiple of 32. */
  h: GPUBuffer
  hStride: number
  width: number
  /** Columns of h behind each sum of squares: 8, 16 or 32. */
  columns: number
}

export function embed({ segment, batch, tokens, gain, h, hStride, next, nextStride, width, columns }: EmbedInput): Dispatch {
  const { format, blocks, tiles, tileBase } = segment
  return {
    kernel: {
      name: `embed/${format}`,
      code: [sharedPrelude, weightPreludes[format], body].join('\n'),
      groups: [['read', 'read', 'uniform', 'read', 'read', 'write', 'write']],
    },
    constants: {
      ...{ BLOCKS: blocks, TILES: tiles, TILE_BASE: tileBase, GAINS: Math.ceil(width / 4), COLUMNS: columns },
      ...{ H_STRIDE: hStride / 4, NEXT_STRIDE: nextStride, SUMS_AT: sumsAt(width, columns) },
    },
    // Binding 1 is the projections' x; an embedding has none, so it is given the tokens.
    resources: [[segment.buffer, tokens, batch, tokens, gain, h, next].map((buffer) => ({ buffer }))],
    grid: ({ rows }) => [Math.ceil(blocks / 64), rows],
  }
}
