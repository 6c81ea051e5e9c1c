// Reads the header of a GGUF file: metadata and where each tensor lies. Not the tensors themselves: those are read from the
// source by offset, when the device has room for them.
// Invariants of what is returned: names and keys are unique; every tensor lies inside the file, aligned, and shares no byte
// with another; every count was compared with the bytes left before anything was allocated for it.
// Source: the GGUF specification of the ggml project, versions 2 and 3, little-endian.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'
import { HeaderReader } from './header-reader.ts'
import { tensorTypes } from './quant.ts'

export type GgufValue =
  | number
  | bigint
  | boolean
  | string
  | GgufValue[]
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array

export interface GgufTensor {
  name: string
  /** ggml's name of the type, a key of `tensorTypes`; not necessarily one the engine computes with. */
  type: string
  /** ggml order, fastest first: a matrix is [in, out]. */
  shape: number[]
  /** Absolute, in the file. */
  offset: number
  bytes: number
}

export interface GgufFile {
  version: number
  metadata: Map<string, GgufValue>
  tensors: Map<string, GgufTensor>
  /** Where tensor data begins. */
  dataOffset: number
  alignment: number
}

const magic = 0x46554747
/** Small things that become objects here take many times their bytes in the file: no model has more of them than this. */
const maxEntries = 1 << 16
const maxStrings = 1 << 21
/** Deeper arrays than this exist in no model; the limit keeps a hostile file from exhausting the stack. */
const maxArrayDepth = 4
const strict = new TextDecoder('utf-8', { fatal: true })

const typeById = new Map(Object.entries(tensorTypes).map(([name, type]) => [type.id, { name, ...type }]))

function invalid(sentence: string, meta: Record<string, string | number>): OpenChatError {
  return new OpenChatError('gguf_invalid', sentence, { meta, action: 'Fetch the file again, or choose another one.' })
}

/**
 * @param onKey told where each metadata key with its value lies in the file
 * @example const { tensors } = await readGguf(source); tensors.get('token_embd.weight')
 * @throws gguf_invalid, file_truncated, tensor_type_unsupported: each names the key or tensor at fault.
 */
export async function readGguf(source: ByteSource, onKey?: (key: string, from: number, to: number) => void): Promise<GgufFile> {
  const reader = new HeaderReader(source)
  if ((await reader.u32('the magic number')) !== magic) {
    throw invalid('This is no GGUF file: it does not begin with the letters GGUF.', { offset: 0 })
  }
  const version = await reader.u32('the version')
  if (version !== 2 && version !== 3) {
    const swapped = version !== 0 && (version & 0xffff) === 0
    throw invalid(`GGUF version ${swapped ? 'is big-endian' : version}; versions 2 and 3, little-endian, are read.`, { version })
  }
  const tensorCount = await reader.length('the number of tensors')
  const keyCount = await reader.length('the number of metadata keys')
  // A tensor entry takes at least 32 bytes, a key with its value at least 13.
  if (tensorCount * 32 + keyCount * 13 > reader.remaining || Math.max(tensorCount, keyCount) > maxEntries) {
    throw invalid(`The header promises ${tensorCount} tensors and ${keyCount} keys, more than ${source.bytes} bytes of a model hold.`, {
      tensors: tensorCount,
      keys: keyCount,
    })
  }
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < keyCount; i++) {
    const from = reader.offset
    const key = await name(reader, `metadata key ${i}`)
    if (metadata.has(key)) throw invalid(`Metadata key ${key} appears twice.`, { key })
    metadata.set(key, await value(reader, await reader.u32(`the type of ${key}`), key, 0))
    onKey?.(key, from, reader.offset)
  }
  const alignment = readAlignment(metadata)
  const entries: GgufTensor[] = []
  const tensors = new Map<string, GgufTensor>()
  for (let i = 0; i < tensorCount; i++) {
    const tensor = await tensorEntry(reader, i, alignment)
    if (tensors.has(tensor.name)) throw invalid(`Tensor ${tensor.name} appears twice.`, { tensor: tensor.name })
    tensors.set(tensor.name, tensor)
    entries.push(tensor)
  }
  const dataOffset = Math.ceil(reader.offset / alignment) * alignment
  place(entries, dataOffset, source.bytes)
  return { version, metadata, tensors, dataOffset, alignment }
}

function readAlignment(metadata: Map<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32
  if (typeof alignment !== 'number' || alignment < 8 || alignment > 1 << 20 || (alignment & (alignment - 1)) !== 0) {
    throw invalid('general.alignment must be a power of two from 8 to 1048576.', { key: 'general.alignment' })
  }
  return alignment
}

async function name(reader: HeaderReader, what: string): Promise<string> {
  const bytes = await reader.length(what)
  if (bytes === 0 || bytes > 65535) throw invalid(`The name of ${what} has ${bytes} bytes; 1 to 65535 are allowed.`, { what })
  await reader.fill(bytes, what)
  try {
    return reader.textNow(bytes, strict)
  } catch (cause) {
    throw new OpenChatError('gguf_invalid', `The name of ${what} is not UTF-8.`, { meta: { what }, cause })
  }
}

/** Bytes of a scalar by metadata type; 8 is a string (its length alone), 9 an array (its own header). */
const scalarBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8]

async function value(reader: HeaderReader, type: number, key: string, depth: number): Promise<GgufValue> {
  const bytes = scalarBytes[type]
  if (bytes === undefined) throw invalid(`Metadata key ${key} has the unknown type ${type}.`, { key, type })
  if (type === 8) {
    const length = await reader.length(key)
    await reader.fill(length, key)
    return reader.textNow(length)
  }
  if (type === 9) return array(reader, key, depth)
  await reader.fill(bytes, key)
  return scalar(reader.take(bytes), 0, type)
}

