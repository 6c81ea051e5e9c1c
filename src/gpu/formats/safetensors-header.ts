// The header of a safetensors file: which tensors it holds and where. Not their bytes: an adapter's are at hand whole
// (safetensors.ts), a backbone's are read when the device has room for them.
// Invariants of what is returned: every tensor lies inside the file, is exactly its shape's size, and they tile the data without
// overlap or gap.
// Source: the safetensors format (u64 header length, JSON header, data).
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'

export interface SafetensorsEntry {
  name: string
  dtype: string
  /** Slowest dimension first, as PyTorch prints it: a matrix is [out, in]. */
  shape: number[]
  /** Where its bytes begin, and end, in the data behind the header. */
  begin: number
  end: number
}

export interface SafetensorsHeader {
  metadata: Map<string, string>
  entries: SafetensorsEntry[]
  /** Where the data begins in the file. */
  dataOffset: number
}

/** Bytes of one number of each type that the format knows. */
export const dtypeBytes: Readonly<Record<string, number>> = {
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

/** @throws safetensors_invalid or file_truncated, naming the tensor where one is at fault. */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  if (source.bytes < 8) throw truncated('the header length', 8, source.bytes)
  const headerBytes = headerLength(await source.read(0, 8), source.bytes)
  return parseSafetensorsHeader(await source.read(8, headerBytes), source.bytes)
}

/** @param start the first eight bytes of a file of `fileBytes`. @returns bytes of the JSON text that follows them */
export function headerLength(start: Uint8Array, fileBytes: number): number {
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes)) throw invalid(`A safetensors header of ${length} bytes is promised; ${maxHeaderBytes} is the most.`)
  const headerBytes = Number(length)
  if (8 + headerBytes > fileBytes) throw truncated('the header', 8 + headerBytes, fileBytes)
  return headerBytes
}

/** @param text the JSON text of the header */
export function parseSafetensorsHeader(text: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataOffset = 8 + text.length
  const metadata = new Map<string, string>()
  const entries: SafetensorsEntry[] = []
  for (const [name, entry] of Object.entries(parseHeader(text))) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) throw invalid('The __metadata__ of the safetensors header is no object.')
      for (const [key, value] of Object.entries(entry)) metadata.set(key, String(value))
      continue
    }
    const parsed = parseEntry(name, entry)
    if (dataOffset + parsed.end > fileBytes) throw truncated(`tensor ${name}`, dataOffset + parsed.end, fileBytes)
    entries.push({ name, ...parsed })
  }
  checkTiling(entries, fileBytes - dataOffset)
  return { metadata, entries, dataOffset }
}

export function truncated(what: string, needed: number, bytes: number): OpenChatError {
  return new OpenChatError('file_truncated', `The safetensors file ends inside ${what}: ${needed} bytes are needed, ${bytes} are there.`, {
    meta: { what, needed, bytes },
    action: 'Fetch the file again.',
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A tensor's entry takes at least 50 characters with three brackets and five commas (seven more in eight dimensions). Text that is
 * denser describes no tensors, and as objects it would take many times its bytes.
 */
function checkDensity(text: Uint8Array): void {
  let [brackets, commas] = [0, 0]
  for (const byte of text) {
    if (byte === 0x5b || byte === 0x7b) brackets++
    else if (byte === 0x2c) commas++
  }
  if (brackets * 12 > text.length + 256 || commas * 4 > text.length + 256) {
    throw invalid('The safetensors header holds more brackets and commas than tensors have.', { brackets, commas })
  }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  checkDensity(bytes)
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
  for (const { name, begin, end } of [...ranges].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw invalid(`Tensor ${name} begins at ${begin} of the data, expected ${at}.`, { tensor: name })
    at = end
  }
  if (at !== bytes) throw invalid(`The last tensor ends at ${at} of ${bytes} bytes of data.`)
}
