// Twin of attention.wgsl, attention-thread.wgsl and attention-join.wgsl: typed arguments to one dispatch, or to two where the keys
// are split.
import together from './attention.wgsl?raw'
import join from './attention-join.wgsl?raw'
import alone from './attention-thread.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import { type KvPrecision, kvReads } from './kv/precision.ts'

export interface AttentionInput {
  /** A workgroup, or one thread, for each row, head and split. */
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
  /** [rows][heads · headDim] f32 */
  q: GPUBuffer
  kv: GPUBuffer
  precision: KvPrecision
  rows: GPUBuffer
  /** [sequences][pageStride] u32 */
  pages: GPUBuffer
  /** [rows][oStride] f32 */
  o: GPUBuffer
  oStride: number
  /** Shares of a row's keys that are read side by side, and where they are left: {@link partWords} f32 a row. Null: one share. */
  split: { count: number; parts: GPUBuffer } | null
}

/** f32 of `parts` for each row. */
export function partWords({ heads, headDim, splits }: { heads: number; headDim: number; splits: number }): number {
  return heads * splits * (headDim + 4)
}

export function attention(input: AttentionInput): Dispatch[] {
  const { heads, kvHeads, headDim, slidingWindow, precision, split, batch } = input
  const thread = input.variant === 'thread'
  const splits = split?.count ?? 1
  const headVec = headDim / 4
  const buffers = [input.q, input.kv, input.rows, input.pages, split?.parts ?? input.o]
  const read = kvReads[precision]
  const attend: Dispatch = {
    kernel: {
      name: thread ? `attention-thread/${precision}/${headVec}` : `attention/${precision}`,
      code: thread ? [`const HEAD_VEC = ${headVec}u;`, read, alone].join('\n') : [read, together].join('\n'),
      groups: [['read', 'read', 'read', 'read', 'write', ...(thread ? (['uniform'] as const) : [])]],
    },
    constants: {
      ...{ HEADS: heads, KV_HEADS: kvHeads, PAGE: input.page, PAGE_STRIDE: input.pageStride, O_STRIDE: input.oStride / 4 },
      ...{ SCALE: 1 / Math.sqrt(headDim), SPLITS: splits },
      ...(thread ? {} : { HEAD_VEC: headVec }),
      ...(slidingWindow === null ? {} : { WINDOW: slidingWindow }),
    },
    resources: [[...buffers, ...(thread ? [batch] : [])].map((buffer) => ({ buffer }))],
    grid: ({ rows }) => (thread ? [Math.ceil((rows * heads * splits) / 4), 1] : [rows, heads * splits]),
  }
  if (split === null) return [attend]
  const joined: Dispatch = {
    kernel: { name: 'attention-join', code: join, groups: [['read', 'write', 'uniform']] },
    constants: { HEADS: heads, HEAD_VEC: headVec, O_STRIDE: input.oStride / 4, SPLITS: splits },
    resources: [[split.parts, input.o, batch].map((buffer) => ({ buffer }))],
    grid: ({ rows }) => [Math.ceil((rows * heads * headVec) / 64), 1],
  }
  return [attend, joined]
}
