// The numbers that draw tokens: seeded, in [0, 1), the same on every machine. Not randomness of the platform.
// Invariant: a number has 24 bits, so that f32 holds it and a sampler on the GPU compares the very number that one on the CPU
// does; the n-th token of an answer is drawn by the n-th number.
// Source: Vigna 2017, xorshift128+, seeded through splitmix64.

export function uniforms(seed: number): () => number {
  const mask = (1n << 64n) - 1n
  let mix = BigInt(Math.trunc(seed)) & mask
  const next = () => {
    mix = (mix + 0x9e3779b97f4a7c15n) & mask
    let z = mix
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask
    return z ^ (z >> 31n)
  }
  let a = next()
  let b = next()
  return () => {
    let s = a
    a = b
    s = (s ^ (s << 23n)) & mask
    b = s ^ a ^ (s >> 17n) ^ (a >> 26n)
    return Number(((a + b) & mask) >> 40n) / 2 ** 24
  }
}
