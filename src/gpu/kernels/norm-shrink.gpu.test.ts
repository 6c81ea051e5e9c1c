// Where an adapter changes o: its shrink beside o's tiles, its delta, the norm and the shrink of gate and up, each row under its own
// face or none, at awkward widths, against the f64 halves. lora-shrink, which needs no delta before it, gives the same z.
import { expect, it } from 'vitest'
import { halvesOf } from '../formats/half.ts'
import { floatDelta, type LoraDelta, type LoraModule } from '../formats/peft.ts'
import { zRecord } from '../lora/face.ts'
import { loraDelta, loraShrink as reference } from '../reference/lora.ts'
import { matmul } from '../reference/matmul.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix, stream } from './lab.testing.ts'
import { placeFaces } from './lora-lab.testing.ts'
import { loraShrink, wholeZ } from './lora-shrink.ts'
import { noise } from './noise.testing.ts'
import { normShrink } from './norm-shrink.ts'
import { projectResidual } from './project-residual.ts'
import { columnsOfSum, rowWithSums, sharedRows, sharesOf, tokensOf, zParts } from './projection.ts'

const lab = await openLab()
const inputs = 36
const slots = [1, 0, 2, 1, 2, 2, 2, 2, 1]
const tokens = slots.length
const zWords = 4 * sharedRows * zParts * zRecord

