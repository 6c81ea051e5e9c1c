// Rotary position embedding in f64, half-split: dimension i turns with i + d/2. Not interleaved: see formats/permute.ts.
// Angle of pair i at position p: p · base^(−2i/d) / divisor_i; turned pairs are multiplied with `amplitude`. Dimensions beyond
// `dimensions` pass unchanged.
// Source: Su et al. 2021, arXiv 2104.09864; divisors and amplitude: model/rope-table.ts.

/**
 * @param x [heads · headDim], one position
 * @param dimensions leading dimensions of each head that rotate, even
 * @param divisors [dimensions / 2] or null
 * @returns [heads · headDim]
 */
export function rope(
  x: Float64Array,
  position: number,
  headDim: number,
  dimensions: number,
  base: number,
  divisors: ArrayLike<number> | null = null,
  amplitude = 1,
): Float64Array {
  const out = x.slice()
  const half = dimensions / 2
  for (let head = 0; head < x.length; head += headDim) {
    for (let i = 0; i < half; i++) {
      const angle = (position * base ** ((-2 * i) / dimensions)) / (divisors?.[i] ?? 1)
      const [a, b, cos, sin] = [x[head + i], x[head + half + i], amplitude * Math.cos(angle), amplitude * Math.sin(angle)]
      out[head + i] = a * cos - b * sin
      out[head + half + i] = b * cos + a * sin
    }
  }
  return out
}