function scalar(view: DataView, at: number, type: number): number | bigint | boolean {
  switch (type) {
    case 0:
      return view.getUint8(at)
    case 1:
      return view.getInt8(at)
    case 2:
      return view.getUint16(at, true)
    case 3:
      return view.getInt16(at, true)
    case 4:
      return view.getUint32(at, true)
    case 5:
      return view.getInt32(at, true)
    case 6:
      return view.getFloat32(at, true)
    case 7:
      return view.getUint8(at) !== 0
    case 10:
      return view.getBigUint64(at, true)
    case 11:
      return view.getBigInt64(at, true)
    default:
      return view.getFloat64(at, true)
  }
}

async function array(reader: HeaderReader, key: string, depth: number): Promise<GgufValue> {
  if (depth >= maxArrayDepth) throw invalid(`Metadata key ${key} nests arrays deeper than ${maxArrayDepth}.`, { key })
  const type = await reader.u32(key)
  const least = scalarBytes[type]
  if (least === undefined) throw invalid(`Metadata key ${key} is an array of the unknown type ${type}.`, { key, type })
  const count = await reader.length(key)
  if (count * least > reader.remaining) {
    throw invalid(`Metadata key ${key} promises ${count} values, more than the ${reader.remaining} bytes left can hold.`, { key, count })
  }
  // Nested arrays multiply: each level alone is bounded, and the innermost has at least 12 bytes in the file.
  const most = type === 8 ? maxStrings : type === 7 || type === 9 ? maxEntries >> (4 * depth) : Number.POSITIVE_INFINITY
  if (count > most) throw invalid(`Metadata key ${key} promises ${count} values; at most ${most} of its type are read.`, { key, count })
  if (type === 8) return strings(reader, key, count)
  if (type === 7 || type === 9) {
    const values: GgufValue[] = []
    for (let i = 0; i < count; i++) values.push(await value(reader, type, key, depth + 1))
    return values
  }
  await reader.fill(count * least, key)
  const view = reader.take(count * least)
  const out = numbers(type, count)
  for (let i = 0; i < count; i++) (out as { [i: number]: number | bigint | boolean })[i] = scalar(view, i * least, type)
  return out
}

/** Tokens and merges: a hundred thousand of them, so nothing is awaited while the piece at hand lasts. */
async function strings(reader: HeaderReader, key: string, count: number): Promise<string[]> {
  const out: string[] = []
  for (let i = 0; i < count; i++) {
    if (!reader.has(8)) await reader.fill(8, key)
    const bytes = reader.lengthNow(key)
    if (!reader.has(bytes)) await reader.fill(bytes, key)
    out.push(reader.textNow(bytes))
  }
  return out
}

function numbers(type: number, count: number) {
  switch (type) {
    case 0:
      return new Uint8Array(count)
    case 1:
      return new Int8Array(count)
    case 2:
      return new Uint16Array(count)
    case 3:
      return new Int16Array(count)
    case 4:
      return new Uint32Array(count)
    case 5:
      return new Int32Array(count)
    case 6:
      return new Float32Array(count)
    case 10:
      return new BigUint64Array(count)
    case 11:
      return new BigInt64Array(count)
    default:
      return new Float64Array(count)
  }
}

/** One tensor; its offset is still relative to the data. */
async function tensorEntry(reader: HeaderReader, index: number, alignment: number): Promise<GgufTensor> {
  const tensor = await name(reader, `tensor ${index}`)
  const rank = await reader.u32(tensor)
  if (rank < 1 || rank > 4) throw invalid(`Tensor ${tensor} has ${rank} dimensions; 1 to 4 are allowed.`, { tensor, rank })
  const shape: number[] = []
  let elements = 1
  for (let i = 0; i < rank; i++) {
    const size = await reader.length(tensor)
    elements *= size
    shape.push(size)
  }
  const type = typeById.get(await reader.u32(tensor))
  const offset = await reader.length(tensor)
  if (elements < 1 || !Number.isSafeInteger(elements)) throw invalid(`Tensor ${tensor} has the shape ${shape.join('×')}.`, { tensor })
  if (type === undefined) {
    throw new OpenChatError('tensor_type_unsupported', `Tensor ${tensor} has a type unknown to this reader.`, { meta: { tensor } })
  }
  if (shape[0] % type.block !== 0) {
    throw invalid(`Rows of tensor ${tensor} hold ${shape[0]} weights, no multiple of ${type.name}'s ${type.block}.`, { tensor })
  }
  if (offset % alignment !== 0) throw invalid(`Tensor ${tensor} is not aligned to ${alignment} bytes.`, { tensor, offset })
  return { name: tensor, type: type.name, shape, offset, bytes: (elements / type.block) * type.bytes }
}

/** Makes offsets absolute. @throws file_truncated or gguf_invalid when a tensor leaves the file or lies on another. */
function place(tensors: GgufTensor[], dataOffset: number, fileBytes: number): void {
  let previous: GgufTensor | undefined
  for (const tensor of tensors.sort((a, b) => a.offset - b.offset)) {
    tensor.offset += dataOffset
    const end = tensor.offset + tensor.bytes
    if (end > fileBytes) {
      throw new OpenChatError('file_truncated', `Tensor ${tensor.name} ends at byte ${end}, but the file has ${fileBytes}.`, {
        meta: { tensor: tensor.name, end, bytes: fileBytes },
        action: 'Fetch the file again.',
      })
    }
    if (previous !== undefined && tensor.offset < previous.offset + previous.bytes) {
      throw invalid(`Tensors ${previous.name} and ${tensor.name} overlap.`, { tensor: tensor.name, other: previous.name })
    }
    previous = tensor
  }
}
