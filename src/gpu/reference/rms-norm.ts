// RMSNorm in f64, the oracle of the kernel. Not fast, not in place.
// y_i = x_i · w_i / √(mean(x²) + ε). Source: Zhang & Sennrich 2019, arXiv 1910.07467.

/** @param x [n] @param weight [n] @returns [n] */
export function rmsNorm(x: Float64Array, weight: ArrayLike<number>, epsilon: number): Float64Array {
  let squares = 0
  for (const value of x) squares += value * value
  const scale = 1 / Math.sqrt(squares / x.length + epsilon)
  return x.map((value, i) => value * scale * weight[i])
}
