// The gate of the feed-forward in f64: silu(g) · u, silu(g) = g / (1 + e^−g). Source: Shazeer 2020, arXiv 2002.05202.

/** @param gate [n] @param up [n] @returns [n] */
export function swiglu(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i])
}
