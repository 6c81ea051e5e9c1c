// A row of the embedding of every storage format, from the right one of two segments, and the first norm's input beside it.
import { expect, it } from 'vitest'
import { matrixRow } from '../reference/matmul.ts'
import { embed } from './embed.ts'
import { largestDifference, openLab, padded, storedMatrix, stream } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { rowWithSums } from './projection.ts'

const lab = await openLab()
const vocab = 133

it.each([
  ['F32', 7],
  ['F16', 60],
  ['BF16', 133],
  ['Q8_0', 64],
  ['Q4_0', 96],
  ['Q4_1', 32],
  ['Q5_0', 96],
  ['Q5_1', 64],
  ['Q4_K', 256],
  ['Q5_K', 512],
  ['Q6_K', 256],
] as const)('%s, %i wide', async (type, width) => {
  const matrix = storedMatrix(type, width, vocab, 3)
  const tiles = Math.ceil(vocab / 4)
  const choose = (tile: number, lane: number) => (4 * tile + lane < vocab ? { matrix, row: 4 * tile + lane } : null)
  const first = await lab.segment([type], width, choose, 16)
  const second = { ...(await lab.segment([type], width, (tile, lane) => choose(tile + 16, lane), tiles - 16)), tileBase: 16 }
  const tokens = [0, 1, 2, 3, 63, 64, 65, 132]
  const hStride = Math.ceil(width / 32) * 32
  const counts = { rows: tokens.length, picks: 0 }
  const buffers = {
    batch: await lab.batch(counts),
    tokens: await lab.buffer(Uint32Array.from(tokens)),
    h: await lab.buffer(tokens.length * hStride),
  }
  const rows = tokens.map((token) => matrixRow(matrix, token))
  const gain = noise(width, 9)
  for (const columns of [8, 16, 32]) {
    const norm = { width, epsilon: 0, columns }
    const prepared = stream(rows, gain, norm)
    const next = { gain: await lab.buffer(gain), next: await lab.buffer(prepared.length), nextStride: rowWithSums(width) }
    await lab.run(
      [first, second].map((segment) => embed({ segment, hStride, width, columns, ...buffers, ...next })),
      counts,
    )
    expect(largestDifference(await lab.floats(buffers.h, tokens.length * hStride), padded(rows, width))).toBeLessThan(1e-6)
    expect(largestDifference(await lab.floats(next.next, prepared.length), prepared)).toBeLessThan(2e-5)
  }
})
