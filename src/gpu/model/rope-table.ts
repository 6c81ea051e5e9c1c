// Cosines and sines of every position, made once on the CPU: WGSL promises sin and cos only to 2^-11, and only within ±π.
// Angles in f64; an f32 angle at position 1,024 is already off by 1e-5. Not the rotation itself: kernels/project-qkv.wgsl.
// Source: Su et al. 2021, arXiv 2104.09864: θ_i = base^(−2i/d). `rope_freqs` divides θ_i (Llama 3's long-context scaling); linear
// scaling divides all of them alike (Chen et al. 2023, arXiv 2306.15595); YaRN divides the slow ones, leaves the fast ones, and
// lengthens every vector by 0.1 ln(factor) + 1 (Peng et al. 2023, arXiv 2309.00071).

export type RopeScaling =
  | { type: 'linear'; factor: number }
  | {
      type: 'yarn'
      factor: number
      /** Positions the model was trained on before it was stretched. */
      originalTokens: number
      /** Turns within `originalTokens` above which a pair is left alone, and below which it is stretched in full. */
      betaFast: number
      betaSlow: number
      /** Times 0.1 ln(factor) + 1: what rotated vectors are multiplied with. */
      attentionFactor: number
    }

export interface RopeRule {
  ropeBase: number
  /** Leading dimensions of a head that rotate; even. */
  ropeDimensions: number
  ropeScaling: RopeScaling | null
}

/** What cosines and sines are multiplied with. */
export function ropeAmplitude({ ropeScaling }: RopeRule): number {
  if (ropeScaling?.type !== 'yarn') return 1
  return ropeScaling.attentionFactor * (ropeScaling.factor > 1 ? 0.1 * Math.log(ropeScaling.factor) + 1 : 1)
}

/**
 * What the turn of each pair, base^(−2i/d) a position, is divided by.
 * @param stored the file's `rope_freqs.weight`, [dimensions / 2], or null
 * @returns [dimensions / 2], or null for no change
 */
export function ropeDivisors({ ropeBase, ropeDimensions, ropeScaling }: RopeRule, stored: ArrayLike<number> | null): Float64Array | null {
  if (stored === null && ropeScaling === null) return null
  const divisors = Float64Array.from({ length: ropeDimensions / 2 }, (_, i) => stored?.[i] ?? 1)
  if (ropeScaling === null) return divisors
  if (ropeScaling.type === 'linear') return divisors.map((divisor) => divisor * ropeScaling.factor)
  const { factor, originalTokens, betaFast, betaSlow } = ropeScaling
  const pairOf = (turns: number) => (ropeDimensions * Math.log(originalTokens / (turns * 2 * Math.PI))) / (2 * Math.log(ropeBase))
  const low = Math.max(0, Math.floor(pairOf(betaFast)))
  const high = Math.min(ropeDimensions - 1, Math.ceil(pairOf(betaSlow)))
  return divisors.map((divisor, i) => {
    const stretched = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)))
    return divisor / (stretched / factor + (1 - stretched))
  })
}

/**
 * @param divisors [dimensions / 2], from {@link ropeDivisors}, or null
 * @param amplitude of every cosine and sine, from {@link ropeAmplitude}
 * @returns [positions][dimensions / 2] of (cos, sin)
 */
export function ropeTable(
  positions: number,
  dimensions: number,
  base: number,
  divisors: ArrayLike<number> | null,
  amplitude = 1,
): Float32Array<ArrayBuffer> {
  const half = dimensions / 2
  const table = new Float32Array(positions * half * 2)
  for (let i = 0; i < half; i++) {
    const rate = base ** ((-2 * i) / dimensions) / (divisors?.[i] ?? 1)
    for (let position = 0; position < positions; position++) {
      table[2 * (position * half + i)] = amplitude * Math.cos(position * rate)
      table[2 * (position * half + i) + 1] = amplitude * Math.sin(position * rate)
    }
  }
  return table
}
