// Packed tiles decoded as the weights preludes describe them give back what the file's own decoder gives.
import { expect, it } from 'vitest'
import { quantise } from '../formats/gguf-writer.testing.ts'
import { halfToFloat } from '../formats/half.ts'
import { dequantise, type SupportedType, supportedTypes } from '../formats/quant.ts'
import { noise } from '../kernels/noise.testing.ts'
import { commonFormat, packTiles, type SourceMatrix, tileWords } from './pack.ts'

const inputs = 256

/** Row `lane` of a tile of one block row, as kernels/weights/*.wgsl read it. */
function unpack(format: string, words: Uint32Array, lane: number): number[] {
  const at = (block: number, word: number, size: number) => words[(block * size + word) * 4 + lane]
  const float = new Float32Array(1)
  const bits = new Uint32Array(float.buffer)
  const asFloat = (word: number) => {
    bits[0] = word
    return float[0]
  }
  return Array.from({ length: inputs }, (_, column) => {
    const [block, c] = [Math.floor(column / 32), column % 32]
    if (format === 'q4') {
      const pair = at(block, 0, 5)
      const nibble = (at(block, 1 + Math.floor((c % 16) / 4), 5) >>> (8 * (c % 4) + (c < 16 ? 0 : 4))) & 15
      return halfToFloat(pair & 0xffff) * nibble + halfToFloat(pair >>> 16)
    }
    if (format === 'q4s' || format === 'q5' || format === 'q6') {
      const size = { q4s: 6, q5: 7, q6: 8 }[format]
      const lower = (at(block, size - 4 + Math.floor((c % 16) / 4), size) >>> (8 * (c % 4) + (c < 16 ? 0 : 4))) & 15
      if (format === 'q4s') return asFloat(at(block, 0, 6)) * lower + asFloat(at(block, 1, 6))
      if (format === 'q5') return asFloat(at(block, 0, 7)) * (lower + 16 * ((at(block, 2, 7) >>> c) & 1)) + asFloat(at(block, 1, 7))
      const upper = (at(block, c < 16 ? 2 : 3, 8) >>> (2 * (c % 16))) & 3
      return asFloat(at(block, c < 16 ? 0 : 1, 8)) * (lower + 16 * upper - 32)
    }
    if (format === 'q8') {
      const byte = (at(block, 1 + Math.floor(c / 4), 9) >>> (8 * (c % 4))) & 255
      return asFloat(at(block, 0, 9)) * (c % 4 === 3 ? (byte << 24) >> 24 : byte - 128)
    }
    if (format === 'f32') return asFloat(at(block, c, 32))
    const half = (at(block, c >> 1, 16) >>> (16 * (c & 1))) & 0xffff
    return format === 'f16' ? halfToFloat(half) : asFloat(half << 16)
  })
}

it.each(supportedTypes.map((type): [SupportedType] => [type]))('%s', (type) => {
  const matrix: SourceMatrix = { type, inputs, outputs: 5, bytes: quantise(type, noise(inputs * 5, 3)) }
  const format = commonFormat([type])
  const packed = packTiles(format, inputs, (tile, lane) => (4 * tile + lane < 5 ? { matrix, row: 4 * tile + lane } : null), 0, 2)
  const expected = dequantise(type, matrix.bytes, new Float64Array(inputs * 5))
  const words = tileWords(format, inputs)
  for (let row = 0; row < 5; row++) {
    const got = unpack(format, packed.subarray(Math.floor(row / 4) * words), row % 4)
    got.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[row * inputs + i], 6)
    })
  }
})

it('falls back on f32 for types that share no format', () => {
  expect(commonFormat(['Q4_0', 'Q4_1'])).toBe('q4')
  expect(commonFormat(['Q4_0', 'Q8_0'])).toBe('f32')
})
