// Draws the next token from logits on the CPU: temperature, top-k, top-p, seeded. Greedy answers do not come here; their arg max
// is taken on the GPU. Not a distribution for checking: reference/sampling.ts states the rule in f64.
// Invariant: the same seed, logits and settings draw the same token on every machine: xorshift128+ from the seed, sums in f64,
// ties towards the lower id.
export interface SamplerSettings {
  temperature: number
  /** Keep the k likeliest; absent or 0: all. */
  topK?: number
  /** Then keep the fewest likeliest whose sum reaches p; absent or 1: all. */
  topP?: number
  /** Absent: drawn from the platform's randomness. */
  seed?: number
}

export class Sampler {
  #settings: SamplerSettings
  #random: () => number

  constructor(settings: SamplerSettings) {
    this.#settings = settings
    this.#random = uniform(settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0])
  }

  /** @param logits [vocab] */
  draw(logits: Float32Array): number {
    const { temperature, topK = 0, topP = 1 } = this.#settings
    if (temperature === 0) return argmax(logits)
    const ids = likeliest(logits, topK, topP, temperature)
    const top = logits[argmax(logits)]
    const weights = ids.map((id) => Math.exp((logits[id] - top) / temperature))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const kept = topP < 1 ? countReaching(weights, topP * total) : ids.length
    let mass = 0
    for (let i = 0; i < kept; i++) mass += weights[i]
    let rest = this.#random() * mass
    for (let i = 0; i < kept; i++) {
      rest -= weights[i]
      if (rest < 0) return ids[i]
    }
    return ids[kept - 1]
  }
}

/** @returns the index of the largest value, the lowest on a tie. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i
  return best
}

/** Ids worth weighing, likeliest first. Below e^−40 of the top nothing can change a sum of a vocabulary in f64. */
function likeliest(logits: Float32Array, topK: number, topP: number, temperature: number): number[] {
  const floor = logits[argmax(logits)] - 40 * temperature
  const ids: number[] = []
  for (let id = 0; id < logits.length; id++) if (logits[id] >= floor) ids.push(id)
  if (topK > 0 || topP < 1) ids.sort((a, b) => logits[b] - logits[a] || a - b)
  else ids.sort((a, b) => a - b)
  return topK > 0 ? ids.slice(0, topK) : ids
}

function countReaching(weights: readonly number[], mass: number): number {
  let sum = 0
  let count = 0
  while (count < weights.length && (count === 0 || sum < mass)) sum += weights[count++]
  return count
}

/** Numbers in [0, 1) with 53 bits. Source: Vigna 2017, xorshift128+, seeded through splitmix64. */
export function uniform(seed: number): () => number {
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
    return Number(((a + b) & mask) >> 11n) / 2 ** 53
  }
}
