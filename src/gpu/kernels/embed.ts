// Twin of embed.wgsl: typed arguments to a dispatch.
import body from './embed.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import { type Segment, sharedPrelude, weightPreludes } from './projection.ts'

export interface EmbedInput {
  segment: Segment
  batch: GPUBuffer
  /** [rows] u32 */
  tokens: GPUBuffer
  /** [rows][hStride] f32 */
  h: GPUBuffer
  hStride: number
  width: number
}

export function embed({ segment, batch, tokens, h, hStride, width }: EmbedInput): Dispatch {
  const { format, blocks, tiles, tileBase } = segment
  return {
    kernel: {
      name: `embed/${format}`,
      code: [sharedPrelude, weightPreludes[format], body].join('\n'),
      groups: [['read', 'read', 'uniform', 'read', 'write']],
    },
    constants: { BLOCKS: blocks, TILES: tiles, TILE_BASE: tileBase, WIDTH: width, H_STRIDE: hStride },
    // Binding 1 is the projections' x; an embedding has none, so it is given the tokens.
    resources: [[{ buffer: segment.buffer }, { buffer: tokens }, { buffer: batch }, { buffer: tokens }, { buffer: h }]],
    grid: ({ rows }) => [Math.ceil(blocks / 64), rows],
  }
}
