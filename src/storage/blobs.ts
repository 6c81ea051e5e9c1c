// A content-addressed store of large files: models, indexes, adapters, contributions, by their sha256. Not a cache: nothing
// leaves it unless deleted; and not a file tree.
// A blob is a row of pieces `<digest>.<i>` of at most 8 MiB, and is there once `<digest>.complete` is: no file is ever
// copied or renamed, and a crash loses at most the piece being gathered.
// Invariants: a digest that is listed was hashed as it was written; a wrong one leaves nothing behind; a half-written one
// is taken up again from its own pieces, hashed again.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { OpenChatError } from '../errors.ts'
import type { Pieces } from './pieces.ts'

const PIECE_BYTES = 8 * 2 ** 20

export interface BlobStore {
  has(digest: string): Promise<boolean>
  /** The whole file, backed by storage rather than memory; null when it is absent or incomplete. */
  get(digest: string): Promise<Blob | null>
  /** Stores `content` under its digest, from the start. @throws `digest_mismatch`, `storage_full` */
  put(digest: string, content: Uint8Array | ReadableStream<Uint8Array>): Promise<void>
  /** Takes up what an earlier, interrupted write left. @throws `digest_invalid` */
  resume(digest: string, onHashed?: (bytes: number) => void): Promise<PartialBlob>
  delete(digest: string): Promise<void>
  list(): Promise<{ digest: string; bytes: number }[]>
}

/** A blob being written. One of `commit`, `pause` and `discard` ends it. */
export interface PartialBlob {
  /** Bytes taken so far, stored or gathered. */
  readonly bytes: number
  append(chunk: Uint8Array): Promise<void>
  /** @throws `digest_mismatch` after deleting everything written. */
  commit(): Promise<void>
  /** Keeps what is there for a later `resume`. */
  pause(): Promise<void>
  discard(): Promise<void>
}

/** sha256 of `bytes` as 64 hex digits, the form every digest of a file has here. */
export const sha256Hex = (bytes: Uint8Array): string => bytesToHex(sha256(bytes))

function checkDigest(digest: string): void {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new OpenChatError('digest_invalid', `Expected a sha256 of 64 lower-case hex digits, got "${digest.slice(0, 80)}".`)
  }
}

const pieceName = (digest: string, i: number) => `${digest}.${String(i).padStart(6, '0')}`
const markName = (digest: string) => `${digest}.complete`

export function createBlobs(pieces: Pieces, pieceBytes = PIECE_BYTES): BlobStore {
  async function stored(digest: string): Promise<Blob[]> {
    const found: Blob[] = []
    for (let i = 0; ; i++) {
      const piece = await pieces.read(pieceName(digest, i))
      if (!piece) return found
      found.push(piece)
    }
  }

  async function remove(digest: string): Promise<void> {
    // The mark goes first: what is half deleted is not there.
    await pieces.remove(markName(digest))
    const names = (await pieces.names()).filter((name) => name.startsWith(`${digest}.`)).sort()
    for (const name of names.reverse()) await pieces.remove(name)
  }

  async function resume(digest: string, onHashed?: (bytes: number) => void): Promise<PartialBlob> {
    checkDigest(digest)
    if (await pieces.read(markName(digest))) {
      throw new OpenChatError('digest_invalid', `The blob ${digest} is complete already; there is nothing to resume.`)
    }
    const hash = sha256.create()
    let bytes = 0
    const before = await stored(digest)
    for (const piece of before) {
      hash.update(new Uint8Array(await piece.arrayBuffer()))
      bytes += piece.size
      onHashed?.(bytes)
    }
    let next = before.length
    let gathered: Uint8Array[] = []
    let gatheredBytes = 0
    const flush = async () => {
      if (gatheredBytes === 0) return
      await pieces.write(pieceName(digest, next++), gathered)
      gathered = []
      gatheredBytes = 0
    }
    return {
      get bytes() {
        return bytes
      },
      async append(chunk) {
        hash.update(chunk)
        bytes += chunk.length
        gathered.push(chunk)
        gatheredBytes += chunk.length
        if (gatheredBytes >= pieceBytes) await flush()
      },
      async commit() {
        await flush()
        const got = bytesToHex(hash.digest())
        if (got !== digest) {
          await remove(digest)
          throw new OpenChatError('digest_mismatch', `The file has another content: expected sha256 ${digest}, got ${got}.`, {
            meta: { expected: digest, got, bytes },
            action: 'Nothing of it was kept: try another source.',
          })
        }
        await pieces.write(markName(digest), [new TextEncoder().encode(String(bytes))])
      },
      pause: flush,
      discard: () => remove(digest),
    }
  }

  async function get(digest: string): Promise<Blob | null> {
    checkDigest(digest)
    const mark = await pieces.read(markName(digest))
    if (!mark) return null
    const blob = new Blob(await stored(digest))
    // The browser may evict single files of an origin under pressure.
    if (blob.size === Number(await mark.text())) return blob
    await remove(digest)
    return null
  }

  return {
    get,
    has: async (digest) => (await get(digest)) !== null,
    resume,
    async put(digest, content) {
      checkDigest(digest)
      await remove(digest)
      const partial = await resume(digest)
      try {
        if (content instanceof Uint8Array) await partial.append(content)
        else for await (const chunk of content) await partial.append(chunk)
      } catch (error) {
        await partial.discard()
        throw error
      }
      await partial.commit()
    },
    async delete(digest) {
      checkDigest(digest)
      await remove(digest)
    },
    async list() {
      const marks = (await pieces.names()).filter((name) => name.endsWith('.complete')).sort()
      const found = await Promise.all(
        marks.map(async (name) => {
          const digest = name.slice(0, 64)
          return { digest, bytes: (await get(digest))?.size ?? -1 }
        }),
      )
      return found.filter(({ bytes }) => bytes >= 0)
    },
  }
}
