// Draws against the distribution that reference/sampling.ts states, and the promise that a seed repeats.
import { expect, it } from 'vitest'
import { noise } from '../kernels/noise.testing.ts'
import { samplingDistribution } from '../reference/sampling.ts'
import { Sampler } from './sampler.ts'

const logits = noise(50, 3).map((x) => 4 * x)

it.each([
  { temperature: 1 },
  { temperature: 0.5 },
  { temperature: 2, topK: 5 },
  { temperature: 1, topP: 0.7 },
  { temperature: 0.8, topK: 10, topP: 0.9 },
  { temperature: 0.01 },
])('%o', (rule) => {
  const expected = new Map(samplingDistribution(logits, rule).map(({ id, probability }) => [id, probability]))
  const sampler = new Sampler({ ...rule, seed: 7 })
  const draws = 20000
  const seen = new Map<number, number>()
  for (let i = 0; i < draws; i++) {
    const id = sampler.draw(logits)
    seen.set(id, (seen.get(id) ?? 0) + 1)
  }
  for (const id of seen.keys()) expect(expected.has(id)).toBe(true)
  // Five standard deviations of a binomial.
  for (const [id, p] of expected) {
    expect(Math.abs((seen.get(id) ?? 0) - draws * p)).toBeLessThan(5 * Math.sqrt(draws * p * (1 - p)) + 1)
  }
})

it('repeats a seed and differs between seeds', () => {
  const draw = (seed: number) => {
    const sampler = new Sampler({ temperature: 1, seed })
    return Array.from({ length: 30 }, () => sampler.draw(logits))
  }
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
})

it('takes the lowest of equal maxima at temperature 0', () => {
  expect(new Sampler({ temperature: 0 }).draw(Float32Array.of(1, 3, 3, 2))).toBe(1)
})
