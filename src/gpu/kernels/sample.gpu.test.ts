// The device's draw against the CPU's: the same token for the same number, whatever the settings. Where the number falls so
// near an edge between two tokens that f32 sums may differ, either is right; those are counted, and must be few.
import { expect, it } from 'vitest'
import { type Draw, drawToken, greedy } from '../model/draw.ts'
import { Sampler } from '../model/sampler.ts'
import { uniforms } from '../model/uniform.ts'
import { drawInterval, samplingDistribution } from '../reference/sampling.ts'
import { largestDifference, openLab } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { editsOf, penalise } from './penalise.ts'
import { drawRows, rowWords, sample } from './sample.ts'

const lab = await openLab()
const rowsMost = 32

/** Every row's draw on the device. */
async function drawn(logits: Float32Array[], draws: Draw[]): Promise<number[]> {
  const vocab = logits[0].length
  const words = Math.ceil(vocab / 32)
  const allowed = new Uint32Array(draws.length * words)
  for (const [i, draw] of draws.entries()) if (draw.allowed !== null) allowed.set(new Uint32Array(draw.allowed.buffer), i * words)
  const buffers = {
    logits: await lab.buffer(Float32Array.from(logits.flatMap((row) => [...row]))),
    settings: await lab.buffer(drawRows(draws)),
    allowed: await lab.buffer(allowed),
    chosen: await lab.buffer(draws.length),
    tokens: await lab.buffer(draws.length),
  }
  await lab.run([sample({ ...buffers, vocab })], { rows: 99, picks: draws.length })
  const ids = [...(await lab.words(buffers.chosen, draws.length))]
  expect([...(await lab.words(buffers.tokens, draws.length))]).toEqual(ids)
  return ids
}

const temperatures = [0, 0.3, 0.8, 1, 1.6]
const ks = [0, 1, 7, 40]
const ps = [1, 0.95, 0.6, 0.05]
const ms = [0, 0.05, 0.4]
const next = uniforms(11)
const pickOf = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
const anyDraw = (): Draw => ({
  ...greedy,
  temperature: pickOf(temperatures),
  topK: pickOf(ks),
  topP: pickOf(ps),
  minP: pickOf(ms),
  uniform: next(),
})

it.each([
  [1, 1],
  [2, 1],
  [3, 1],
  [7, 2],
  [64, 2],
  [133, 4],
  [1000, 12],
  [4097, 4],
])('of a vocabulary of %i is the CPU’s', async (vocab, rounds) => {
  let differ = 0
  for (let round = 0; round < rounds; round++) {
    const draws = Array.from({ length: rowsMost }, anyDraw)
    const logits = draws.map((_, row) => noise(vocab, 1000 * round + row).map((x) => (row % 4 === 0 ? Math.round(4 * x) : (1 + row) * x)))
    const ids = await drawn(logits, draws)
    draws.forEach((draw, row) => {
      const expected = drawToken(logits[row].slice(), draw).id
      if (ids[row] === expected) return
      differ++
      const interval = drawInterval(samplingDistribution(logits[row], draw), ids[row])
      expect(interval, `row ${row} of ${JSON.stringify(draw)}: ${ids[row]}, not ${expected}`).not.toBe(null)
      expect(Math.min(Math.abs(draw.uniform - interval![0]), Math.abs(draw.uniform - interval![1]))).toBeLessThan(2e-5)
    })
  }
  expect(differ).toBeLessThanOrEqual((rounds * rowsMost) / 100)
})

it('draws by temperature alone as often as the rule says', async () => {
  const vocab = 40
  const logits = noise(vocab, 3).map((x) => 3 * x)
  const expected = samplingDistribution(logits, { temperature: 1, topP: 0.9 })
  const seen = new Map<number, number>()
  const count = 960
  for (let done = 0; done < count; done += rowsMost) {
    const draws = Array.from({ length: Math.min(rowsMost, count - done) }, () => ({
      ...greedy,
      temperature: 1,
      topP: 0.9,
      uniform: next(),
    }))
    for (const id of await drawn(
      draws.map(() => logits),
      draws,
    ))
      seen.set(id, (seen.get(id) ?? 0) + 1)
  }
  for (const id of seen.keys()) expect(expected.map((entry) => entry.id)).toContain(id)
  // Five standard deviations of a binomial.
  for (const { id, probability: p } of expected) {
    expect(Math.abs((seen.get(id) ?? 0) - count * p)).toBeLessThan(5 * Math.sqrt(count * p * (1 - p)) + 1)
  }
})

it('draws what a row’s mask allows, beside rows without one', async () => {
  const logits = [1, 2, 3].map((seed) => noise(100, seed))
  const allowed = new Int32Array(4)
  for (const id of [5, 33, 98]) allowed[id >> 5] |= 1 << (id & 31)
  const draws = [greedy, { ...greedy, allowed }, { ...greedy, allowed, temperature: 1, uniform: 0.5 }]
  expect(await drawn(logits, draws)).toEqual(draws.map((draw, i) => drawToken(logits[i].slice(), draw).id))
})

it('never draws NaN', async () => {
  const holed = noise(133, 8).map((x, i) => (i % 3 === 0 ? Number.NaN : 9 * x))
  const draws = Array.from({ length: rowsMost }, () => ({ ...anyDraw(), temperature: 1 }))
  for (const id of await drawn(
    draws.map(() => holed),
    draws,
  ))
    expect(id % 3).not.toBe(0)
})

it('after penalties, which change the named logits of each row as the CPU does', async () => {
  const vocab = 300
  const samplers = [
    new Sampler({ temperature: 1, seed: 1, repetitionPenalty: 1.3 }, [1, 2, 3, 250]),
    new Sampler({ temperature: 1, seed: 2 }),
    new Sampler({ temperature: 1, seed: 3, presencePenalty: 0.7, frequencyPenalty: 0.4, logitBias: { 7: 3, 299: -100 } }, [9]),
  ]
  for (const sampler of samplers) for (const id of [4, 4, 7, 150]) sampler.push(id)
  const draws = samplers.map((sampler) => sampler.draw())
  const rows = draws.map((_, i) => noise(vocab, 40 + i).map((x) => 6 * x))
  const list = editsOf(draws)
  const logits = await lab.buffer(Float32Array.from(rows.flatMap((row) => [...row])))
  const settings = await lab.buffer(drawRows(draws))
  const count = await lab.uniform(new Uint32Array([list.length / 4, 0, 0, 0]))
  const work = penalise({ edits: await lab.buffer(list), settings, count, logits, vocab }, () => list.length / 4)
  await lab.run([work], { rows: 9, picks: draws.length })
  const changed = await lab.floats(logits, draws.length * vocab)
  for (const [i, row] of rows.entries()) drawToken(row, draws[i])
  expect(
    largestDifference(
      changed,
      rows.flatMap((row) => [...row]),
    ),
  ).toBeLessThan(1e-5)
  expect(drawRows(draws)).toHaveLength(3 * rowWords)
})
