// The fused kernel against its two halves in f64, each row under its own adapter or none, at awkward widths.
import { expect, it } from 'vitest'
import { loraShrink as reference } from '../reference/lora.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { largestDifference, noiseRows, openLab, padded } from './lab.testing.ts'
import { loraShrink } from './lora-shrink.ts'
import { noise } from './noise.testing.ts'
import { normShrink } from './norm-shrink.ts'

const lab = await openLab()
const record = 12
const maxRank = 9

it.each([
  [1, 1],
  [2, 2],
  [3, 3],
  [7, 9],
  [64, 4],
  [133, 8],
])('%i wide, rank %i', async (width, rank) => {
  const stride = Math.ceil(width / 32) * 32
  const rows = noiseRows(4, width, 3)
  const gain = noise(width, 8)
  const vecs = Math.ceil(width / 4)
  const deltas = [0, 1].map((part) => ({ rank, scale: 1.5 - part, A: noise(rank * width, 20 + part), B: new Float32Array(rank) }))
  const poolA = deltas
    .flatMap(({ A }) =>
      Array.from({ length: rank }, (_, r) => [...A.slice(r * width, (r + 1) * width), ...new Array(vecs * 4 - width).fill(0)]),
    )
    .flat()
  const scale = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]
  // Two layers, modules 4 and 5 of the second; slot 0 empty.
  const table = new Uint32Array(2 * 2 * 7 * 4)
  deltas.forEach((delta, part) => {
    table.set([part * rank * vecs, 5 + part, rank, scale(delta.scale)], ((1 * 2 + 1) * 7 + 4 + part) * 4)
  })
  const slots = [1, 0, 1, 1]
  const counts = { rows: 4, picks: 0 }
  const shared = {
    rows: await lab.buffer(Uint32Array.from(slots.flatMap((slot) => [0, 0, slot, 0]))),
    table: await lab.buffer(table),
    a: await lab.buffer(Float32Array.from(poolA)),
    site: { buffer: await lab.uniform(new Uint32Array([1, 4, 2, vecs, stride / 4])), offset: 0, size: 256 },
    ...{ parts: 2, layers: 2, record, maxRank },
  }
  const norm = { h: await lab.buffer(padded(rows, width)), hStride: stride, gain: await lab.buffer(gain), width, epsilon: 1e-5 }
  const normed = rows.map((row) => rmsNorm(row, gain, 1e-5))
  const check = async (z: GPUBuffer) => {
    const words = await lab.words(z, 4 * 2 * record)
    slots.forEach((slot, t) => {
      deltas.forEach((delta, part) => {
        const got = words.slice((t * 2 + part) * record, (t * 2 + part + 1) * record)
        expect([...got.slice(0, 2)]).toEqual(slot === 0 ? [0, 0] : [5 + part, rank])
        if (slot === 0) return
        const expected = reference(delta, normed[t]).map((value) => value * delta.scale)
        expect(largestDifference(new Float32Array(got.buffer, 8, rank), expected)).toBeLessThan(4e-5)
      })
    })
  }
  for (const threads of [4, 64] as const) {
    const [x, z] = [await lab.buffer(new Float32Array(4 * stride).fill(Number.NaN)), await lab.buffer(4 * 2 * record)]
    await lab.run([normShrink({ ...shared, ...norm, x, z, threads })], counts)
    expect(largestDifference(await lab.floats(x, 4 * stride), padded(normed, width))).toBeLessThan(1e-6)
    await check(z)
  }
  const [x, z] = [await lab.buffer(padded(normed, width)), await lab.buffer(4 * 2 * record)]
  await lab.run([loraShrink({ ...shared, x, z })], counts)
  await check(z)
})
