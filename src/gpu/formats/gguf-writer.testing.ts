// Writes small GGUF files in memory, for tests and for the tiny model. Not a converter: no file of a real model passes here.
// Quantisation of Q8_0, Q4_0 and Q4_1 follows ggml's reference rounding, so that a block decodes to what ggml would have stored; the
// other types are stored plainly (each part by its own extremes), which fills every field of a block but is not ggml's search.
// Source: the GGUF specification, version 3.
import { memorySource } from './bytes.testing.ts'
import { type GgufValue, readGguf } from './gguf.ts'
import { ggufHeader, keyBytes } from './gguf-header.ts'
import { floatToBfloat, floatToHalf, halfToFloat } from './half.ts'
import { type SupportedType, tensorTypes, typeBytes } from './quant.ts'

export interface WrittenTensor {
  name: string
  type: SupportedType
  /** ggml order: [in, out]. */
  shape: number[]
  values: Float32Array
}

/** The bytes of a GGUF file. Metadata may be strings, booleans, u32 (whole numbers), f32 (others), string, i32 and f32 arrays. */
export function writeGguf(metadata: Record<string, GgufValue>, tensors: WrittenTensor[], alignment = 32): Uint8Array<ArrayBuffer> {
  const head: Uint8Array[] = [new TextEncoder().encode('GGUF'), u32(3), u64(tensors.length), u64(Object.keys(metadata).length)]
  for (const [key, value] of Object.entries(metadata)) head.push(text(key), ...metadataValue(value))
  let offset = 0
  const bodies: { at: number; bytes: Uint8Array }[] = []
  for (const { name, type, shape, values } of tensors) {
    head.push(text(name), u32(shape.length), ...shape.map(u64), u32(tensorTypes[type].id), u64(offset))
    const bytes = quantise(type, values)
    bodies.push({ at: offset, bytes })
    offset += Math.ceil(bytes.length / alignment) * alignment
  }
  const headBytes = head.reduce((sum, part) => sum + part.length, 0)
  const dataOffset = Math.ceil(headBytes / alignment) * alignment
  const out = new Uint8Array(dataOffset + offset)
  let at = 0
  for (const part of head) {
    out.set(part, at)
    at += part.length
  }
  for (const body of bodies) out.set(body.bytes, dataOffset + body.at)
  return out
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}

function u64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value)
  return Uint8Array.of(...u64(bytes.length), ...bytes)
}

function metadataValue(value: GgufValue): Uint8Array[] {
  if (typeof value === 'string') return [u32(8), text(value)]
  if (typeof value === 'boolean') return [u32(7), Uint8Array.of(value ? 1 : 0)]
  if (typeof value === 'number') {
    return Number.isInteger(value) ? [u32(4), u32(value)] : [u32(6), new Uint8Array(Float32Array.of(value).buffer)]
  }
  if (value instanceof Int32Array) return [u32(9), u32(5), u64(value.length), new Uint8Array(value.buffer.slice(0))]
  if (value instanceof Float32Array) return [u32(9), u32(6), u64(value.length), new Uint8Array(value.slice().buffer)]
  if (Array.isArray(value)) return [u32(9), u32(8), u64(value.length), ...value.map((entry) => text(String(entry)))]
  throw new TypeError('The writer has no form for this metadata value.')
}

/** Weights as ggml would store them; `values` must be whole blocks. */
export function quantise(type: SupportedType, values: Float32Array): Uint8Array {
  const out = new Uint8Array(typeBytes(type, values.length))
  const view = new DataView(out.buffer)
  const { block, bytes } = tensorTypes[type]
  for (let i = 0, at = 0; i < values.length; i += block, at += bytes) {
    if (type === 'F32') view.setFloat32(at, values[i], true)
    else if (type === 'F16') view.setUint16(at, floatToHalf(values[i]), true)
    else if (type === 'BF16') view.setUint16(at, floatToBfloat(values[i]), true)
    else if (type === 'Q8_0' || type === 'Q4_0' || type === 'Q4_1') writeBlock(type, values.subarray(i, i + 32), view, at)
    else if (type === 'Q5_0' || type === 'Q5_1') writeFive(type, values.subarray(i, i + 32), view, at)
    else if (type === 'Q6_K') writeSixK(values.subarray(i, i + 256), view, at)
    else writeFourOrFiveK(type, values.subarray(i, i + 256), view, at)
  }
  return out
}

function writeBlock(type: 'Q8_0' | 'Q4_0' | 'Q4_1', x: Float32Array, view: DataView, at: number): void {
  const low = Math.min(...x)
  const high = Math.max(...x)
  // The scale divides as computed, but is stored as a half: that is how ggml's reference does it.
  if (type === 'Q8_0') {
    const d = Math.max(high, -low) / 127
    view.setUint16(at, floatToHalf(d), true)
    x.forEach((value, j) => {
      view.setInt8(at + 2 + j, d === 0 ? 0 : Math.round(value / d))
    })
    return
  }
  const signedMax = high > -low ? high : low
  const d = type === 'Q4_0' ? signedMax / -8 : (high - low) / 15
  const m = type === 'Q4_0' ? -8 * d : low
  view.setUint16(at, floatToHalf(d), true)
  if (type === 'Q4_1') view.setUint16(at + 2, floatToHalf(low), true)
  const level = (value: number) => (d === 0 ? 0 : Math.max(0, Math.min(15, Math.floor((value - m) / d + 0.5))))
  for (let j = 0; j < 16; j++) view.setUint8(at + (type === 'Q4_0' ? 2 : 4) + j, level(x[j]) | (level(x[j + 16]) << 4))
}

const clamp = (level: number, most: number) => Math.max(0, Math.min(most, Math.round(level)))

