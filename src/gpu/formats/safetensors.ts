// Reads a safetensors file held in memory: the table of tensors, each a view of the bytes. Not a loader of models: adapters
// are a few MB and arrive whole.
// Invariants of what is returned: every tensor's bytes lie inside the file, are exactly its shape's size, and tile the data
// without overlap or gap.
// Source: the safetensors format (u64 header length, JSON header, data).
import { OpenChatError } from '../../errors.ts'
import { bfloatToFloat, halfToFloat } from './half.ts'

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

const dtypeBytes: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
}
/** The limit of the format's own reader. */
const maxHeaderBytes = 100_000_000

function invalid(sentence: string, meta: Record<string, string | number> = {}, cause?: unknown): OpenChatError {
  return new OpenChatError('safetensors_invalid', sentence, { meta, action: 'Fetch or export the file again.', cause })
}

/**
 * @example readSafetensors(bytes).tensors.get('lora_A.weight')
 * @throws safetensors_invalid or file_truncated, naming the tensor where one is at fault.
 */
export function readSafetensors(file: Uint8Array): SafetensorsFile {
  if (file.length < 8) throw truncated('the header length', 8, file.length)
  const length = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes)) throw invalid(`A safetensors header of ${length} bytes is promised; ${maxHeaderBytes} is the most.`)
  const headerBytes = Number(length)
  if (8 + headerBytes > file.length) throw truncated('the header', 8 + headerBytes, file.length)
  const header = parseHeader(file.subarray(8, 8 + headerBytes))
  const data = file.subarray(8 + headerBytes)
  const metadata = new Map<string, string>()
  const tensors = new Map<string, SafetensorsTensor>()
  const ranges: { name: string; begin: number; end: number }[] = []
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) throw invalid('The __metadata__ of the safetensors header is no object.')
      for (const [key, value] of Object.entries(entry)) metadata.set(key, String(value))
      continue
    }
    const { dtype, shape, begin, end } = parseEntry(name, entry)
    if (end > data.length) throw truncated(`tensor ${name}`, 8 + headerBytes + end, file.length)
    ranges.push({ name, begin, end })
    tensors.set(name, { name, dtype, shape, bytes: data.subarray(begin, end) })
  }
  checkTiling(ranges, data.length)
  return { metadata, tensors }
}

/**
 * A tensor's values in f32, in the file's order. @throws tensor_type_unsupported for anything but F32, F16, BF16.
 */
export function safetensorFloats({ name, dtype, bytes }: SafetensorsTensor): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out = new Float32Array(bytes.length / (dtypeBytes[dtype] ?? 1))
  if (dtype === 'F32') for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true)
  else if (dtype === 'F16') for (let i = 0; i < out.length; i++) out[i] = halfToFloat(view.getUint16(2 * i, true))
  else if (dtype === 'BF16') for (let i = 0; i < out.length; i++) out[i] = bfloatToFloat(view.getUint16(2 * i, true))
  else {
    throw new OpenChatError('tensor_type_unsupported', `Tensor ${name} is stored as ${dtype}; F32, F16 and BF16 are read.`, {
      meta: { tensor: name, type: dtype },
      action: 'Export it again as F16.',
    })
  }
  return out
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

function truncated(what: string, needed: number, bytes: number): OpenChatError {
  return new OpenChatError('file_truncated', `The safetensors file ends inside ${what}: ${needed} bytes are needed, ${bytes} are there.`, {
    meta: { what, needed, bytes },
    action: 'Fetch the file again.',
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw invalid('The safetensors header is no JSON text.', {}, cause)
  }
  if (!isRecord(header)) throw invalid('The safetensors header is no JSON object.')
  return header
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function parseEntry(name: string, entry: unknown): { dtype: string; shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) throw invalid(`The entry of tensor ${name} is no object.`, { tensor: name })
  const { dtype, shape, data_offsets: offsets } = entry
  if (typeof dtype !== 'string' || dtypeBytes[dtype] === undefined) {
    throw invalid(`Tensor ${name} has the unknown dtype ${String(dtype).slice(0, 40)}.`, { tensor: name })
  }
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isSize))
    throw invalid(`Tensor ${name} has no valid shape.`, { tensor: name })
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[0] > offsets[1]) {
    throw invalid(`Tensor ${name} has no valid data_offsets.`, { tensor: name })
  }
  const [begin, end] = offsets
  const bytes = shape.reduce((product, size) => product * size, 1) * dtypeBytes[dtype]
  if (end - begin !== bytes) {
    throw invalid(`Tensor ${name} spans ${end - begin} bytes; its shape ${shape.join('×')} of ${dtype} takes ${bytes}.`, { tensor: name })
  }
  return { dtype, shape, begin, end }
}

function checkTiling(ranges: { name: string; begin: number; end: number }[], bytes: number): void {
  let at = 0
  for (const { name, begin, end } of ranges.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw invalid(`Tensor ${name} begins at ${begin} of the data, expected ${at}.`, { tensor: name })
    at = end
  }
  if (at !== bytes) throw invalid(`The last tensor ends at ${at} of ${bytes} bytes of data.`)
}
