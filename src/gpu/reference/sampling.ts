// The sampler's rule in f64: how logits are changed, which tokens may then be drawn with which probability, and which one a
// number from [0, 1) draws. Not a sampler: model/sampler.ts and kernels/sample.wgsl are, and are held to this; replay asks it
// what could have been drawn.
// In this order:
//   l′ = l + bias                                                     (OpenAI's logit_bias)
//   l′ = l′ > 0 ? l′ / r : l′ · r   for ids in prompt or answer        (repetition: Keskar et al. 2019 over llama.cpp's window,
//                                                                      here the whole context)
//   l′ −= count · frequency + (count > 0 ? presence : 0)               (OpenAI's: count in the answer alone)
//   ids that a grammar forbids are out
//   p = softmax(l′ / temperature); kept: the topK likeliest, of them the fewest likeliest whose sum reaches topP, of them those
//   with p ≥ minP · the largest p; renormalised
//   drawn: the lowest id whose sum of p over the kept ids up to it exceeds the number
// Ids with equal logits stand or fall together, so that no sort decides. Temperature 0: the arg max, lowest id on a tie.
// The order of ids, not of likelihood, makes a draw robust: two logits that swap their ranks move no interval.
import { softmax } from './attention.ts'

export interface SamplingRule {
  temperature: number
  /** Keep the k likeliest; absent or 0: all. */
  topK?: number
  /** Then keep the fewest likeliest whose sum reaches p; absent or 1: all. */
  topP?: number
  /** Then keep those at least this share as likely as the likeliest; absent or 0: all. */
  minP?: number
}

export interface LogitRule {
  /** By id; added. */
  bias?: Readonly<Record<number, number>>
  /** Absent or 1: none. */
  repetition?: number
  /** Absent or 0: none. */
  presence?: number
  frequency?: number
}

/** The lowest id among the largest logits. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i
  return best
}

/** l′ of the header, before a grammar. @param prompt, answer ids so far */
export function changedLogits(
  logits: ArrayLike<number>,
  { bias = {}, repetition = 1, presence = 0, frequency = 0 }: LogitRule,
  prompt: readonly number[],
  answer: readonly number[],
): number[] {
  const changed = Array.from(logits)
  for (const [id, value] of Object.entries(bias)) changed[Number(id)] += value
  for (const id of new Set([...prompt, ...answer])) changed[id] = changed[id] > 0 ? changed[id] / repetition : changed[id] * repetition
  for (const id of answer) changed[id] -= frequency
  for (const id of new Set(answer)) changed[id] -= presence
  return changed
}

/** Ids that may be drawn, likeliest first, with probabilities that sum to 1. Logits of −∞ are never drawn. */
export function samplingDistribution(
  logits: ArrayLike<number>,
  { temperature, topK = 0, topP = 1, minP = 0 }: SamplingRule,
): { id: number; probability: number }[] {
  if (temperature === 0) return [{ id: argmax(logits), probability: 1 }]
  const ids = Array.from({ length: logits.length }, (_, id) => id)
    .filter((id) => logits[id] > Number.NEGATIVE_INFINITY)
    .sort((a, b) => logits[b] - logits[a] || a - b)
  const reaching = (count: number) => {
    while (count > 0 && count < ids.length && logits[ids[count]] === logits[ids[count - 1]]) count++
    return count
  }
  ids.length = topK > 0 ? reaching(Math.min(topK, ids.length)) : ids.length
  const likely = softmax(ids.map((id) => logits[id] / temperature))
  let count = 0
  for (let sum = 0; count < ids.length && (count === 0 || sum < topP); count++) sum += likely[count]
  if (topP >= 1) count = ids.length
  ids.length = reaching(count)
  const kept = ids.filter((_, i) => likely[i] >= minP * likely[0])
  const total = kept.reduce((sum, _, i) => sum + likely[i], 0)
  return kept.map((id, i) => ({ id, probability: likely[i] / total }))
}

/** Where in [0, 1) the numbers lie that draw this id; null when it cannot be drawn. @param distribution of {@link samplingDistribution} */
export function drawInterval(
  distribution: readonly { id: number; probability: number }[],
  drawn: number,
): [from: number, to: number] | null {
  let below = 0
  let own: number | null = null
  for (const { id, probability } of distribution) {
    if (id < drawn) below += probability
    else if (id === drawn) own = probability
  }
  return own === null ? null : [below, below + own]
}

/** The id that a number in [0, 1) draws. */
export function drawnId(distribution: readonly { id: number; probability: number }[], uniform: number): number {
  const ascending = [...distribution].sort((a, b) => a.id - b.id)
  let sum = 0
  for (const { id, probability } of ascending) {
    sum += probability
    if (sum > uniform) return id
  }
  return ascending[ascending.length - 1].id
}
