// Every storage format and every tile variant of the projections, through the plainest of them: h += W x, and the next norm's input.
import { describe, expect, it } from 'vitest'
import type { SupportedType } from '../formats/quant.ts'
import { matmul } from '../reference/matmul.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix, stream } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { projectResidual } from './project-residual.ts'
import { columnsOfSum, rowWithSums, stagedVariants, type TileVariant } from './projection.ts'

const lab = await openLab()

async function difference(type: SupportedType, variant: TileVariant, inputs: number, outputs: number, tokens: number): Promise<number> {
  const matrix = storedMatrix(type, inputs, outputs, inputs + outputs)
  const x = noiseRows(tokens, inputs, 5)
  const before = noiseRows(tokens, outputs, 9)
  const tiles = Math.ceil(outputs / 4)
  const segment = await lab.segment(
    [type],
    inputs,
    (tile, lane) => (4 * tile + lane < outputs ? { matrix, row: 4 * tile + lane } : null),
    tiles,
  )
  const hStride = Math.ceil(outputs / 32) * 32
  const h = await lab.buffer(padded(before, outputs))
  const counts = { rows: tokens, picks: 0 }
  const gain = noise(outputs, 21)
  const nextStride = rowWithSums(outputs)
  const next = await lab.buffer(tokens * nextStride)
  const dispatch = projectResidual({
    ...{ segment, variant, workgroup: 8, xStride: segment.blocks * 32, hStride, width: outputs, nextStride },
    ...{ x: await lab.buffer(padded(x, inputs)), batch: await lab.batch(counts), h, gain: await lab.buffer(gain), next },
  })
  await lab.run([dispatch], counts)
  const expected = matmul(matrix, x).map((row, t) => row.map((y, i) => y + before[t][i]))
  const prepared = stream(expected, gain, { width: outputs, epsilon: 0, columns: columnsOfSum(variant, segment.blocks) })
  // A sum of squares is as wrong as its largest terms: judged beside h, in units of its size.
  const scale = Math.max(1, ...prepared.map(Math.abs)) / Math.max(1, ...expected.flatMap((row) => [...row].map(Math.abs)))
  const ofNext = largestDifference(await lab.floats(next, prepared.length), prepared) / scale
  return Math.max(ofNext, largestDifference(await lab.floats(h, tokens * hStride), padded(expected, outputs)))
}

const variants: TileVariant[] = ['thread-1', 'thread-4', 'thread-8', 'lanes']

describe('project-residual', () => {
  // Rounding of a sum of `inputs` products of numbers below 1; a wrong nibble or row is off by 1e-1.
  const bar = (inputs: number) => 4e-7 * inputs
  it.each(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1'] as const)('%s in every tile variant', async (type) => {
    for (const variant of variants) expect(await difference(type, variant, 96, 133, 9)).toBeLessThan(bar(96))
  })

  it.each([
    [32, 1, 1],
    [32, 2, 2],
    [64, 3, 3],
    [2080, 7, 7],
    [96, 64, 133],
  ])('Q4_1, %i → %i, %i tokens', async (inputs, outputs, tokens) => {
    for (const variant of variants) expect(await difference('Q4_1', variant, inputs, outputs, tokens)).toBeLessThan(bar(inputs))
  })

  // Apart from the other variants: a pipeline with barriers in its loop takes SwiftShader a second to compile.
  describe('staged', () => {
    it.each([
      ...(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_1', 'Q5_0'] as const).map((type) => [type, 96] as const),
      ['Q4_K', 256],
      ['Q6_K', 256],
    ] as [SupportedType, number][])('%s', async (type, inputs) => {
      expect(await difference(type, 'staged-32x32', inputs, 133, 9)).toBeLessThan(bar(inputs))
    })

    it.each(stagedVariants)('blocks of every size, %s', async (variant) => {
      expect(await difference('Q4_0', variant, 64, 260, 70)).toBeLessThan(bar(64))
    })

    it.each([
      ['Q4_1', 32, 1, 1],
      ['F32', 7, 7, 33],
      ['F32', 133, 36, 3],
    ] as const)('%s, %i → %i, %i tokens', async (type, inputs, outputs, tokens) => {
      expect(await difference(type, 'staged-64x32', inputs, outputs, tokens)).toBeLessThan(bar(inputs))
    })
  })

  it.each([
    [1, 5],
    [7, 3],
    [133, 2],
  ])('F32 rows of %i weights, no whole block', async (inputs, tokens) => {
    for (const variant of variants) expect(await difference('F32', variant, inputs, 7, tokens)).toBeLessThan(bar(inputs))
  })
})
