// Cosines and sines of every position, made once on the CPU: WGSL promises sin and cos only to 2^-11, and only within ±π.
// Angles in f64; an f32 angle at position 1,024 is already off by 1e-5. Not the rotation itself: kernels/project-qkv.wgsl.
// Source: Su et al. 2021, arXiv 2104.09864: θ_i = base^(−2i/d); `rope_freqs` divides θ_i (Llama 3's long-context scaling).

/** @returns [positions][dimensions / 2] of (cos, sin) */
export function ropeTable(
  positions: number,
  dimensions: number,
  base: number,
  factors: ArrayLike<number> | null,
): Float32Array<ArrayBuffer> {
  const half = dimensions / 2
  const table = new Float32Array(positions * half * 2)
  for (let i = 0; i < half; i++) {
    const rate = base ** ((-2 * i) / dimensions) / (factors?.[i] ?? 1)
    for (let position = 0; position < positions; position++) {
      table[2 * (position * half + i)] = Math.cos(position * rate)
      table[2 * (position * half + i) + 1] = Math.sin(position * rate)
    }
  }
  return table
}
