// Twin of rms-norm.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import code from './rms-norm.wgsl?raw'

export interface RmsNormInput {
  /** [rows][hStride] f32 */
  h: GPUBuffer
  hStride: number
  /** [width] f32 */
  gain: GPUBuffer
  /** [picks] u32, read when `gather`. */
  picks: GPUBuffer
  /** Normalise picked rows only, in their order. */
  gather: boolean
  /** [rows or picks][xStride] f32 */
  x: GPUBuffer
  xStride: number
  width: number
  epsilon: number
  /** Threads a row: 64, or 1 where a barrier is dear. */
  threads: 64 | 1
}

export function rmsNorm({ h, hStride, gain, picks, gather, x, xStride, width, epsilon, threads }: RmsNormInput): Dispatch {
  return {
    kernel: { name: 'rms-norm', code, groups: [['read', 'read', 'read', 'write']] },
    constants: { WIDTH: width, H_STRIDE: hStride, X_STRIDE: xStride, EPSILON: epsilon, GATHER: gather ? 1 : 0, WORKGROUP: threads },
    resources: [[{ buffer: h }, { buffer: gain }, { buffer: picks }, { buffer: x }]],
    grid: (counts) => [gather ? counts.picks : counts.rows, 1],
  }
}
