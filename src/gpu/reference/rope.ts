// Rotary position embedding in f64, half-split: dimension i turns with i + d/2. Not interleaved: see formats/permute.ts.
// Angle of pair i at position p: p · base^(−2i/d) / factor_i. Dimensions beyond `dimensions` pass unchanged.
// Source: Su et al. 2021, arXiv 2104.09864; `factors` are Llama 3's `rope_freqs.weight`.

/**
 * @param x [heads · headDim], one position
 * @param dimensions leading dimensions of each head that rotate, even
 * @param factors [dimensions / 2] or null
 * @returns [heads · headDim]
 */
export function rope(
  x: Float64Array,
  position: number,
  headDim: number,
  dimensions: number,
  base: number,
  factors: ArrayLike<number> | null = null,
): Float64Array {
  const out = x.slice()
  const half = dimensions / 2
  for (let head = 0; head < x.length; head += headDim) {
    for (let i = 0; i < half; i++) {
      const angle = (position * base ** ((-2 * i) / dimensions)) / (factors?.[i] ?? 1)
      const [a, b, cos, sin] = [x[head + i], x[head + half + i], Math.cos(angle), Math.sin(angle)]
      out[head + i] = a * cos - b * sin
      out[head + half + i] = b * cos + a * sin
    }
  }
  return out
}
