// Tensor types of GGUF: how many weights share a block, how many bytes a block takes, and what the block means.
// Sizes of every type are known, so a file that holds one is read and checked; only the types of `supportedTypes` are decoded.
// Not a kernel: this is the CPU's reading, used by the reference, by tests and by small tensors.
// Invariant: a row is whole blocks, so rows may be moved as bytes.
// Source: ggml's block layouts (ggml-common.h): q4_0 w = d·(q − 8), q4_1 w = d·q + m, q5_0 and q5_1 the same with a fifth bit,
// q8_0 w = d·q; low nibbles are weights 0..15. A K block is 256 weights: q4_K and q5_K eight times 32 with w = d·sᵢ·q − dmin·mᵢ,
// six bits each for sᵢ and mᵢ; q6_K sixteen times 16 with w = d·sᵢ·(q − 32), sᵢ signed bytes.
import { OpenChatError } from '../../errors.ts'
import { bfloatToFloat, halfToFloat } from './half.ts'

export interface TensorType {
  /** ggml's number. */
  id: number
  /** Weights in a block. */
  block: number
  /** Bytes of a block. */
  bytes: number
}

/** Every type ggml has in use, by name. */
export const tensorTypes: Readonly<Record<string, TensorType>> = {
  F32: { id: 0, block: 1, bytes: 4 },
  F16: { id: 1, block: 1, bytes: 2 },
  Q4_0: { id: 2, block: 32, bytes: 18 },
  Q4_1: { id: 3, block: 32, bytes: 20 },
  Q5_0: { id: 6, block: 32, bytes: 22 },
  Q5_1: { id: 7, block: 32, bytes: 24 },
  Q8_0: { id: 8, block: 32, bytes: 34 },
  Q8_1: { id: 9, block: 32, bytes: 36 },
  Q2_K: { id: 10, block: 256, bytes: 84 },
  Q3_K: { id: 11, block: 256, bytes: 110 },
  Q4_K: { id: 12, block: 256, bytes: 144 },
  Q5_K: { id: 13, block: 256, bytes: 176 },
  Q6_K: { id: 14, block: 256, bytes: 210 },
  Q8_K: { id: 15, block: 256, bytes: 292 },
  IQ2_XXS: { id: 16, block: 256, bytes: 66 },
  IQ2_XS: { id: 17, block: 256, bytes: 74 },
  IQ3_XXS: { id: 18, block: 256, bytes: 98 },
  IQ1_S: { id: 19, block: 256, bytes: 50 },
  IQ4_NL: { id: 20, block: 32, bytes: 18 },
  IQ3_S: { id: 21, block: 256, bytes: 110 },
  IQ2_S: { id: 22, block: 256, bytes: 82 },
  IQ4_XS: { id: 23, block: 256, bytes: 136 },
  I8: { id: 24, block: 1, bytes: 1 },
  I16: { id: 25, block: 1, bytes: 2 },
  I32: { id: 26, block: 1, bytes: 4 },
  I64: { id: 27, block: 1, bytes: 8 },
  F64: { id: 28, block: 1, bytes: 8 },
  IQ1_M: { id: 29, block: 256, bytes: 56 },
  BF16: { id: 30, block: 1, bytes: 2 },
  TQ1_0: { id: 34, block: 256, bytes: 54 },
  TQ2_0: { id: 35, block: 256, bytes: 66 },
  MXFP4: { id: 39, block: 32, bytes: 17 },
}

/** The types this engine computes with. */
export const supportedTypes = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K'] as const
export type SupportedType = (typeof supportedTypes)[number]

export function isSupportedType(type: string): type is SupportedType {
  return (supportedTypes as readonly string[]).includes(type)
}

/**
 * Narrows a tensor's type to one the engine computes with.
 * @throws tensor_type_unsupported, naming the tensor.
 */
export function requireSupportedType(tensor: { name: string; type: string }): SupportedType {
  if (isSupportedType(tensor.type)) return tensor.type
  throw new OpenChatError(
    'tensor_type_unsupported',
    `Tensor ${tensor.name} is stored as ${tensor.type}; this engine computes with ${supportedTypes.join(', ')}.`,
    { meta: { tensor: tensor.name, type: tensor.type }, action: 'Choose a file quantised as Q4_K_M, Q6_K or Q8_0.' },
  )
}

/** Bytes of `elements` weights of a type; `elements` must be whole blocks. */
export function typeBytes(type: SupportedType, elements: number): number {
  const { block, bytes } = tensorTypes[type]
  return (elements / block) * bytes
}

/**
 * Decodes `out.length` weights from the start of `source`, exactly (each is an f32; f64 out is for the reference).
 * @param source at least `typeBytes(type, out.length)` bytes, at any alignment.
 */
