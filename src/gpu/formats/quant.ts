// Tensor types of GGUF: how many weights share a block, how many bytes a block takes, and what the block means.
// Sizes of every type are known, so a file that holds one is read and checked; only the types of `supportedTypes` are decoded.
// Not a kernel: this is the CPU's reading, used by the reference, by tests and by small tensors.
// Invariant: a row is whole blocks, so rows may be moved as bytes.
// Source: ggml's block layouts (ggml-common.h): q4_0 w = d·(q − 8), q4_1 w = d·q + m, q8_0 w = d·q; low nibbles are weights 0..15.
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
export const supportedTypes = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1'] as const
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
    { meta: { tensor: tensor.name, type: tensor.type }, action: 'Choose a file quantised as Q4_0, Q4_1 or Q8_0.' },
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
    case 'Q8_0':
      for (let at = 0, i = 0; i < count; at += 34) {
        const d = halfToFloat(view.getUint16(at, true))
        for (let j = 0; j < 32; j++) out[i++] = d * view.getInt8(at + 2 + j)
      }
      return out
    case 'Q4_0':
      for (let at = 0, i = 0; i < count; at += 18, i += 32) {
        const d = halfToFloat(view.getUint16(at, true))
        nibbles(source, at + 2, out, i, d, -8 * d)
      }
      return out
    case 'Q4_1':
      for (let at = 0, i = 0; i < count; at += 20, i += 32) {
        nibbles(source, at + 4, out, i, halfToFloat(view.getUint16(at, true)), halfToFloat(view.getUint16(at + 2, true)))
      }
      return out
  }
}

function nibbles(source: Uint8Array, at: number, out: Float32Array | Float64Array, i: number, d: number, m: number): void {
  for (let j = 0; j < 16; j++) {
    const byte = source[at + j]
    out[i + j] = d * (byte & 15) + m
    out[i + 16 + j] = d * (byte >> 4) + m
  }
}
