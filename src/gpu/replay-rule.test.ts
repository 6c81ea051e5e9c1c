// The judgement against the rule it judges by (reference/sampling.ts): whatever that draws fits, also when the judge's logits are
// a little off; what it did not draw fits as rarely as the widened intervals overlap.
import { describe, expect, it } from 'vitest'
import { noise } from './kernels/noise.testing.ts'
import { uniforms } from './model/uniform.ts'
import { type SamplingRule, samplingDistribution } from './reference/sampling.ts'
import { f32Tolerance, judgeToken } from './replay-rule.ts'

const vocab = 400
const rules = [
  { temperature: 1 },
  { temperature: 0.7, topP: 0.9 },
  { temperature: 1.3, topK: 20 },
  { temperature: 0.8, topK: 40, topP: 0.95 },
  { temperature: 1, topP: 0.3 },
  { temperature: 1, minP: 0.1 },
  { temperature: 0.9, topK: 60, topP: 0.8, minP: 0.05 },
  { temperature: 0.05 },
  { temperature: 0 },
]

/** Logits of step `i`, and the same as another backend would find them. */
function step(i: number, apart: number) {
  const here = noise(vocab, i + 1).map((x) => 5 * x)
  const error = noise(vocab, 10_000 + i)
  const most = error.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  return { here, there: here.map((x, id) => x + (apart * error[id]) / most) }
}

/** The lowest id whose sum of probabilities exceeds the number. */
function draw(logits: Float32Array, rule: SamplingRule, number: number): number {
  let sum = 0
  const ascending = samplingDistribution(logits, rule).sort((a, b) => a.id - b.id)
  return (ascending.find(({ probability }) => (sum += probability) > number) ?? ascending.at(-1)!).id
}

describe.each(rules)('%o', (rule) => {
  const draws = 150
  const drawn = (seed: number, apart: number) => {
    const numbers = uniforms(seed)
    return Array.from({ length: draws }, (_, i) => {
      const { here, there } = step(i, apart)
      const number = rule.temperature === 0 ? 0 : numbers()
      const id = draw(there, rule, number)
      return { here, claim: { id, uniform: number } }
    })
  }

  it('fits whatever the sampler draws, on equal logits and within the tolerance', () => {
    for (const apart of [0, 0.99 * f32Tolerance.logit]) {
      for (const { here, claim } of drawn(5, apart)) expect(judgeToken(here, claim, rule, f32Tolerance)).toMatchObject({ fits: true })
    }
  })

  it('refuses another token', () => {
    let fooled = 0
    for (const { here, claim } of drawn(6, 0)) {
      if (judgeToken(here, { ...claim, id: (claim.id + 7) % vocab }, rule, f32Tolerance).fits) fooled++
    }
    expect(fooled).toBeLessThanOrEqual(draws / 15)
  })

  // Near greedy every number draws the same token.
  if (rule.temperature >= 0.7) {
    it('refuses most numbers of another seed', () => {
      const others = uniforms(99)
      const fit = drawn(6, 0).filter(({ here, claim }) => judgeToken(here, { ...claim, uniform: others() }, rule, f32Tolerance).fits)
      expect(fit.length).toBeLessThan(draws * 0.6)
    })
  }
})

it('knows that equals of the last one kept are kept with it', () => {
  const logits = Float32Array.from({ length: 300 }, (_, id) => (id % 30 === 0 ? 2 + id / 300 : 0))
  const rule = { temperature: 1, topK: 20, topP: 0.95 }
  const numbers = uniforms(3)
  for (let i = 0; i < 200; i++) {
    const number = numbers()
    expect(judgeToken(logits, { id: draw(logits, rule, number), uniform: number }, rule, f32Tolerance).fits).toBe(true)
  }
})

it('says rank, gap and interval', () => {
  const logits = Float32Array.of(0, Math.log(4), Math.log(3), Math.log(2))
  const exact = { logit: 0, mass: 0 }
  const found = judgeToken(logits, { id: 2, uniform: 0.5 }, { temperature: 1, topK: 3 }, exact)
  expect(found.rank).toBe(1)
  expect(found.gap).toBeCloseTo(Math.log(4 / 3), 6)
  expect(found.interval?.[0]).toBeCloseTo(4 / 9, 6)
  expect(found.interval?.[1]).toBeCloseTo(7 / 9, 6)
  expect(judgeToken(logits, { id: 0, uniform: 0.99 }, { temperature: 1, topK: 3 }, exact)).toMatchObject({
    fits: false,
    interval: null,
  })
})
