import { expect, it } from 'vitest'
import { argmax, samplingDistribution } from './sampling.ts'

const logits = [0, Math.log(4), Math.log(3), Math.log(2)]

it('takes the lowest id on a tie', () => {
  expect(argmax([1, 7, 7, 3])).toBe(1)
  expect(samplingDistribution([1, 7, 7, 3], { temperature: 0 })).toEqual([{ id: 1, probability: 1 }])
})

it('keeps the likeliest by number, then by sum, and renormalises', () => {
  const of = (rule: { temperature: number; topK?: number; topP?: number }) =>
    samplingDistribution(logits, rule).map(({ id, probability }) => [id, Number(probability.toFixed(12))])
  expect(of({ temperature: 1 })).toEqual([
    [1, 0.4],
    [2, 0.3],
    [3, 0.2],
    [0, 0.1],
  ])
  expect(of({ temperature: 1, topK: 2 })).toEqual([
    [1, Number((4 / 7).toFixed(12))],
    [2, Number((3 / 7).toFixed(12))],
  ])
  expect(of({ temperature: 1, topP: 0.65 })).toEqual(of({ temperature: 1, topK: 2 }))
  expect(of({ temperature: 1, topP: 0.01 })).toEqual([[1, 1]])
  expect(of({ temperature: 0.5 })[0]).toEqual([1, Number((16 / 30).toFixed(12))])
})
