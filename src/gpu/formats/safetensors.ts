// Reads a safetensors file held in memory: the table of tensors, each a view of the bytes. Not a loader of models: adapters
// are a few MB and arrive whole.
// Invariants of what is returned: every tensor's bytes lie inside the file, are exactly its shape's size, and tile the data
// without overlap or gap.
// Source: the safetensors format (u64 header length, JSON header, data).
import { OpenChatError } from '../../errors.ts'
import { bfloatToFloat, floatsOf, type Halves } from './half.ts'
import { dtypeBytes, headerLength, parseSafetensorsHeader, truncated } from './safetensors-header.ts'

export interface SafetensorsTensor {
  name: string
  dtype: string
  /** Slowest dimension first, as PyTorch prints it: a matrix is [out, in]. */
  shape: number[]
  /** A view of the file, little-endian, at any alignment. */
  bytes: Uint8Array
}

export interface SafetensorsFile {
  metadata: Map<string, string>
  tensors: Map<string, SafetensorsTensor>
}

/**
 * @example readSafetensors(bytes).tensors.get('lora_A.weight')
 * @throws safetensors_invalid or file_truncated, naming the tensor where one is at fault.
 */
export function readSafetensors(file: Uint8Array): SafetensorsFile {
  if (file.length < 8) throw truncated('the header length', 8, file.length)
  const headerBytes = headerLength(file, file.length)
  const { metadata, entries, dataOffset } = parseSafetensorsHeader(file.subarray(8, 8 + headerBytes), file.length)
  const data = file.subarray(dataOffset)
  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [name, { name, dtype, shape, bytes: data.subarray(begin, end) }]),
  )
  return { metadata, tensors }
}

/**
 * A tensor's values in f32, in the file's order. @throws tensor_type_unsupported for anything but F32, F16, BF16.
 */
export function safetensorFloats(tensor: SafetensorsTensor): Float32Array<ArrayBuffer> {
  return floatsOf(safetensorNumbers(tensor))
}

/** The same, F16 as it stands: where the file's bytes are aligned a view of them. @throws tensor_type_unsupported */
export function safetensorNumbers({ name, dtype, bytes }: SafetensorsTensor): Float32Array<ArrayBuffer> | Halves {
  const count = bytes.length / (dtypeBytes[dtype] ?? 1)
  // Bytes of a whole file are aligned as they lie; a Buffer's `slice` would share the memory of others.
  const aligned = (size: number) => (bytes.byteOffset % size === 0 ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes))
  if (dtype === 'F16') {
    const { buffer, byteOffset } = aligned(2)
    return { bits: new Uint16Array(buffer, byteOffset, count) }
  }
  if (dtype === 'F32') {
    const { buffer, byteOffset } = aligned(4)
    return new Float32Array(buffer, byteOffset, count).slice()
  }
  if (dtype === 'BF16') {
    const { buffer, byteOffset } = aligned(2)
    const bits = new Uint16Array(buffer, byteOffset, count)
    const out = new Float32Array(count)
    for (let i = 0; i < count; i++) out[i] = bfloatToFloat(bits[i])
    return out
  }
  throw new OpenChatError('tensor_type_unsupported', `Tensor ${name} is stored as ${dtype}; F32, F16 and BF16 are read.`, {
    meta: { tensor: name, type: dtype },
    action: 'Export it again as F16.',
  })
}

/** The bytes of a file that holds `tensors` in the given order. */
export function writeSafetensors(tensors: SafetensorsTensor[], metadata: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let at = 0
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] }
    at += bytes.length
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  // The data begins at a multiple of 8; the format pads the header with spaces.
  const headerBytes = Math.ceil(text.length / 8) * 8
  const out = new Uint8Array(8 + headerBytes + at).fill(32, 8, 8 + headerBytes)
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true)
  out.set(text, 8)
  let to = 8 + headerBytes
  for (const { bytes } of tensors) {
    out.set(bytes, to)
    to += bytes.length
  }
  return out
}
