// Norm, gate and up in one pass against the f64 reference, at even and odd widths.
import { expect, it } from 'vitest'
import { matmul } from '../reference/matmul.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { swiglu } from '../reference/swiglu.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix, stream } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { projectSwiglu } from './project-swiglu.ts'
import { rowWithSums } from './projection.ts'

const lab = await openLab()

it.each([
  [1, 1, 'thread-1'],
  [2, 2, 'thread-4'],
  [3, 3, 'lanes'],
  [7, 7, 'thread-4'],
  [64, 1, 'lanes'],
  [133, 9, 'thread-4'],
  [133, 13, 'thread-8'],
  [133, 34, 'staged-32x32'],
] as const)('%i wide, %i tokens, %s', async (ffn, tokens, variant) => {
  const inputs = 64
  const [gate, up] = [storedMatrix('Q4_1', inputs, ffn, 3), storedMatrix('Q4_1', inputs, ffn, 4)]
  const h = noiseRows(tokens, inputs, 5)
  const gain = noise(inputs, 8)
  const norm = { width: inputs, epsilon: 1e-5, columns: 32 }
  const x = h.map((row) => rmsNorm(row, gain, norm.epsilon))
  const choose = (tile: number, lane: number) => {
    const row = 2 * tile + (lane & 1)
    return row < ffn ? { matrix: lane < 2 ? gate : up, row } : null
  }
  const segment = await lab.segment(['Q4_1'], inputs, choose, Math.ceil(ffn / 2))
  const mStride = Math.ceil(ffn / 32) * 32
  const m = await lab.buffer(tokens * mStride)
  const counts = { rows: tokens, picks: 0 }
  const buffers = { x: await lab.buffer(stream(h, gain, norm)), batch: await lab.batch(counts), m }
  const shape = { workgroup: 8, norm, xStride: rowWithSums(inputs), mStride, ffn } as const
  await lab.run([projectSwiglu({ segment, variant, ...shape, ...buffers })], counts)
  const [g, u] = [matmul(gate, x), matmul(up, x)]
  const expected = padded(
    x.map((_, t) => swiglu(g[t], u[t])),
    ffn,
  )
  expect(largestDifference(await lab.floats(m, tokens * mStride), expected)).toBeLessThan(2e-4)
  expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.1)
})
