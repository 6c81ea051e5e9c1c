// The fused kernel against its two halves in f64, each row under its own face or none, at awkward widths.
import { expect, it } from 'vitest'
import type { LoraDelta, LoraModule } from '../formats/peft.ts'
import { zRecord } from '../lora/face.ts'
import { loraShrink as reference } from '../reference/lora.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { largestDifference, noiseRows, openLab, padded } from './lab.testing.ts'
import { placeFaces } from './lora-lab.testing.ts'
import { loraShrink } from './lora-shrink.ts'
import { noise } from './noise.testing.ts'
import { normShrink } from './norm-shrink.ts'

const lab = await openLab()

it.each([
  [1, 1],
  [2, 2],
  [3, 3],
  [7, 9],
  [64, 4],
  [133, 8],
  [96, 70],
])('%i wide, rank %i', async (width, rank) => {
  const stride = Math.ceil(width / 32) * 32
  const rows = noiseRows(9, width, 3)
  const gain = noise(width, 8)
  const vecs = Math.ceil(width / 4)
  // Layer 1 of 2, gate and up. Slot 1: one adapter. Slot 2: it and another of other ranks, weighted, beside a third on up alone.
  const shape = { layers: 2, hidden: width, ffn: 6, heads: 1, kvHeads: 1, headDim: 4 }
  const delta = (module: LoraModule, ofRank: number, seed: number) => ({
    ...{ layer: 1, module, rank: ofRank, scale: 0.5 + (seed % 3) },
    ...{ A: noise(ofRank * width, seed), B: noise(ofRank * 6, seed + 1) },
  })
  const first = [delta('gate_proj', rank, 20), delta('up_proj', rank, 21)]
  const second = [delta('gate_proj', 1, 30), delta('up_proj', 5, 31)]
  const third = [delta('up_proj', 17, 40)]
  const faces = [[{ deltas: first }], [{ deltas: first }, { deltas: second, weight: 0.25 }, { deltas: third }]]
  const pools = await placeFaces(lab, shape, faces)
  const slots = [1, 0, 2, 1, 2, 2, 2, 2, 1]
  const counts = { rows: 9, picks: 0 }
  const shared = {
    rows: await lab.buffer(Uint32Array.from(slots.flatMap((slot) => [0, 0, slot, 0]))),
    ...{ table: pools.table, a: pools.a, parts: 2, layers: 2, record: zRecord },
    site: { buffer: await lab.uniform(new Uint32Array([1, 4, 2, vecs, stride / 4])), offset: 0, size: 256 },
  }
  const norm = { h: await lab.buffer(padded(rows, width)), hStride: stride, gain: await lab.buffer(gain), width, epsilon: 1e-5 }
  const normed = rows.map((row) => rmsNorm(row, gain, 1e-5))
  const check = async (z: GPUBuffer) => {
    const words = await lab.words(z, 9 * 2 * zRecord)
    slots.forEach((slot, t) => {
      for (const [part, module] of (['gate_proj', 'up_proj'] as const).entries()) {
        const members = slot === 0 ? [] : faces[slot - 1]
        const expected = members.flatMap(({ deltas, weight = 1 }: { deltas: LoraDelta[]; weight?: number }) =>
          deltas.filter((one) => one.module === module).map((one) => ({ one, weight })),
        )
        const at = (t * 2 + part) * zRecord
        expect(words[at]).toBe(expected.length)
        expect(expected.map((_, s) => words[at + 3 + 2 * s])).toEqual(expected.map(({ one }) => one.rank))
        const z = expected.flatMap(({ one, weight }) => [...reference(one, normed[t])].map((value) => value * one.scale * weight))
        const from = 4 * (at + 2 + 2 * expected.length)
        expect(largestDifference(new Float32Array(words.buffer, from, z.length), z)).toBeLessThan(1e-4)
      }
    })
  }
  for (const threads of [4, 64] as const) {
    const [x, z] = [await lab.buffer(new Float32Array(9 * stride).fill(Number.NaN)), await lab.buffer(9 * 2 * zRecord)]
    await lab.run([normShrink({ ...shared, ...norm, x, z, threads })], counts)
    expect(largestDifference(await lab.floats(x, 9 * stride), padded(normed, width))).toBeLessThan(1e-6)
    await check(z)
  }
  for (const together of [1, 4] as const) {
    const [x, z] = [await lab.buffer(padded(normed, width)), await lab.buffer(9 * 2 * zRecord)]
    await lab.run([loraShrink({ ...shared, x, z, together, batch: await lab.batch(counts) })], counts)
    await check(z)
  }
})
