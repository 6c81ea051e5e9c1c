// The norm with one thread and with 64, of all rows and of picked ones; the padding it must zero starts as NaN.
import { expect, it } from 'vitest'
import { rmsNorm as reference } from '../reference/rms-norm.ts'
import { largestDifference, noiseRows, openLab, padded } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { rmsNorm } from './rms-norm.ts'

const lab = await openLab()

it.each([1, 2, 3, 7, 64, 133])('%i wide', async (width) => {
  const rows = noiseRows(5, width, 3)
  const gain = noise(width, 8)
  const picked = [4, 0, 2]
  const stride = Math.ceil(width / 32) * 32
  const buffers = {
    h: await lab.buffer(padded(rows, width)),
    gain: await lab.buffer(gain),
    picks: await lab.buffer(Uint32Array.from(picked)),
  }
  for (const threads of [1, 64] as const) {
    for (const gather of [false, true]) {
      const x = await lab.buffer(new Float32Array(5 * stride).fill(Number.NaN))
      const shape = { hStride: stride, xStride: stride, width, epsilon: 1e-5, threads, gather }
      await lab.run([rmsNorm({ ...buffers, ...shape, x })], { rows: 5, picks: 3 })
      const asked = gather ? picked.map((row) => rows[row]) : rows
      const expected = padded(
        asked.map((row) => reference(row, gain, 1e-5)),
        width,
      )
      expect(largestDifference(await lab.floats(x, expected.length), expected)).toBeLessThan(1e-6)
    }
  }
})
