// A staged block whose weights and x lie as halves: exact where both are halves already, rounding alone where they are not, and
// right where x itself is larger than any half. Its workgroup memory, and that of the other blocks.
import { describe, expect, it } from 'vitest'
import { openNodeGpu } from '../../../../scripts/node-engine.ts'
import { floatToHalf, halfToFloat } from '../../formats/half.ts'
import type { SupportedType } from '../../formats/quant.ts'
import { matmul } from '../../reference/matmul.ts'
import { rmsNorm } from '../../reference/rms-norm.ts'
import { swiglu } from '../../reference/swiglu.ts'
import { Programs } from '../kernel.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix, stream } from '../lab.testing.ts'
import { noise } from '../noise.testing.ts'
import { projectResidual } from '../project-residual.ts'
import { projectSwiglu } from '../project-swiglu.ts'
import { columnsOfSum, halfVariant, rowWithSums, type StagedVariant } from '../projection.ts'

const lab = await openLab()
const tokens = 70

/** W·x by the device, what a next norm finds behind it, and both as they should be. */
async function residual(type: SupportedType, x: readonly Float64Array[], inputs: number, outputs: number) {
  const matrix = storedMatrix(type, inputs, outputs, inputs + outputs)
  const choose = (tile: number, lane: number) => (4 * tile + lane < outputs ? { matrix, row: 4 * tile + lane } : null)
  const segment = await lab.segment([type], inputs, choose, Math.ceil(outputs / 4))
  const [hStride, nextStride] = [Math.ceil(outputs / 32) * 32, rowWithSums(outputs)]
  const [h, next] = [await lab.buffer(tokens * hStride), await lab.buffer(tokens * nextStride)]
  const counts = { rows: tokens, picks: 0 }
  const gain = noise(outputs, 21)
  const dispatch = projectResidual({
    ...{ segment, variant: halfVariant, workgroup: 8, xStride: segment.blocks * 32, hStride, width: outputs, nextStride },
    ...{ x: await lab.buffer(padded(x, inputs)), batch: await lab.batch(counts), h, gain: await lab.buffer(gain), next },
  })
  await lab.run([dispatch], counts)
  const expected = matmul(matrix, x)
  const prepared = stream(expected, gain, { width: outputs, epsilon: 0, columns: columnsOfSum(halfVariant, segment.blocks) })
  return {
    ...{ got: await lab.floats(h, tokens * hStride), expected: padded(expected, outputs) },
    ...{ next: await lab.floats(next, prepared.length), prepared },
  }
}

const halved = (rows: readonly Float64Array[]) => rows.map((row) => row.map((value) => halfToFloat(floatToHalf(value))))
const size = (of: ArrayLike<number>) => Math.sqrt(Array.from(of).reduce((sum, x) => sum + x * x, 0) / of.length)

describe('a block of halves', () => {
  it('is exact where the weights and x are halves', async () => {
    const { got, expected, next, prepared } = await residual('F16', halved(noiseRows(tokens, 96, 5)), 96, 133)
    expect(largestDifference(got, expected)).toBeLessThan(4e-7 * 96)
    expect(largestDifference(next, prepared) / Math.max(...prepared)).toBeLessThan(1e-5)
  })

  it.each(['Q4_1', 'F32', 'Q8_0'] as const)('rounds %s and nothing more', async (type) => {
    const { got, expected } = await residual(type, noiseRows(tokens, 96, 5), 96, 133)
    const error = largestDifference(got, expected) / size(expected)
    expect(error).toBeLessThan(3e-3)
    expect(error).toBeGreaterThan(1e-5)
  })

  it('takes what no half holds for the largest one', async () => {
    const x = noiseRows(tokens, 64, 5).map((row) => row.fill(0))
    x.forEach((row, t) => {
      row[t % 64] = t % 2 === 0 ? 1e6 : -1e6
    })
    const { got, expected } = await residual('F16', x, 64, 36)
    const scale = 65504 / 1e6
    const saturated = expected.map((value) => scale * value)
    expect(largestDifference(got, saturated) / Math.max(...saturated)).toBeLessThan(1e-6)
  })

  // h ⊙ gain as it stands would be infinite, or nothing, as a half.
  it.each([1e7, 1e-7])('scales a norm’s input of size %f before it rounds it', async (scale) => {
    const [inputs, ffn] = [96, 37]
    const [gate, up] = [storedMatrix('Q4_1', inputs, ffn, 3), storedMatrix('Q4_1', inputs, ffn, 4)]
    const h = noiseRows(tokens, inputs, 5).map((row, t) => row.map((value) => scale * (1 + t) * value))
    const gain = noise(inputs, 8)
    const norm = { width: inputs, epsilon: 0, columns: 32 }
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
    await lab.run([projectSwiglu({ segment, variant: halfVariant, ...shape, ...buffers })], counts)
    const x = h.map((row) => rmsNorm(row, gain, norm.epsilon))
    const [g, u] = [matmul(gate, x), matmul(up, x)]
    const expected = padded(
      x.map((_, t) => swiglu(g[t], u[t])),
      ffn,
    )
    const error = largestDifference(await lab.floats(m, tokens * mStride), expected) / size(expected)
    expect(error).toBeLessThan(1e-2)
    expect(error).toBeGreaterThan(1e-5)
  })
})

it('takes half the workgroup memory, and no block more than 16 KiB, which every device has', async () => {
  const adapter = await openNodeGpu().requestAdapter()
  const device = await adapter!.requestDevice()
  expect(device.limits.maxComputeWorkgroupStorageSize).toBe(16384)
  const programs = new Programs(device)
  const [segment, buffer] = [{ format: 'f32', tileBase: 0, tiles: 32, blocks: 1 } as const, device.createBuffer({ size: 4096, usage: 128 })]
  const accepted = async (variant: StagedVariant, wide?: number) => {
    const dispatch = projectResidual({
      ...{ segment: { ...segment, buffer }, variant, workgroup: 8, xStride: 32, hStride: 128, width: 128, nextStride: 160 },
      ...{ x: buffer, batch: buffer, h: buffer, gain: buffer, next: buffer },
    })
    const constants = { ...dispatch.constants, ...(wide === undefined ? {} : { WIDE: wide }) }
    return programs.prepare([{ ...dispatch, constants, resources: [] }]).then(
      () => true,
      () => false,
    )
  }
  // The largest of f32; half as many bytes leave room for twice the rows, which f32 has not.
  expect([await accepted('staged-64x64'), await accepted(halfVariant, 16), await accepted('staged-64x64', 16)]).toEqual([true, true, false])
  device.destroy()
})
