// The activations and small tables of one submit, allocated once for the largest one. Not weights, not the cache.
// Widths are padded to 32 columns. The padding of h and x is zero since embed wrote it so; that of o and m because the buffers are
// made fresh and no kernel writes there, as with the sums of squares behind x that a variant leaves out.
import type { Arena, Lease } from '../arena.ts'
import { partWords } from '../kernels/attention.ts'
import { rowWithSums, zParts } from '../kernels/projection.ts'
import { zRecord } from '../lora/face.ts'
import type { ModelConfig } from './config.ts'
import { pageTokens } from './kv-cache.ts'
import { ropeAmplitude, ropeTable } from './rope-table.ts'

/** Rows whose logits one submit may give; a step picks each of its rows, so it touches no more sequences either. */
export const mostPicks = 32
const mostSequences = mostPicks
/** Alignment of a uniform binding's offset. */
export const siteBytes = 256

/** Rows of a prefill's submit. */
export const mostRows = 128
/** Rows at most whose keys are read in several shares side by side, and how many shares. */
export const splitRows = 8
export const splits = 8

export interface Scratch {
  mostRows: number
  /**
   * Residual stream, the same times the next norm's gain, q, attention output, gated product: [rows][stride] f32. A row of x goes
   * on with sums of squares.
   */
  h: GPUBuffer
  hStride: number
  x: GPUBuffer
  xStride: number
  q: GPUBuffer
  o: GPUBuffer
  oStride: number
  m: GPUBuffer
  mStride: number
  /** What the shares of a row's keys leave for attention-join. */
  parts: GPUBuffer
  logits: GPUBuffer
  chosen: GPUBuffer
  z: GPUBuffer
  batch: GPUBuffer
  tokens: GPUBuffer
  rows: GPUBuffer
  picks: GPUBuffer
  pages: GPUBuffer
  pageStride: number
  rope: GPUBuffer
  sites: GPUBuffer
  release(): void
}

/** @throws gpu_out_of_memory */
export async function makeScratch(
  gpu: GPUDevice,
  arena: Arena<GPUBuffer>,
  config: ModelConfig,
  contextTokens: number,
  ropeDivisors: ArrayLike<number> | null,
): Promise<Scratch> {
  const leases: Lease<GPUBuffer>[] = []
  const { hidden, ffn, heads, headDim, vocab, layers, ropeBase } = config
  const pageStride = Math.ceil(contextTokens / pageTokens)
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const make = async (label: string, words: number, usage: number = storage): Promise<GPUBuffer> => {
    const lease = await arena.allocate(words * 4, usage, label, { exact: true })
    leases.push(lease)
    return lease.buffer
  }
  const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
  const [hStride, oStride, mStride] = [hidden, heads * headDim, ffn].map((width) => Math.ceil(width / 32) * 32)
  const xStride = rowWithSums(hidden)
  const release = () => {
    for (const lease of leases.splice(0)) lease.release()
  }
  try {
    const table = ropeTable(contextTokens, headDim, ropeBase, ropeDivisors, ropeAmplitude(config))
    const rope = await make('rope', table.length)
    gpu.queue.writeBuffer(rope, 0, table)
    return {
      mostRows,
      h: await make('h', mostRows * hStride),
      hStride,
      x: await make('x', mostRows * xStride),
      xStride,
      q: await make('q', mostRows * heads * headDim),
      o: await make('o', mostRows * oStride),
      oStride,
      m: await make('m', mostRows * mStride),
      mStride,
      parts: await make('attention parts', splitRows * partWords({ heads, headDim, splits })),
      logits: await make('logits', mostPicks * vocab),
      chosen: await make('chosen', mostPicks),
      z: await make('z', mostRows * zParts * zRecord),
      batch: await make('batch', 4, uniform),
      tokens: await make('tokens', mostRows),
      rows: await make('rows', mostRows * 4),
      picks: await make('picks', mostPicks),
      pages: await make('pages', mostSequences * pageStride),
      pageStride,
      rope,
      sites: await make('lora sites', (layers * 4 * siteBytes) / 4, uniform),
      release,
    }
  } catch (error) {
    release()
    throw error
  }
}
