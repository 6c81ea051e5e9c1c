// The head, over one segment and over two, against the f64 reference.
import { expect, it } from 'vitest'
import { matmul } from '../reference/matmul.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix } from './lab.testing.ts'
import { projectLogits } from './project-logits.ts'

const lab = await openLab()

it.each([
  [1, 1, 1, 'thread-1'],
  [2, 2, 1, 'lanes'],
  [3, 3, 1, 'thread-4'],
  [7, 7, 1, 'thread-4'],
  [64, 3, 9, 'lanes'],
  [133, 9, 20, 'thread-4'],
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
  const x = noiseRows(picks, inputs, 5)
  const counts = { rows: 100, picks }
  const buffers = { x: await lab.buffer(padded(x, inputs)), batch: await lab.batch(counts), logits: await lab.buffer(picks * vocab) }
  await lab.run(
    parts.map((segment) => projectLogits({ segment, variant, workgroup: 8, xStride: inputs, vocab, ...buffers })),
    counts,
  )
  const expected = matmul(matrix, x).flatMap((row) => [...row])
  expect(largestDifference(await lab.floats(buffers.logits, picks * vocab), expected)).toBeLessThan(2e-5)
})
