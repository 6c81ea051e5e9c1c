// The head, over one segment and over two, of picked rows of the stream, against the f64 reference of norm and head.
import { expect, it } from 'vitest'
import { matmul } from '../reference/matmul.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { largestDifference, noiseRows, openLab, storedMatrix, stream } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { projectLogits } from './project-logits.ts'
import { rowWithSums } from './projection.ts'

const lab = await openLab()

it.each([
  [1, 1, 1, 'thread-1'],
  [2, 2, 1, 'lanes'],
  [3, 3, 1, 'thread-4'],
  [7, 7, 1, 'thread-4'],
  [64, 3, 9, 'lanes'],
  [133, 9, 20, 'thread-4'],
  [7, 5, 1, 'thread-8'],
  [133, 17, 20, 'thread-8'],
  [133, 32, 24, 'staged-64x32'],
] as const)('vocabulary of %i, %i picks, cut after tile %i, %s', async (vocab, picks, cut, variant) => {
  const inputs = 64
  const matrix = storedMatrix('Q8_0', inputs, vocab, 7)
  const tiles = Math.ceil(vocab / 4)
  const choose = (tile: number, lane: number) => (4 * tile + lane < vocab ? { matrix, row: 4 * tile + lane } : null)
  const parts = [await lab.segment(['Q8_0'], inputs, choose, Math.min(cut, tiles))]
  if (cut < tiles) {
    const rest = await lab.segment(['Q8_0'], inputs, (tile, lane) => choose(tile + cut, lane), tiles - cut)
    parts.push({ ...rest, tileBase: cut })
  }
  const h = noiseRows(picks + 2, inputs, 5)
  const gain = noise(inputs, 8)
  const norm = { width: inputs, epsilon: 1e-5, columns: 16 }
  const picked = Array.from({ length: picks }, (_, p) => (p * 3 + 1) % h.length)
  const counts = { rows: h.length, picks }
  const buffers = {
    x: await lab.buffer(stream(h, gain, norm)),
    picks: await lab.buffer(Uint32Array.from(picked)),
    batch: await lab.batch(counts),
    logits: await lab.buffer(picks * vocab),
  }
  await lab.run(
    parts.map((segment) => projectLogits({ segment, variant, workgroup: 8, norm, xStride: rowWithSums(inputs), vocab, ...buffers })),
    counts,
  )
  const normed = picked.map((row) => rmsNorm(h[row], gain, norm.epsilon))
  const expected = matmul(matrix, normed).flatMap((row) => [...row])
  expect(largestDifference(await lab.floats(buffers.logits, picks * vocab), expected)).toBeLessThan(2e-5)
})
