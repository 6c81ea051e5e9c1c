// Rewrites rows of a GGUF matrix into the tile blocks that the projections read. Not a decoder: quantised numbers stay as they
// are; only implied shifts become explicit (Q4_0: m = −8d, exact in f16), and a K block's scales are multiplied out (exact in f32).
// A tile is four rows chosen by the caller, so that a thread owns RoPE pairs, or gate and up of the same column; GGUF's own row
// order of q and k is undone by the same choice. Rows that do not exist (−1) are zeros, and so are columns up to a multiple of 32.
// Layouts: kernels/weights/*.wgsl. Formats: formats/quant.ts.
import { floatToHalf, halfToFloat } from '../formats/half.ts'
import { type BlockType, dequantise, readPart, type SupportedType, tensorTypes, typeBytes, zeroOf } from '../formats/quant.ts'
import { blockWords, type WeightFormat } from '../kernels/projection.ts'

/** A matrix as the file holds it: [outputs] rows of `inputs` weights, or some of its rows. */
export interface SourceMatrix {
  type: SupportedType
  inputs: number
  outputs: number
  bytes: Uint8Array
  /** The row that `bytes` begin with; 0 when absent. */
  firstRow?: number
}

/** Which row of which source matrix is row `lane` (0..3) of a tile; null for none. */
export type RowChoice = (tile: number, lane: number) => { matrix: SourceMatrix; row: number } | null

const formats: Readonly<Record<SupportedType, WeightFormat>> = {
  Q4_0: 'q4',
  Q4_1: 'q4',
  Q4_K: 'q4s',
  Q5_0: 'q5',
  Q5_1: 'q5',
  Q5_K: 'q5',
  Q6_K: 'q6',
  Q8_0: 'q8',
  F16: 'f16',
  BF16: 'bf16',
  F32: 'f32',
}

/** The format that holds all of these exactly: their own when they agree, else f32. */
export function commonFormat(types: readonly SupportedType[]): WeightFormat {
  const [first, ...rest] = types.map((type) => formats[type])
  return rest.every((format) => format === first) ? first : 'f32'
}

/** u32 of a packed tile. */
export function tileWords(format: WeightFormat, inputs: number): number {
  return Math.ceil(inputs / 32) * blockWords[format] * 4
}

/**
 * Packs tiles `from` to `to` (exclusive).
 * @returns [(to − from)][blocks][blockWords][4] u32
 */
export function packTiles(format: WeightFormat, inputs: number, choose: RowChoice, from: number, to: number): Uint32Array<ArrayBuffer> {
  const words = tileWords(format, inputs)
  const out = new Uint32Array((to - from) * words)
  for (let tile = from; tile < to; tile++) {
    for (let lane = 0; lane < 4; lane++) {
      const chosen = choose(tile, lane)
      if (chosen !== null) packRow(format, chosen.matrix, chosen.row, out, (tile - from) * words + lane)
    }
  }
  return out
}

/** @param at of the row's first word; words of one row lie four apart. */
function packRow(format: WeightFormat, matrix: SourceMatrix, row: number, out: Uint32Array, at: number): void {
  const rowBytes = typeBytes(matrix.type, matrix.inputs)
  const from = (row - (matrix.firstRow ?? 0)) * rowBytes
  const bytes = matrix.bytes.subarray(from, from + rowBytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (format === 'f32') packFloats(matrix.type, bytes, matrix.inputs, out, at)
  else if (format === 'q4') packNibbles(view, matrix.type === 'Q4_0', out, at)
  else if (format === 'q8') packBytes(view, out, at)
  else if (format === 'q4s' || format === 'q5' || format === 'q6') packParts(format, matrix.type as BlockType, view, out, at)
  else for (let i = 0; i < matrix.inputs; i++) out[at + 4 * (i >> 1)] |= view.getUint16(2 * i, true) << (16 * (i & 1))
}

function packFloats(type: SupportedType, bytes: Uint8Array, inputs: number, out: Uint32Array, at: number): void {
  const floats = dequantise(type, bytes, new Float32Array(inputs))
  const bits = new Uint32Array(floats.buffer)
  for (let i = 0; i < inputs; i++) out[at + 4 * i] = bits[i]
}

function packNibbles(view: DataView, implied: boolean, out: Uint32Array, at: number): void {
  const blockBytes = implied ? 18 : 20
  for (let from = 0; from < view.byteLength; from += blockBytes, at += 20) {
    out[at] = implied ? pairWithShift(view.getUint16(from, true)) : view.getUint32(from, true)
    const quants = from + blockBytes - 16
    for (let j = 0; j < 4; j++) out[at + 4 + 4 * j] = view.getUint32(quants + 4 * j, true)
  }
}

/** (d, −8d) as two halves: three exponent steps, exact unless |d| > 8188, which no file holds. */
function pairWithShift(d: number): number {
  return (d | (floatToHalf(-8 * halfToFloat(d)) << 16)) >>> 0
}

const scratch = new DataView(new ArrayBuffer(4))

/** Bytes 0 to 2 of a word are biased by 128 (a sign bit flipped), as weights/q8.wgsl says why. */
function packBytes(view: DataView, out: Uint32Array, at: number): void {
  for (let from = 0; from < view.byteLength; from += 34, at += 36) {
    out[at] = floatBits(halfToFloat(view.getUint16(from, true)))
    for (let j = 0; j < 8; j++) out[at + 4 + 4 * j] = view.getUint32(from + 2 + 4 * j, true) ^ 0x808080
  }
}

const quants = new Uint8Array(32)

/** q4s, q5, q6: the terms as f32, then the upper bits, then nibbles as in q4. See their preludes. */
function packParts(format: 'q4s' | 'q5' | 'q6', type: BlockType, view: DataView, out: Uint32Array, at: number): void {
  const { block, bytes } = tensorTypes[type]
  for (let from = 0; from < view.byteLength; from += bytes) {
    for (let part = 0; part < block / 32; part++, at += 4 * blockWords[format]) {
      const { scales, shift } = readPart(type, view, from, part, quants)
      out[at] = floatBits(scales[0])
      // q6 has a scale for each half and takes its zero off by itself; the others have one scale, and their zero goes into the shift.
      out[at + 4] = floatBits(format === 'q6' ? scales[1] : shift - zeroOf[type] * scales[0])
      const upper = { q4s: 0, q5: 1, q6: 2 }[format]
      for (let j = 0; j < 32; j++) {
        const [word, place] = format === 'q6' ? [j >> 4, 2 * (j & 15)] : [0, j]
        if (upper > 0) out[at + 8 + 4 * word] |= (quants[j] >> 4) << place
        out[at + 8 + 4 * (upper + ((j & 15) >> 2))] |= (quants[j] & 15) << (8 * (j & 3) + (j < 16 ? 0 : 4))
      }
    }
  }
}

function floatBits(value: number): number {
  scratch.setFloat32(0, value)
  return scratch.getUint32(0)
}