export function dequantise<T extends Float32Array | Float64Array>(type: SupportedType, source: Uint8Array, out: T): T {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const count = out.length
  switch (type) {
    case 'F32':
      for (let i = 0; i < count; i++) out[i] = view.getFloat32(4 * i, true)
      return out
    case 'F16':
      for (let i = 0; i < count; i++) out[i] = halfToFloat(view.getUint16(2 * i, true))
      return out
    case 'BF16':
      for (let i = 0; i < count; i++) out[i] = bfloatToFloat(view.getUint16(2 * i, true))
      return out
  }
  const { block, bytes } = tensorTypes[type]
  const quants = new Uint8Array(32)
  for (let at = 0, i = 0; i < count; at += bytes, i += block) {
    for (let part = 0; part < block / 32; part++) {
      const { scales, shift } = readPart(type, view, at, part, quants)
      for (let j = 0; j < 32; j++) out[i + 32 * part + j] = scales[j >> 4] * (quants[j] - zeroOf[type]) + shift
    }
  }
  return out
}

/** The quantised types; the others hold each weight by itself. */
export type BlockType = Exclude<SupportedType, 'F32' | 'F16' | 'BF16'>

/** The level that stands for 0 before the shift: `w = scale · (q − zero) + shift`. */
export const zeroOf: Readonly<Record<BlockType, number>> = {
  Q4_0: 8,
  Q4_1: 0,
  Q5_0: 16,
  Q5_1: 0,
  Q8_0: 128,
  Q4_K: 0,
  Q5_K: 0,
  Q6_K: 32,
}

/** What 32 neighbouring weights share: a scale for each half, and a shift. Products of f16 by at most 8 bits, so exact in f32. */
export interface PartTerms {
  scales: readonly [low: number, high: number]
  shift: number
}

/**
 * Reads weights 32·part … of the block at byte `at`: all quantised types as one form.
 * @param quants [32], written: the levels, unsigned
 */
export function readPart(type: BlockType, view: DataView, at: number, part: number, quants: Uint8Array): PartTerms {
  const half = (offset: number) => halfToFloat(view.getUint16(at + offset, true))
  const same = (scale: number, shift = 0): PartTerms => ({ scales: [scale, scale], shift })
  switch (type) {
    case 'Q8_0':
      for (let j = 0; j < 32; j++) quants[j] = view.getUint8(at + 2 + j) ^ 128
      return same(half(0))
    case 'Q4_0':
      nibbles(view, at + 2, quants)
      return same(half(0))
    case 'Q4_1':
      nibbles(view, at + 4, quants)
      return same(half(0), half(2))
    case 'Q5_0':
      nibbles(view, at + 6, quants)
      fifthBits(view.getUint32(at + 2, true), quants)
      return same(half(0))
    case 'Q5_1':
      nibbles(view, at + 8, quants)
      fifthBits(view.getUint32(at + 4, true), quants)
      return same(half(0), half(2))
    case 'Q4_K':
    case 'Q5_K': {
      const [scale, minimum] = sixBits(view, at + 4, part)
      const low = at + (type === 'Q4_K' ? 16 : 48) + 32 * (part >> 1)
      for (let j = 0; j < 32; j++) quants[j] = (view.getUint8(low + j) >> (4 * (part & 1))) & 15
      if (type === 'Q5_K') for (let j = 0; j < 32; j++) quants[j] |= ((view.getUint8(at + 16 + j) >> part) & 1) << 4
      return same(half(0) * scale, -half(2) * minimum)
    }
    case 'Q6_K': {
      // 128 weights share 64 bytes of nibbles and 32 of upper bits: parts 0 and 1 are low nibbles, 2 and 3 high ones.
      const [side, quarter] = [part >> 2, part & 3]
      const low = at + 64 * side + 32 * (quarter & 1)
      const high = at + 128 + 32 * side
      for (let j = 0; j < 32; j++) {
        quants[j] = ((view.getUint8(low + j) >> (4 * (quarter >> 1))) & 15) | (((view.getUint8(high + j) >> (2 * quarter)) & 3) << 4)
      }
      const d = half(208)
      return { scales: [d * view.getInt8(at + 192 + 2 * part), d * view.getInt8(at + 193 + 2 * part)], shift: 0 }
    }
  }
}

function nibbles(view: DataView, at: number, quants: Uint8Array): void {
  for (let j = 0; j < 16; j++) {
    const byte = view.getUint8(at + j)
    quants[j] = byte & 15
    quants[16 + j] = byte >> 4
  }
}

function fifthBits(bits: number, quants: Uint8Array): void {
  for (let j = 0; j < 32; j++) quants[j] |= ((bits >>> j) & 1) << 4
}

/** Scale and minimum of a part, six bits each of twelve bytes: the last four parts keep their upper two bits with the first four. */
function sixBits(view: DataView, at: number, part: number): [scale: number, minimum: number] {
  const byte = (offset: number) => view.getUint8(at + offset)
  if (part < 4) return [byte(part) & 63, byte(part + 4) & 63]
  return [(byte(part + 4) & 15) | ((byte(part - 4) >> 6) << 4), (byte(part + 4) >> 4) | ((byte(part) >> 6) << 4)]
}
