import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockTolerance, quantise } from './gguf-writer.testing.ts'
import { floatToHalf } from './half.ts'
import { dequantise, requireSupportedType, supportedTypes, typeBytes } from './quant.ts'

/** A block with a half scale, an optional half minimum, and the given bytes. */
function block(scale: number, minimum: number | null, bytes: number[]): Uint8Array {
  const head = [scale, ...(minimum === null ? [] : [minimum])].flatMap((value) => {
    const bits = floatToHalf(value)
    return [bits & 255, bits >> 8]
  })
  return Uint8Array.from([...head, ...bytes])
}

describe('dequantise', () => {
  it('reads a Q4_0 block: low nibbles first, levels from −8', () => {
    const bytes = Array.from({ length: 16 }, (_, j) => j | ((15 - j) << 4))
    const out = dequantise('Q4_0', block(0.5, null, bytes), new Float64Array(32))
    for (let j = 0; j < 16; j++) expect([out[j], out[16 + j]]).toEqual([0.5 * (j - 8), 0.5 * (7 - j)])
  })

  it('reads a Q4_1 block: scale and minimum', () => {
    const bytes = Array.from({ length: 16 }, (_, j) => j | (3 << 4))
    const out = dequantise('Q4_1', block(0.25, -1.5, bytes), new Float32Array(32))
    for (let j = 0; j < 16; j++) expect([out[j], out[16 + j]]).toEqual([0.25 * j - 1.5, 0.75 - 1.5])
  })

  it('reads a Q8_0 block: signed bytes', () => {
    const bytes = Array.from({ length: 32 }, (_, j) => (j * 8 - 128) & 255)
    const out = dequantise('Q8_0', block(2, null, bytes), new Float32Array(32))
    expect([...out]).toEqual(Array.from({ length: 32 }, (_, j) => 2 * (j * 8 - 128)))
  })

  it('reads from any alignment', () => {
    const bytes = new Uint8Array(9)
    new DataView(bytes.buffer).setFloat32(1, -3.25, true)
    expect(dequantise('F32', bytes.subarray(1), new Float32Array(1))[0]).toBe(-3.25)
  })

  it('comes within half a level of what was quantised', () => {
    const weights = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 32, maxLength: 32 })
    for (const type of ['Q8_0', 'Q4_0', 'Q4_1'] as const) {
      fc.assert(
        fc.property(weights, (values) => {
          const stored = quantise(type, Float32Array.from(values))
          const out = dequantise(type, stored, new Float64Array(32))
          // The scale itself is rounded to a half: one part in 1024 of the largest weight, and the smallest halves are coarse.
          const slack = blockTolerance(type, stored) + 8 / 512 + 16 * 2 ** -24
          for (let i = 0; i < 32; i++) expect(Math.abs(out[i] - values[i])).toBeLessThanOrEqual(slack)
        }),
      )
    }
  })

  it('reads a K block that was stored part by part: every scale, minimum, upper bit and nibble has its own place', () => {
    // Parts of very different size: a scale taken from a neighbour shows at once.
    const values = Float32Array.from({ length: 512 }, (_, i) => (1 + (i >> 4)) * Math.sin(1.7 * i) + (i % 64 > 31 ? 3 : 0))
    for (const [type, levels] of [
      ['Q4_K', 15],
      ['Q5_K', 31],
      ['Q6_K', 62],
    ] as const) {
      const out = dequantise(type, quantise(type, values), new Float64Array(512))
      for (let block = 0; block < 512; block += 256) {
        const most = Math.max(...values.subarray(block, block + 256).map(Math.abs))
        for (let i = block; i < block + 256; i++) {
          const part = values.subarray(
            type === 'Q6_K' ? i & ~15 : i & ~31,
            (type === 'Q6_K' ? i & ~15 : i & ~31) + (type === 'Q6_K' ? 16 : 32),
          )
          const range = Math.max(0, ...part) - Math.min(0, ...part)
          // Half a level, and what six or seven bits of scale and minimum may be off by, of the block's largest.
          expect(Math.abs(out[i] - values[i]), `${type} ${i}`).toBeLessThan((0.55 * Math.max(range, 1)) / levels + most / 45)
        }
      }
    }
  })

  it('comes within half a level of five bits', () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => 3 * Math.sin(2.3 * i) + (i > 31 ? 5 : 0))
    for (const type of ['Q5_0', 'Q5_1'] as const) {
      const out = dequantise(type, quantise(type, values), new Float64Array(64))
      const slack = type === 'Q5_0' ? 8 / 15 / 2 : 6 / 31 / 2
      for (let i = 0; i < 64; i++) expect(Math.abs(out[i] - values[i]), `${type} ${i}`).toBeLessThan(slack + 0.02)
    }
  })

  it('knows the bytes of each supported type', () => {
    expect(supportedTypes.map((type) => typeBytes(type, 64))).toEqual([256, 128, 128, 68, 36, 40, 44, 48, 36, 44, 52.5])
  })

  it('refuses other types by the name of the tensor', () => {
    expect(() => requireSupportedType({ name: 'blk.3.attn_v.weight', type: 'IQ2_S' })).toThrowError(
      expect.objectContaining({ code: 'tensor_type_unsupported', meta: { tensor: 'blk.3.attn_v.weight', type: 'IQ2_S' } }),
    )
  })
})
