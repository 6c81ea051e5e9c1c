// One LoRA delta in f64: s · B(A x), added to W x by the caller. Never merged into W. Source: Hu et al. 2021, arXiv 2106.09685.
import { dot } from './matmul.ts'

/** A is [rank, in], B is [out, rank], both row-major. */
export interface LowRank {
  rank: number
  scale: number
  A: Float32Array | Float64Array
  B: Float32Array | Float64Array
}

/** A x. @param x [in] @returns [rank] */
export function loraShrink(delta: LowRank, x: Float64Array): Float64Array {
  return Float64Array.from({ length: delta.rank }, (_, r) => dot(x, delta.A.subarray(r * x.length, (r + 1) * x.length)))
}

/** s · B z. @param z [rank] @returns [out] */
export function loraExpand(delta: LowRank, z: Float64Array): Float64Array {
  const { rank, scale, B } = delta
  return Float64Array.from({ length: B.length / rank }, (_, o) => scale * dot(z, B.subarray(o * rank, (o + 1) * rank)))
}

/** s · B(A x). @param x [in] @returns [out] */
export function loraDelta(delta: LowRank, x: Float64Array): Float64Array {
  return loraExpand(delta, loraShrink(delta, x))
}
