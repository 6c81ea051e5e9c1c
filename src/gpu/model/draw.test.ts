// The CPU's draw against the rule in f64: the same token for the same number, under any mix of settings.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noise } from '../kernels/noise.testing.ts'
import { changedLogits, drawnId, samplingDistribution } from '../reference/sampling.ts'
import { drawToken, greedy } from './draw.ts'
import { Sampler } from './sampler.ts'
import { uniforms } from './uniform.ts'

const settings = fc.record({
  temperature: fc.constantFrom(0, 0.1, 0.7, 1, 1.5),
  topK: fc.constantFrom(0, 1, 5, 40, 1000),
  topP: fc.constantFrom(1, 0.95, 0.7, 0.1),
  minP: fc.constantFrom(0, 0.05, 0.5, 1),
  uniform: fc.integer({ min: 0, max: 2 ** 24 - 1 }).map((n) => n / 2 ** 24),
})

it('is the rule’s, whatever the settings', () => {
  const shape = fc.record({
    size: fc.integer({ min: 1, max: 300 }),
    seed: fc.nat(),
    scale: fc.constantFrom(0.5, 4, 30),
    ties: fc.boolean(),
  })
  fc.assert(
    fc.property(shape, settings, ({ size, seed, scale, ties }, rule) => {
      const logits = noise(size, seed).map((x) => (ties ? Math.round(x * scale) : x * scale))
      const expected = drawnId(samplingDistribution(logits, rule), rule.uniform)
      expect(drawToken(logits, { ...greedy, ...rule }).id).toBe(expected)
    }),
    { numRuns: 2000 },
  )
})

it('changes logits as the rule does, by what prompt and answer hold', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 19 }), { maxLength: 30 })
  const rule = fc.record({
    repetitionPenalty: fc.constantFrom(1, 0.8, 1.3),
    presencePenalty: fc.constantFrom(0, 0.6, -1),
    frequencyPenalty: fc.constantFrom(0, 0.4, -0.25),
    logitBias: fc.dictionary(fc.integer({ min: 0, max: 19 }).map(String), fc.constantFrom(-100, -1, 0.5, 5)),
  })
  fc.assert(
    fc.property(fc.nat(), tokens, tokens, rule, (seed, prompt, answer, penalties) => {
      const logits = noise(20, seed).map((x) => 5 * x)
      const { repetitionPenalty: repetition, presencePenalty: presence, frequencyPenalty: frequency, logitBias: bias } = penalties
      const expected = changedLogits(logits, { repetition, presence, frequency, bias }, prompt, answer)
      const sampler = new Sampler({ temperature: 0, ...penalties }, prompt)
      for (const id of answer) sampler.push(id)
      drawToken(logits, sampler.draw())
      // 1 / 1.3 in f32 is the coarsest step.
      for (const [id, logit] of expected.entries()) expect(Math.abs(logits[id] - logit)).toBeLessThan(2e-6 * Math.max(1, Math.abs(logit)))
    }),
    { numRuns: 300 },
  )
})

it('draws what a mask allows and nothing else', () => {
  const logits = noise(70, 5)
  for (const only of [0, 31, 32, 69]) {
    const allowed = new Int32Array(3)
    allowed[only >> 5] |= 1 << (only & 31)
    expect(drawToken(logits.slice(), { ...greedy, allowed }).id).toBe(only)
    expect(drawToken(logits.slice(), { ...greedy, allowed, temperature: 2, uniform: 0.99 }).id).toBe(only)
  }
})

it('tells log probabilities of the model itself, likeliest first', () => {
  const logits = Float32Array.of(1, 3, 2, 3, -40)
  const sum = Math.log([1, 3, 2, 3, -40].reduce((total, x) => total + Math.exp(x), 0))
  const sampler = new Sampler({ temperature: 0.1, topK: 1, logitBias: { 4: 100 }, logprobs: 3 })
  const { id, logprobs } = drawToken(logits, sampler.draw())
  expect(id).toBe(4)
  expect(logprobs?.top.map((entry) => entry.id)).toEqual([1, 3, 2])
  expect(logprobs?.own).toBeCloseTo(-40 - sum, 9)
  expect(logprobs?.top[0].logprob).toBeCloseTo(3 - sum, 9)
})

describe('a seed', () => {
  const logits = noise(50, 3).map((x) => 4 * x)
  const draws = (seed: number) => {
    const sampler = new Sampler({ temperature: 1, seed })
    return Array.from({ length: 30 }, () => drawToken(logits.slice(), sampler.draw()).id)
  }

  it('repeats and differs from others', () => {
    expect(draws(1)).toEqual(draws(1))
    expect(draws(1)).not.toEqual(draws(2))
  })

  it('gives numbers that f32 holds, spread evenly', () => {
    const next = uniforms(9)
    const numbers = Array.from({ length: 20_000 }, next)
    for (const number of numbers) expect(Math.fround(number)).toBe(number)
    const tenths = Array.from({ length: 10 }, (_, i) => numbers.filter((number) => Math.floor(10 * number) === i).length)
    // Five standard deviations of a binomial.
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(1800))
  })
})

it('takes the lowest of equal maxima at temperature 0', () => {
  expect(drawToken(Float32Array.of(1, 3, 3, 2), greedy).id).toBe(1)
})
