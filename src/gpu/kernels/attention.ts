// Twin of attention.wgsl and attention-thread.wgsl: typed arguments to a dispatch.
import together from './attention.wgsl?raw'
import alone from './attention-thread.wgsl?raw'
import type { Dispatch } from './kernel.ts'

export interface AttentionInput {
  /** A workgroup, or one thread, for each row and head. */
  variant: 'workgroup' | 'thread'
  batch: GPUBuffer
  heads: number
  kvHeads: number
  /** A multiple of 4, at most 256. */
  headDim: number
  slidingWindow: number | null
  /** Tokens of a page, and page numbers kept for each sequence. */
  page: number
  pageStride: number
  /** Keys a row may see. */
  scoreStride: number
  /** [rows][heads · headDim] f32 */
  q: GPUBuffer
  kv: GPUBuffer
  rows: GPUBuffer
  /** [sequences][pageStride] u32 */
  pages: GPUBuffer
  /** [rows][heads][scoreStride] f32, scratch. */
  scores: GPUBuffer
  /** [rows][oStride] f32 */
  o: GPUBuffer
  oStride: number
}

export function attention(input: AttentionInput): Dispatch {
  const { heads, kvHeads, headDim, slidingWindow } = input
  const thread = input.variant === 'thread'
  const buffers = [input.q, input.kv, input.rows, input.pages, input.scores, input.o]
  return {
    kernel: {
      name: thread ? 'attention-thread' : 'attention',
      code: thread ? alone : together,
      groups: [['read', 'read', 'read', 'read', 'write', 'write', ...(thread ? (['uniform'] as const) : [])]],
    },
    constants: {
      HEADS: heads,
      KV_HEADS: kvHeads,
      HEAD_VEC: headDim / 4,
      PAGE: input.page,
      PAGE_STRIDE: input.pageStride,
      SCORE_STRIDE: input.scoreStride,
      O_STRIDE: input.oStride / 4,
      SCALE: 1 / Math.sqrt(headDim),
      ...(slidingWindow === null ? {} : { WINDOW: slidingWindow }),
    },
    resources: [[...buffers, ...(thread ? [input.batch] : [])].map((buffer) => ({ buffer }))],
    grid: ({ rows }) => (thread ? [Math.ceil((rows * heads) / 4), 1] : [rows, heads]),
  }
}
