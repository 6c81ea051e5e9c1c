// Could these settings have drawn this token from these logits, give or take what another backend computes? A question about one
// token; replay.ts asks it of a whole answer. Not a sampler: it draws nothing, and a seed reaches it as the number that was drawn.
// Every logit may be off by `tolerance.logit`. So greedy asks for a gap of at most twice that, and a sampled token asks that its
// uniform number falls into the interval it can have: over all sets that top-k, top-p and min-p may have kept, and over all
// weights within the tolerance. The interval is never too narrow, so an honest answer is never refused for rounding.
// Source: the rule itself is reference/sampling.ts; a cumulative share F moves to at most F·r / (F·r + 1 − F) when weights move
// by factors in [1/√r, √r], r = e^(2·tolerance/temperature).
import type { SamplingRule } from './reference/sampling.ts'

export interface ReplayTolerance {
  /** By how much two backends may differ in any logit. */
  logit: number
  /** By how much two orders of summing may differ in a cumulative probability. */
  mass: number
}

/** f32 against PyTorch stays within 2.2e-4 on every model tested (docs/engine.md); the rest is for drivers that fuse otherwise. */
export const f32Tolerance: ReplayTolerance = { logit: 5e-3, mass: 1e-5 }

/** A share that small is not drawn: of a vocabulary of 50,000 such tokens one comes up in 20,000 draws. */
const leastShare = 1e-9

export interface TokenClaim {
  id: number
  /** The seeded number in [0, 1) that drew it; not looked at under temperature 0. */
  uniform: number
}

export interface TokenFinding {
  fits: boolean
  /** Tokens with a larger logit. */
  rank: number
  /** Largest logit less this one's. */
  gap: number
  /** Uniform numbers that may have drawn it, widened by the tolerance; null under temperature 0, or where it was surely cut or weighs nothing. */
  interval: readonly [number, number] | null
}

/** @param logits [vocab], as found here, after penalties */
export function judgeToken(logits: Float32Array, claim: TokenClaim, rule: SamplingRule, tolerance: ReplayTolerance): TokenFinding {
  const own = logits[claim.id]
  let top = Number.NEGATIVE_INFINITY
  let rank = 0
  for (const logit of logits) {
    if (logit > top) top = logit
    if (logit > own) rank++
  }
  const gap = top - own
  if (rule.temperature === 0) return { fits: gap <= 2 * tolerance.logit, rank, gap, interval: null }
  const interval = intervalOf(logits, claim.id, top, rule, tolerance)
  const drawn = interval !== null && claim.uniform >= interval[0] && claim.uniform <= interval[1]
  return { fits: drawn, rank, gap, interval }
}

function intervalOf(
  logits: Float32Array,
  id: number,
  top: number,
  rule: SamplingRule,
  { logit: slack, mass }: ReplayTolerance,
): readonly [number, number] | null {
  const { temperature } = rule
  const own = logits[id]
  const weight = (logit: number) => Math.exp((logit - top) / temperature)
  const { surely, maybe } = cuts(logits, top, rule, slack)
  if (own < maybe) return null
  // Sums of weights of lower and of higher ids: of those surely kept, and of those that may have been.
  let [belowLeast, belowMost, aboveLeast, aboveMost] = [0, 0, 0, 0]
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]
    if (i === id || logit < maybe) continue
    const w = weight(logit)
    const sure = logit >= surely ? w : 0
    if (i < id) {
      belowMost += w
      belowLeast += sure
    } else {
      aboveMost += w
      aboveLeast += sure
    }
  }
  const w = weight(own)
  // A token of next to no weight could sit on any boundary: nobody drew it.
  if (w < leastShare * (belowLeast + w + aboveLeast)) return null
  const from = belowLeast / (belowLeast + w + aboveMost)
  const to = (belowMost + w) / (belowMost + w + aboveLeast)
  const ratio = Math.exp((2 * slack) / temperature)
  return [from / (from + (1 - from) * ratio) - mass, (to * ratio) / (to * ratio + 1 - to) + mass]
}

/** Logits from which a token was surely kept, and below which it was surely cut. */
function cuts(logits: Float32Array, top: number, rule: SamplingRule, slack: number): { surely: number; maybe: number } {
  const { temperature, topK = 0, topP = 1, minP = 0 } = rule
  const floor = minP > 0 ? top + temperature * Math.log(minP) : Number.NEGATIVE_INFINITY
  const both = (cut: number) => ({ surely: Math.max(floor, cut) + 2 * slack, maybe: Math.max(floor, cut) - 2 * slack })
  if (topK <= 0 && topP >= 1) return both(Number.NEGATIVE_INFINITY)
  const sorted = likeliest(logits, top, rule, slack)
  const kth = topK > 0 && topK < sorted.length ? sorted[topK - 1] : Number.NEGATIVE_INFINITY
  const found = both(kth)
  if (topP >= 1) return found
  const weights = sorted.map((logit) => Math.exp((logit - top) / temperature))
  // What top-p is a share of: all, or what top-k keeps, and that may end between equals.
  const all = topK > 0 ? 0 : sum(logits.map((logit) => Math.exp((logit - top) / temperature)))
  const surely = topK > 0 ? sum(weights.filter((_, i) => sorted[i] >= kth + 2 * slack)) : all
  const maybe = topK > 0 ? sum(weights.filter((_, i) => sorted[i] >= kth - 2 * slack)) : all
  const ratio = Math.exp((2 * slack) / temperature)
  // The share that had to be reached, were every weight at its worst.
  const least = topP / (topP + (1 - topP) * ratio)
  const most = (topP * ratio) / (topP * ratio + 1 - topP)
  return {
    surely: Math.max(found.surely, sorted[reaching(weights, least * surely)] + 2 * slack),
    maybe: Math.max(found.maybe, sorted[reaching(weights, most * maybe)] - 2 * slack),
  }
}

/** Sorted, largest first: enough of them that top-k and top-p end within. */
function likeliest(logits: Float32Array, top: number, { temperature, topK = 0, topP = 1 }: SamplingRule, slack: number): Float64Array {
  // Beneath it the whole vocabulary together weighs less than a tenth of what top-p leaves out.
  const spread = topP < 1 ? temperature * Math.log((10 * logits.length) / (1 - topP)) + 4 * slack : Number.POSITIVE_INFINITY
  let worth = Float64Array.from(logits.filter((logit) => logit >= top - spread))
  if (topK > worth.length) worth = Float64Array.from(logits)
  return worth.sort().reverse()
}

/** Index of the last weight that is needed to reach `mass`. */
function reaching(weights: Float64Array, mass: number): number {
  let reached = 0
  for (let i = 0; i < weights.length; i++) {
    reached += weights[i]
    if (reached >= mass) return i
  }
  return weights.length - 1
}

function sum(values: Float64Array | Float32Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
