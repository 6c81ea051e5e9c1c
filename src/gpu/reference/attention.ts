// Causal grouped-query attention of one position in f64. Not a cache: keys and values of all positions up to this one are given.
// out_h = Σ_s softmax_s(q_h · k_{s,⌊h / (heads / kvHeads)⌋} / √headDim) v_s. Source: Ainslie et al. 2023, arXiv 2305.13245.
import { dot } from './matmul.ts'

export interface AttentionShape {
  heads: number
  kvHeads: number
  headDim: number
  /** A token sees itself and the `slidingWindow − 1` before it; null: all. */
  slidingWindow: number | null
}

/**
 * @param q [heads · headDim], rotated
 * @param keys one [kvHeads · headDim] a position, rotated; the last is this position's own
 * @param values as keys
 * @returns [heads · headDim]
 */
export function attention(q: Float64Array, keys: Float64Array[], values: Float64Array[], shape: AttentionShape): Float64Array {
  const { heads, kvHeads, headDim, slidingWindow } = shape
  const first = slidingWindow === null ? 0 : Math.max(0, keys.length - slidingWindow)
  const out = new Float64Array(heads * headDim)
  for (let h = 0; h < heads; h++) {
    const kv = Math.floor(h / (heads / kvHeads)) * headDim
    const query = q.subarray(h * headDim, (h + 1) * headDim)
    const weights = softmax(keys.slice(first).map((k) => dot(query, k.subarray(kv, kv + headDim)) / Math.sqrt(headDim)))
    weights.forEach((weight, s) => {
      const v = values[first + s]
      for (let i = 0; i < headDim; i++) out[h * headDim + i] += weight * v[kv + i]
    })
  }
  return out
}

/** e^(x − max) normalised; an entry of −∞ gets 0. */
export function softmax(x: readonly number[]): number[] {
  const top = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const powers = x.map((value) => Math.exp(value - top))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}
