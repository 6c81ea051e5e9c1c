// Several sources of bytes as one: the parts of a split file, or a header made here in front of tensors that lie elsewhere.
// Not a cache and not a copy: a read inside one piece is that piece's own read.
// Invariant: a read gives exactly what was asked for, or `file_truncated`.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'

/** The pieces end to end. */
export function joinedSource(pieces: readonly ByteSource[]): ByteSource {
  const starts: number[] = []
  let bytes = 0
  for (const piece of pieces) {
    starts.push(bytes)
    bytes += piece.bytes
  }
  const pieceAt = (offset: number): number => {
    let [low, high] = [0, pieces.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle] <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
  return {
    bytes,
    async read(offset, length) {
      ensureInside(bytes, offset, length)
      if (length === 0) return new Uint8Array(0)
      let index = pieceAt(offset)
      let at = offset - starts[index]
      if (at + length <= pieces[index].bytes) return pieces[index].read(at, length)
      const out = new Uint8Array(length)
      for (let got = 0; got < length; index++, at = 0) {
        const part = Math.min(length - got, pieces[index].bytes - at)
        if (part > 0) out.set(await pieces[index].read(at, part), got)
        got += part
      }
      return out
    },
  }
}

/** `length` bytes of a source from `offset`, as a source. */
export function sliceSource(source: ByteSource, offset: number, length: number): ByteSource {
  ensureInside(source.bytes, offset, length)
  return {
    bytes: length,
    read: async (at, count) => {
      ensureInside(length, at, count)
      return source.read(offset + at, count)
    },
  }
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    bytes: bytes.length,
    read: async (offset, length) => {
      ensureInside(bytes.length, offset, length)
      return bytes.subarray(offset, offset + length)
    },
  }
}

/**
 * A source rewritten as a whole, of another length perhaps: rows in another order, numbers in another type. Read from front to end
 * in pieces, several asked for at a time, it is rewritten once: the whole is held until its last byte was read.
 */
export function rewrittenSource(source: ByteSource, bytes: number, rewrite: (whole: Uint8Array) => Uint8Array): ByteSource {
  let whole: Promise<Uint8Array> | null = null
  return {
    bytes,
    async read(offset, length) {
      ensureInside(bytes, offset, length)
      const held = whole ?? source.read(0, source.bytes).then(rewrite)
      whole = offset + length === bytes ? null : held
      const rewritten = await held.catch((error: unknown) => {
        // A later read asks the source again.
        if (whole === held) whole = null
        throw error
      })
      return rewritten.subarray(offset, offset + length)
    },
  }
}

function ensureInside(bytes: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= bytes) return
  throw new OpenChatError('file_truncated', `The file ends at ${bytes} bytes; ${length} bytes were asked at ${offset}.`, {
    meta: { bytes, offset, length },
    action: 'Fetch the file again.',
  })
}
