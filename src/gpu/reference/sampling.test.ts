import { expect, it } from 'vitest'
import { argmax, changedLogits, drawInterval, drawnId, type SamplingRule, samplingDistribution } from './sampling.ts'

const logits = [0, Math.log(4), Math.log(3), Math.log(2)]
const of = (rule: SamplingRule, from: number[] = logits) =>
  samplingDistribution(from, rule).map(({ id, probability }) => [id, Number(probability.toFixed(12))])
const share = (over: number, under: number) => Number((over / under).toFixed(12))

it('takes the lowest id on a tie', () => {
  expect(argmax([1, 7, 7, 3])).toBe(1)
  expect(samplingDistribution([1, 7, 7, 3], { temperature: 0 })).toEqual([{ id: 1, probability: 1 }])
})

it('keeps the likeliest by number, then by sum, then by share of the likeliest, and renormalises', () => {
  expect(of({ temperature: 1 })).toEqual([
    [1, 0.4],
    [2, 0.3],
    [3, 0.2],
    [0, 0.1],
  ])
  expect(of({ temperature: 1, topK: 2 })).toEqual([
    [1, share(4, 7)],
    [2, share(3, 7)],
  ])
  expect(of({ temperature: 1, topP: 0.65 })).toEqual(of({ temperature: 1, topK: 2 }))
  expect(of({ temperature: 1, topP: 0.01 })).toEqual([[1, 1]])
  expect(of({ temperature: 0.5 })[0]).toEqual([1, share(16, 30)])
  expect(of({ temperature: 1, minP: 0.7 })).toEqual(of({ temperature: 1, topK: 2 }))
  // 0.5 of the likeliest holds at temperature 1, and no longer at 0.5, where it is a quarter.
  expect(of({ temperature: 1, minP: 0.4 })).toHaveLength(3)
  expect(of({ temperature: 0.5, minP: 0.4 })).toHaveLength(2)
})

it('lets equals stand or fall together', () => {
  expect(of({ temperature: 1, topK: 2 }, [3, 5, 3, 3, 1]).map(([id]) => id)).toEqual([1, 0, 2, 3])
  expect(of({ temperature: 1, topP: 0.3 }, [2, 2, 2, 2])).toHaveLength(4)
})

it('never draws what is forbidden', () => {
  expect(of({ temperature: 1 }, [1, Number.NEGATIVE_INFINITY, 1])).toEqual([
    [0, 0.5],
    [2, 0.5],
  ])
})

it('changes logits by bias, then repetition over all, then presence and frequency over the answer', () => {
  const rule = { bias: { 0: -3, 3: 1 }, repetition: 2, presence: 0.5, frequency: 0.25 }
  expect(changedLogits([1, 4, 6, 7], rule, [0, 1], [2, 2])).toEqual([(1 - 3) * 2, 2, 3 - 0.5 - 0.5, 8])
  expect(changedLogits([1, 2], {}, [0], [1])).toEqual([1, 2])
})

it('lays the intervals of the kept ids side by side, in the order of ids', () => {
  const kept = samplingDistribution(logits, { temperature: 1, topK: 3 })
  expect(drawInterval(kept, 0)).toBe(null)
  const [one, two, three] = [1, 2, 3].map((id) => drawInterval(kept, id)!)
  expect(one[0]).toBe(0)
  expect(one[1]).toBeCloseTo(4 / 9, 12)
  expect(two[0]).toBe(one[1])
  expect(three[1]).toBeCloseTo(1, 12)
  expect([0, 0.44, 0.45, 0.77, 0.78, 0.999999].map((uniform) => drawnId(kept, uniform))).toEqual([1, 1, 2, 2, 3, 3])
})
