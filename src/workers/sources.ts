// Random access to a file that is kept (a Blob) or served (HTTP ranges), as the engine's ByteSource; a kept one also judged chunk
// by chunk as it is read, so that a load costs one pass over the file instead of two.
import { OpenChatError } from '../errors.ts'
import type { ByteSource } from '../gpu/types.ts'
import { digestOf } from '../storage/digest.ts'

function ensureInside(bytes: number, offset: number, length: number): void {
  if (offset + length <= bytes) return
  throw new OpenChatError('file_truncated', `The file ends at ${bytes} bytes; ${length} bytes were asked at ${offset}.`, {
    meta: { bytes, offset, length },
    action: 'Download the file again.',
  })
}

export function blobSource(blob: Blob): ByteSource {
  return {
    bytes: blob.size,
    async read(offset, length) {
      ensureInside(blob.size, offset, length)
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
    },
  }
}

/** A served file of known length, read by ranges, so that its header costs a few requests instead of the whole file. */
export function rangeSource(url: string, bytes: number): ByteSource {
  return {
    bytes,
    async read(offset, length) {
      ensureInside(bytes, offset, length)
      if (length === 0) return new Uint8Array(0)
      const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } })
      const body = answer.status === 206 ? new Uint8Array(await answer.arrayBuffer()) : null
      if (body === null) await answer.body?.cancel()
      if (body?.length === length) return body
      throw new OpenChatError(
        'range_refused',
        `The server of ${url} answered ${answer.status} with ${body?.length ?? 'no'} bytes to a range of ${length}.`,
        {
          meta: { url, status: answer.status },
          action: 'Download the whole model, or use another server.',
        },
      )
    },
  }
}

/** What is known of a file whose every chunk is judged alone. */
export interface ChunkDigests {
  chunkBytes: number
  /** sha256 of each, in order. */
  chunks: readonly string[]
}

export interface VerifiedSource extends ByteSource {
  /** Chunks read and hashed so far. */
  readonly chunksRead: number
  /** Lets go of what is at hand; later reads read again. */
  forget(): void
}

/** Chunks at hand: gate and up of a layer are read side by side, each a little ahead. */
const CHUNKS_KEPT = 4

/**
 * A kept file whose every chunk is hashed when it is first needed, before a byte of it is given out.
 * @param list the digests of its chunks, `BlobStore.chunks`
 * @throws chunk_mismatch, naming the chunk: something went wrong in this browser's storage
 */
export function verifiedSource(blob: Blob, list: ChunkDigests): VerifiedSource {
  return chunkedSource(blob.size, list.chunkBytes, (chunk) => judgedChunk(list, chunk, chunkOfBlob(blob, list.chunkBytes, chunk)))
}

export async function chunkOfBlob(blob: Blob, chunkBytes: number, chunk: number): Promise<Uint8Array> {
  return new Uint8Array(await blob.slice(chunk * chunkBytes, (chunk + 1) * chunkBytes).arrayBuffer())
}

/** @param kept the chunk as it lies here; null when it does no more. @throws chunk_mismatch */
export async function judgedChunk(
  { chunkBytes, chunks }: ChunkDigests,
  chunk: number,
  kept: Promise<Uint8Array | null>,
): Promise<Uint8Array> {
  const bytes = (await kept) ?? new Uint8Array(0)
  const got = await digestOf(bytes)
  if (got === chunks[chunk]) return bytes
  const offset = chunk * chunkBytes
  throw new OpenChatError('chunk_mismatch', `Bytes ${offset} to ${offset + bytes.length - 1} of the kept file have changed.`, {
    meta: { chunk, offset, bytes: bytes.length, expected: chunks[chunk] ?? '', got },
    action: 'Load the model again: only this piece is fetched.',
  })
}

/** Ranges of any length out of chunks that come whole, the last few of which stay at hand. @param load one that is right */
export function chunkedSource(bytes: number, chunkBytes: number, load: (chunk: number) => Promise<Uint8Array>): VerifiedSource {
  const kept = new Map<number, Promise<Uint8Array>>()
  let chunksRead = 0
  const counted = (chunk: number) => {
    chunksRead++
    return load(chunk)
  }
  const chunkOf = (chunk: number): Promise<Uint8Array> => {
    const known = kept.get(chunk) ?? counted(chunk)
    kept.delete(chunk)
    kept.set(chunk, known)
    for (const oldest of kept.keys()) {
      if (kept.size <= CHUNKS_KEPT) break
      kept.delete(oldest)
    }
    return known
  }
  return {
    bytes,
    get chunksRead() {
      return chunksRead
    },
    async read(offset, length) {
      ensureInside(bytes, offset, length)
      if (length === 0) return new Uint8Array(0)
      const first = Math.floor(offset / chunkBytes)
      const last = Math.floor((offset + length - 1) / chunkBytes)
      const within = (whole: Uint8Array, chunk: number) =>
        whole.subarray(Math.max(0, offset - chunk * chunkBytes), Math.max(0, Math.min(whole.length, offset + length - chunk * chunkBytes)))
      if (first === last) return within(await chunkOf(first), first)
      const parts = await Promise.all(Array.from({ length: last - first + 1 }, (_, i) => chunkOf(first + i)))
      const out = new Uint8Array(length)
      let at = 0
      for (const [i, part] of parts.entries()) {
        const piece = within(part, first + i)
        out.set(piece, at)
        at += piece.length
      }
      return out
    },
    forget: () => kept.clear(),
  }
}
