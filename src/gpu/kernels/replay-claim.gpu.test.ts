// The device's finding about a claimed token against the rule's: never more is accepted, next to never less of what was drawn.
import { expect, it } from 'vitest'
import { type Draw, greedy } from '../model/draw.ts'
import { uniforms } from '../model/uniform.ts'
import { drawnId, samplingDistribution } from '../reference/sampling.ts'
import { f32Tolerance, judgeToken, type TokenFinding } from '../replay-rule.ts'
import { openLab } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { claimRows, foundWords, readFound, replayClaim } from './replay-claim.ts'
import { drawRows } from './sample.ts'

const lab = await openLab()
const rowsMost = 32

interface Claimed {
  id: number
  draw: Draw
}

async function found(rows: Float32Array[], claims: Claimed[]): Promise<TokenFinding[]> {
  const vocab = rows[0].length
  const ids = claims.map(({ id, draw: { temperature, topP } }) => ({ id, temperature, topP }))
  const buffers = {
    logits: await lab.buffer(Float32Array.from(rows.flatMap((row) => [...row]))),
    settings: await lab.buffer(drawRows(claims.map(({ draw }) => draw))),
    claims: await lab.buffer(claimRows(ids, f32Tolerance)),
    found: await lab.buffer(claims.length * foundWords),
  }
  await lab.run([replayClaim({ ...buffers, vocab })], { rows: 99, picks: claims.length })
  const words = await lab.floats(buffers.found, claims.length * foundWords)
  return claims.map(({ draw }, i) => readFound(words.subarray(i * foundWords, (i + 1) * foundWords), draw, f32Tolerance))
}

const next = uniforms(17)
const pickOf = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
const anyDraw = (): Draw => ({
  ...greedy,
  temperature: pickOf([0, 0.05, 0.4, 0.8, 1, 1.6]),
  topK: pickOf([0, 1, 7, 40]),
  topP: pickOf([1, 0.95, 0.6, 0.05]),
  minP: pickOf([0, 0.05, 0.4]),
  uniform: next(),
})
/** Every fourth row full of ties. */
const rowsOf = (vocab: number, seed: number) =>
  Array.from({ length: rowsMost }, (_, row) =>
    noise(vocab, 1000 * seed + row).map((x) => (row % 4 === 0 ? Math.round(4 * x) : (1 + row / 3) * x)),
  )

it.each([
  [1, 1],
  [2, 1],
  [7, 2],
  [133, 4],
  [1000, 6],
  [4097, 3],
])('of a vocabulary of %i, accepts what was drawn and nothing that the rule refuses', async (vocab, rounds) => {
  let doubtful = 0
  for (let round = 0; round < rounds; round++) {
    const rows = rowsOf(vocab, round)
    const draws = rows.map(anyDraw)
    const drawn = draws.map((draw, i) => ({ id: drawnId(samplingDistribution(rows[i], draw), draw.uniform), draw }))
    // Another token, another number, and logits that are off by the tolerance.
    const other = drawn.map(({ id, draw }, i) => ({ id: i % 2 === 0 ? (id + 1) % vocab : id, draw: { ...draw, uniform: next() } }))
    for (const claims of [drawn, other]) {
      const got = await found(rows, claims)
      claims.forEach(({ id, draw }, i) => {
        const rule = judgeToken(rows[i], { id, uniform: draw.uniform }, draw, f32Tolerance)
        const where = `row ${i} of ${JSON.stringify(draw)}`
        expect(got[i].rank, where).toBe(rule.rank)
        expect(Math.abs(got[i].gap - rule.gap), where).toBeLessThanOrEqual(2e-6 * Math.max(1, rule.gap))
        if (got[i].fits) expect(rule.fits, where).toBe(true)
        if (draw.temperature === 0) expect(got[i].fits, where).toBe(rule.fits)
        if (claims === drawn && !got[i].fits) doubtful++
        const { interval } = got[i]
        if (interval === null) return
        expect(interval[0], where).toBeGreaterThanOrEqual(rule.interval![0])
        expect(interval[1], where).toBeLessThanOrEqual(rule.interval![1])
      })
    }
  }
  // Where the number falls within rounding of the interval's end, the logits are read.
  expect(doubtful).toBeLessThanOrEqual(Math.floor((rounds * rowsMost) / 100))
})

it('finds the rule’s interval but for what it leaves to it', async () => {
  const vocab = 1000
  const rows = rowsOf(vocab, 77)
  const claims = rows.map((row) => {
    const draw = { ...greedy, temperature: 0.9, topK: 60, topP: 0.8, minP: 0.02, uniform: next() }
    return { id: drawnId(samplingDistribution(row, draw), draw.uniform), draw }
  })
  const got = await found(rows, claims)
  claims.forEach(({ id, draw }, i) => {
    const { interval } = judgeToken(rows[i], { id, uniform: draw.uniform }, draw, { ...f32Tolerance, logit: 0.97 * f32Tolerance.logit })
    // A slightly smaller tolerance's interval lies inside, unless a value falls between the two cuts.
    if (interval === null) return
    expect(got[i].interval![0]).toBeLessThanOrEqual(interval[0] + 2 * f32Tolerance.mass + 1e-5)
    expect(got[i].interval![1]).toBeGreaterThanOrEqual(interval[1] - 2 * f32Tolerance.mass - 1e-5)
  })
})
