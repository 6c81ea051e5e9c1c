// Writes the header of a GGUF file: what stands before the tensors' bytes. Not the tensors, and no quantiser.
// What it is for: files of other forms (parts of a split model, a safetensors folder) are presented as one GGUF file, so that
// whatever reads a model reads one form only, and what the page keeps can be read by any other GGUF reader too.
// Invariant: `readGguf` of header and data gives back the same keys, tensors and offsets.
// Source: the GGUF specification, version 3, little-endian.
import { tensorTypes } from './quant.ts'

/** A metadata value with its type, which other readers insist on. */
export type TypedValue =
  | { u32: number }
  | { f32: number }
  | { bool: boolean }
  | { text: string }
  | { texts: readonly string[] }
  | { i32s: Int32Array }
  | { f32s: Float32Array }

export interface HeaderTensor {
  name: string
  /** A key of `tensorTypes`. */
  type: string
  /** ggml order, fastest first. */
  shape: readonly number[]
  bytes: number
}

export interface GgufHeader {
  bytes: Uint8Array<ArrayBuffer>
  /** Bytes of zeros behind each tensor, up to the next one's start. */
  padding: number[]
}

/**
 * @param keys each from {@link keyBytes}, or taken as it stood in another file
 * @param alignment a power of two; another than 32 must be among the keys
 */
export function ggufHeader(keys: readonly Uint8Array[], tensors: readonly HeaderTensor[], alignment = 32): GgufHeader {
  const out = new ByteWriter()
  out.put(new TextEncoder().encode('GGUF'))
  out.u32(3)
  out.u64(tensors.length)
  out.u64(keys.length)
  for (const key of keys) out.put(key)
  const padding: number[] = []
  let offset = 0
  for (const { name, type, shape, bytes } of tensors) {
    out.text(name)
    out.u32(shape.length)
    for (const size of shape) out.u64(size)
    out.u32(tensorTypes[type as keyof typeof tensorTypes].id)
    out.u64(offset)
    padding.push(Math.ceil(bytes / alignment) * alignment - bytes)
    offset += bytes + padding[padding.length - 1]
  }
  while (out.length % alignment !== 0) out.u8(0)
  return { bytes: out.take(), padding }
}

export function keyBytes(key: string, value: TypedValue): Uint8Array {
  const out = new ByteWriter()
  out.text(key)
  if ('u32' in value) {
    out.u32(4)
    out.u32(value.u32)
  } else if ('f32' in value) {
    out.u32(6)
    out.f32(value.f32)
  } else if ('bool' in value) {
    out.u32(7)
    out.u8(value.bool ? 1 : 0)
  } else if ('text' in value) {
    out.u32(8)
    out.text(value.text)
  } else if ('texts' in value) {
    out.list(8, value.texts.length)
    for (const text of value.texts) out.text(text)
  } else if ('i32s' in value) {
    out.list(5, value.i32s.length)
    for (const number of value.i32s) out.u32(number >>> 0)
  } else {
    out.list(6, value.f32s.length)
    for (const number of value.f32s) out.f32(number)
  }
  return out.take()
}

const utf8 = new TextEncoder()

class ByteWriter {
  #bytes = new Uint8Array(256)
  #view = new DataView(this.#bytes.buffer)
  length = 0

  #room(bytes: number): number {
    const at = this.length
    this.length += bytes
    if (this.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }

  put(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  u8(value: number): void {
    const at = this.#room(1)
    this.#view.setUint8(at, value)
  }

  u32(value: number): void {
    const at = this.#room(4)
    this.#view.setUint32(at, value, true)
  }

  f32(value: number): void {
    const at = this.#room(4)
    this.#view.setFloat32(at, value, true)
  }

  u64(value: number): void {
    const at = this.#room(8)
    this.#view.setBigUint64(at, BigInt(value), true)
  }

  text(value: string): void {
    const bytes = utf8.encode(value)
    this.u64(bytes.length)
    this.put(bytes)
  }

  list(type: number, count: number): void {
    this.u32(9)
    this.u32(type)
    this.u64(count)
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length)
  }
}
