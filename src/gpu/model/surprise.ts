// −ln p of every token of a text given those before it, teacher-forced from an empty cache: what perplexity is made of.
// Not a sampler. The logits are f32 from the device; the sum over the vocabulary is f64 here.
import type { KvCache } from './kv-cache.ts'
import type { PrefillOptions, Runner } from './runner.ts'

/**
 * @param adapter digest; '' for none
 * @returns [tokens.length − 1], natural logarithm
 */
export async function surprise(
  runner: Runner,
  cache: KvCache,
  adapter: string,
  tokens: readonly number[],
  options: PrefillOptions,
): Promise<Float64Array> {
  const out = new Float64Array(Math.max(0, tokens.length - 1))
  const sequence = cache.open(adapter)
  const visit = (first: number, logits: Float32Array[]) => {
    logits.forEach((row, i) => {
      if (first + i < out.length) out[first + i] = logSum(row) - row[tokens[first + i + 1]]
    })
  }
  try {
    await runner.scan(sequence, tokens, visit, options)
  } finally {
    cache.drop(sequence)
  }
  return out
}

/** ln Σ e^x */
export function logSum(x: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY
  for (const value of x) if (value > top) top = value
  let sum = 0
  for (const value of x) sum += Math.exp(value - top)
  return top + Math.log(sum)
}
