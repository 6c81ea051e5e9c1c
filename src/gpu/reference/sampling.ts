// What a sampler may draw, in f64: the distribution after temperature, top-k and top-p, and the arg max. Not a sampler: it
// draws nothing and has no seed. Ties are broken towards the lower id everywhere.
import { softmax } from './attention.ts'

export interface SamplingRule {
  temperature: number
  /** Keep the k likeliest; absent or 0: all. */
  topK?: number
  /** Then keep the fewest likeliest whose sum reaches p; absent or 1: all. */
  topP?: number
}

/** The lowest id among the largest logits. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i
  return best
}

/** Ids that may be drawn, likeliest first, with probabilities that sum to 1. Temperature 0 leaves the arg max alone. */
export function samplingDistribution(logits: ArrayLike<number>, { temperature, topK = 0, topP = 1 }: SamplingRule) {
  if (temperature === 0) return [{ id: argmax(logits), probability: 1 }]
  const ids = Array.from({ length: logits.length }, (_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b)
  const kept = topK > 0 ? ids.slice(0, topK) : ids
  const likely = softmax(kept.map((id) => logits[id] / temperature))
  let count = 0
  for (let sum = 0; count < kept.length && (count === 0 || sum < topP); count++) sum += likely[count]
  const total = likely.slice(0, count).reduce((a, b) => a + b, 0)
  return kept.slice(0, count).map((id, i) => ({ id, probability: likely[i] / total }))
}
