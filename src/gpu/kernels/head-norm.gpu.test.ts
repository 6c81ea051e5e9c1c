// The norm over each head of q and k, then RoPE, in place, against the f64 reference; v stays as it is.
import { expect, it } from 'vitest'
import { ropeTable } from '../model/rope-table.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { rope } from '../reference/rope.ts'
import { headNorm } from './head-norm.ts'
import { largestDifference, noiseRows, openLab } from './lab.testing.ts'
import { noise } from './noise.testing.ts'

const lab = await openLab()

it.each([
  [1, 1, 4, 1],
  [5, 1, 12, 2],
  [8, 2, 32, 7],
  [9, 3, 64, 3],
])('%i heads on %i of %i, %i rows', async (heads, kvHeads, headDim, rows) => {
  const positions = Array.from({ length: rows }, (_, t) => (t * 37 + 3) % 133)
  const places = Array.from({ length: rows }, (_, t) => rows - 1 - t)
  const q = noiseRows(rows, heads * headDim, 3)
  const kv = noiseRows(rows, 2 * kvHeads * headDim, 5)
  const gains = noise(2 * headDim, 7)
  const counts = { rows, picks: 0 }
  const buffers = {
    batch: await lab.batch(counts),
    rows: await lab.buffer(Uint32Array.from(positions.flatMap((position, t) => [position, places[t], 0, 0]))),
    rope: await lab.buffer(ropeTable(133, headDim, 10000, null)),
    gains: await lab.buffer(gains),
    q: await lab.buffer(Float32Array.from(q.flatMap((row) => [...row]))),
    kv: await lab.buffer(Float32Array.from(kv.flatMap((row) => [...row]))),
  }
  await lab.run([headNorm({ ...buffers, precision: 'f32', heads, kvHeads, headDim, epsilon: 1e-6 })], counts)

  const turned = (row: Float64Array, gain: ArrayLike<number>, position: number) => {
    const out = new Float64Array(row.length)
    const g = Float64Array.from(gain)
    for (let at = 0; at < row.length; at += headDim) out.set(rmsNorm(row.slice(at, at + headDim), g, 1e-6), at)
    return rope(out, position, headDim, headDim, 10000)
  }
  const expectedQ = q.flatMap((row, t) => [...turned(Float64Array.from(row), gains.subarray(0, headDim), positions[t])])
  const expectedKv = kv.map((row) => [...row])
  positions.forEach((position, t) => {
    const keys = Float64Array.from(kv[places[t]].slice(0, kvHeads * headDim))
    expectedKv[places[t]].splice(0, keys.length, ...turned(keys, gains.subarray(headDim), position))
  })
  expect(largestDifference(await lab.floats(buffers.q, expectedQ.length), expectedQ)).toBeLessThan(2e-5)
  expect(largestDifference(await lab.floats(buffers.kv, expectedKv.flat().length), expectedKv.flat())).toBeLessThan(2e-5)
})