function writeFive(type: 'Q5_0' | 'Q5_1', x: Float32Array, view: DataView, at: number): void {
  const [low, high] = [Math.min(...x), Math.max(...x)]
  const d = type === 'Q5_0' ? Math.max(high, -low) / 15 : (high - low) / 31
  const level = (value: number) => (d === 0 ? 0 : clamp(type === 'Q5_0' ? value / d + 16 : (value - low) / d, 31))
  view.setUint16(at, floatToHalf(d), true)
  if (type === 'Q5_1') view.setUint16(at + 2, floatToHalf(low), true)
  const upper = at + (type === 'Q5_0' ? 2 : 4)
  const levels = Array.from(x, level)
  view.setUint32(upper, levels.reduce((bits, q, j) => bits | ((q >> 4) << j), 0) >>> 0, true)
  for (let j = 0; j < 16; j++) view.setUint8(upper + 4 + j, (levels[j] & 15) | ((levels[j + 16] & 15) << 4))
}

function writeFourOrFiveK(type: 'Q4_K' | 'Q5_K', x: Float32Array, view: DataView, at: number): void {
  const most = type === 'Q4_K' ? 15 : 31
  const parts = Array.from({ length: 8 }, (_, p) => x.subarray(32 * p, 32 * p + 32))
  const minima = parts.map((part) => Math.max(0, -Math.min(...part)))
  const steps = parts.map((part, p) => (Math.max(0, Math.max(...part)) + minima[p]) / most)
  const [d, dmin] = [Math.max(...steps) / 63, Math.max(...minima) / 63].map((value) => halfToFloat(floatToHalf(value)))
  view.setUint16(at, floatToHalf(d), true)
  view.setUint16(at + 2, floatToHalf(dmin), true)
  const scale = steps.map((step) => (d === 0 ? 0 : clamp(step / d, 63)))
  const minimum = minima.map((value) => (dmin === 0 ? 0 : clamp(value / dmin, 63)))
  for (let p = 0; p < 4; p++) {
    view.setUint8(at + 4 + p, scale[p] | ((scale[p + 4] >> 4) << 6))
    view.setUint8(at + 8 + p, minimum[p] | ((minimum[p + 4] >> 4) << 6))
    view.setUint8(at + 12 + p, (scale[p + 4] & 15) | ((minimum[p + 4] & 15) << 4))
  }
  const nibblesAt = at + (type === 'Q4_K' ? 16 : 48)
  parts.forEach((part, p) => {
    const step = d * scale[p]
    part.forEach((value, j) => {
      const q = step === 0 ? 0 : clamp((value + dmin * minimum[p]) / step, most)
      or(view, nibblesAt + 32 * (p >> 1) + j, (q & 15) << (4 * (p & 1)))
      if (type === 'Q5_K') or(view, at + 16 + j, (q >> 4) << p)
    })
  })
}

function writeSixK(x: Float32Array, view: DataView, at: number): void {
  const steps = Array.from({ length: 16 }, (_, p) => Math.max(...x.subarray(16 * p, 16 * p + 16).map(Math.abs)) / 31)
  const d = halfToFloat(floatToHalf(Math.max(...steps) / 127))
  view.setUint16(at + 208, floatToHalf(d), true)
  steps.forEach((step, p) => {
    // Every other scale is negative: the sign of a scale is part of the format.
    const scale = (d === 0 ? 0 : clamp(step / d, 127)) * (p % 2 === 0 ? 1 : -1)
    view.setInt8(at + 192 + p, scale)
    for (let j = 16 * p; j < 16 * p + 16; j++) {
      const q = scale === 0 ? 32 : clamp(x[j] / (d * scale) + 32, 63)
      const [side, quarter, l] = [j >> 7, (j >> 5) & 3, j & 31]
      or(view, at + 64 * side + 32 * (quarter & 1) + l, (q & 15) << (4 * (quarter >> 1)))
      or(view, at + 128 + 32 * side + l, (q >> 4) << (2 * quarter))
    }
  })
}

function or(view: DataView, at: number, bits: number): void {
  view.setUint8(at, view.getUint8(at) | bits)
}

/** Half the step between neighbouring levels of a block: what a stored weight may be off by, for tests. */
export function blockTolerance(type: 'Q8_0' | 'Q4_0' | 'Q4_1', stored: Uint8Array): number {
  const d = Math.abs(halfToFloat(new DataView(stored.buffer, stored.byteOffset).getUint16(0, true)))
  return type === 'Q4_0' ? d : d / 2
}

/** The file as `count` parts, as gguf-split would name and mark them. @param tensorsMore what they say the model has beyond what it has */
export async function splitGguf(
  file: Uint8Array,
  count: number,
  stem: string,
  tensorsMore = 0,
): Promise<{ name: string; bytes: Uint8Array }[]> {
  const keys: Uint8Array[] = []
  const { tensors } = await readGguf(memorySource(file), (_, from, to) => keys.push(file.slice(from, to)))
  const all = [...tensors.values()]
  const perPart = Math.ceil(all.length / count)
  return Array.from({ length: count }, (_, no) => {
    const own = all.slice(no * perPart, (no + 1) * perPart)
    const marks = [keyBytes('split.no', { u32: no }), keyBytes('split.count', { u32: count })]
    marks.push(keyBytes('split.tensors.count', { u32: all.length + tensorsMore }))
    const { bytes, padding } = ggufHeader([...(no === 0 ? keys : []), ...marks], own)
    const data = own.flatMap(({ offset, bytes: length }, i) => [file.subarray(offset, offset + length), new Uint8Array(padding[i])])
    const name = `${stem}-${String(no + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`
    return { name, bytes: new Uint8Array(Buffer.concat([bytes, ...data])) }
  })
}