it.each([
  [1, 1, 'f32'],
  [2, 2, 'f16'],
  [3, 3, 'f16'],
  [7, 9, 'f32'],
  [64, 4, 'f32'],
  [133, 8, 'f16'],
  [96, 70, 'f16'],
] as const)('%i wide, rank %i, adapters in %s', async (width, rank, precision) => {
  const rowsOfH = noiseRows(tokens, width, 3)
  const rowsOfO = noiseRows(tokens, inputs, 4)
  const gain = noise(width, 8)
  // Layer 1 of 2: o, then gate and up. Slot 1: one adapter. Slot 2: it and another of other ranks, weighted, beside a third.
  const shape = { layers: 2, hidden: width, ffn: 6, heads: 9, kvHeads: 1, headDim: 4 }
  const stored = (numbers: Float32Array<ArrayBuffer>) => (precision === 'f16' ? halvesOf(numbers) : numbers)
  const delta = (module: LoraModule, ofRank: number, seed: number): LoraDelta => {
    const [from, to] = module === 'o_proj' ? [inputs, width] : [width, 6]
    return {
      ...{ layer: 1, module, rank: ofRank, scale: 0.5 + (seed % 3) },
      ...{ A: stored(noise(ofRank * from, seed)), B: stored(noise(ofRank * to, seed + 1)) },
    }
  }
  const first = [delta('o_proj', rank, 22), delta('gate_proj', rank, 20), delta('up_proj', rank, 21)]
  const second = [delta('gate_proj', 1, 30), delta('up_proj', 5, 31)]
  const third = [delta('o_proj', 18, 41), delta('up_proj', 17, 40)]
  const faces: { deltas: LoraDelta[]; weight?: number }[][] = [
    [{ deltas: first }],
    [{ deltas: first }, { deltas: second, weight: 0.25 }, { deltas: third }],
  ]
  const pools = await placeFaces(lab, shape, precision, faces)
  const under = (slot: number, module: LoraModule) =>
    (slot === 0 ? [] : faces[slot - 1]).flatMap(({ deltas, weight = 1 }) =>
      deltas.filter((one) => one.module === module).map((one) => ({ one: floatDelta(one), weight })),
    )
  const counts = { rows: tokens, picks: 0 }
  const rows = await lab.buffer(Uint32Array.from(slots.flatMap((slot) => [0, 0, slot, 0])))
  const batch = await lab.batch(counts)
  const nextStride = rowWithSums(width)
  const shared = { ...pools, rows, layers: 2, record: zRecord }
  const uniform = async (words: number[]) => ({ buffer: await lab.uniform(new Uint32Array(words)), offset: 0, size: 256 })
  const before = await uniform([1, 3, 1, inputs / 4, 0])
  const site = await uniform([1, 4, 2, Math.ceil(width / 4), nextStride / 4])
  const matrix = storedMatrix('F32', inputs, width, 6)
  const choose = (tile: number, lane: number) => (4 * tile + lane < width ? { matrix, row: 4 * tile + lane } : null)
  const segment = await lab.segment(['F32'], inputs, choose, Math.ceil(width / 4))

  const deltas = slots.map((slot, t) =>
    under(slot, 'o_proj').reduce((sum, { one, weight }) => {
      const change = loraDelta(one, rowsOfO[t])
      return sum.map((y, i) => y + weight * change[i])
    }, new Float64Array(width)),
  )
  const h = matmul(matrix, rowsOfO).map((row, t) => row.map((y, i) => y + rowsOfH[t][i] + deltas[t][i]))
  const normed = h.map((row) => rmsNorm(row, gain, 1e-5))
  const size = Math.max(1, ...h.flatMap((row) => [...row].map(Math.abs)))
  const factors = h.map((row) => 1 / Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0) / width + 1e-5))
  const check = async (z: GPUBuffer, shares: number) => {
    const words = await lab.words(z, zWords)
    slots.forEach((slot, t) => {
      for (const [part, module] of (['gate_proj', 'up_proj'] as const).entries()) {
        const expected = under(slot, module)
        const at = (t * zParts + part) * zRecord
        expect(words[at]).toBe(expected.length)
        expect(expected.map((_, s) => words[at + 3 + 2 * s])).toEqual(expected.map(({ one }) => one.rank))
        const z = expected.flatMap(({ one, weight }) => [...reference(one, normed[t])].map((value) => value * one.scale * weight))
        const got = wholeZ(words, at + 2 + 2 * expected.length, z.length, zRecord, shares, factors[t])
        expect(largestDifference(got, z)).toBeLessThan(1e-4)
      }
    })
  }

  for (const [variant, threads] of [
    ['thread-1', 4],
    ['thread-4', 4],
    ['thread-8', 4],
    ['lanes', 128],
    // One width: a pipeline with barriers in its loop takes SwiftShader a second to compile.
    ...(width === 133 ? ([['staged-32x32', 128]] as const) : []),
  ] as const) {
    const norm = { width, epsilon: 1e-5, columns: columnsOfSum(variant, segment.blocks) }
    const z = await lab.buffer(zWords)
    const shares = sharesOf(variant)
    const hStride = Math.ceil(width / 32) * 32
    const buffers = {
      h: await lab.buffer(padded(rowsOfH, width)),
      next: await lab.buffer(tokens * nextStride),
      gain: await lab.buffer(gain),
    }
    const residual = { ...buffers, hStride, nextStride, width, x: await lab.buffer(padded(rowsOfO, inputs)), xStride: 64, batch }
    await lab.run(
      [
        projectResidual({ ...residual, segment, variant, workgroup: 8, shrink: { ...shared, z, site: before, gained: false } }),
        normShrink({ ...shared, ...buffers, hStride, nextStride, z, site, norm, parts: 2, shares, threads }),
      ],
      counts,
    )
    expect(largestDifference(await lab.floats(buffers.h, tokens * hStride), padded(h, width)) / size).toBeLessThan(2e-6)
    const prepared = stream(h, gain, norm)
    const got = await lab.floats(buffers.next, prepared.length)
    expect(largestDifference(got, prepared) / size ** 2).toBeLessThan(2e-6 * 32)
    await check(z, shares)
    const [alone, x] = [await lab.buffer(zWords), await lab.buffer(prepared)]
    const together = tokensOf(variant) === 1 ? 1 : 4
    await lab.run([loraShrink({ ...shared, x, z: alone, site, parts: 2, norm, together, batch, shares })], counts)
    await check(alone, shares)
  }
})
