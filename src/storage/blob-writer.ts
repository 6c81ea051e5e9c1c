// One large file on its way into the store, chunk by chunk, in any order. Not a download: whoever has bytes hands them in.
// With a list of chunk digests every chunk is judged alone, when it comes and again when an earlier try is taken up. Without
// one only the whole file's digest can judge, so a wrong end drops everything.
// Invariants: a chunk is stored whole or not at all; nothing is announced complete before every byte of it was hashed, by
// chunk against the list or as a whole; what is announced carries its own list, so that later reads are judged by chunk.
import { OpenChatError } from '../errors.ts'
import { checkDigest, digestOf, type StreamingDigest, streamingDigest } from './digest.ts'
import { chunkName, completeName, listName, startName } from './names.ts'
import type { Pieces } from './pieces.ts'

/** Large enough that its request costs little, small enough that fetching one again does too. */
export const CHUNK_BYTES = 4 * 2 ** 20

/** What `<digest>.chunks` says of a file: its length, its chunks' digests, and under which name its pieces lie. */
export interface ChunkList {
  bytes: number
  chunkBytes: number
  chunks: string[]
  at: string
}

export interface WriterOptions {
  /** Name of its pieces, in the form of a digest; the digest itself where it is known. */
  at: string
  /** sha256 of the whole; null: what comes decides. */
  digest: string | null
  bytes?: number
  /** sha256 of every chunk in order. */
  chunks?: readonly string[]
  chunkBytes?: number
  /** Bytes of an earlier try that were looked at again. */
  onChecked?: (bytes: number) => void
  /** A chunk as it was just written: judged already where the chunks' digests are known. */
  onStored?: (chunk: number, content: Uint8Array) => void
}

export interface BlobWriter {
  readonly chunkBytes: number
  /** Of whole chunks. */
  readonly storedBytes: number
  /** Something of an earlier try, or of another source, is part of it. */
  readonly begun: boolean
  has(chunk: number): boolean
  /** A whole chunk as it lies in the store, not judged anew; null when it is not there. */
  read(chunk: number): Promise<Uint8Array | null>
  /** What an interrupted try left of a chunk; null when nothing. */
  start(chunk: number): Promise<Uint8Array | null>
  keepStart(chunk: number, content: Uint8Array): Promise<void>
  /** @throws `chunk_mismatch` (nothing is stored), `storage_full` */
  write(chunk: number, content: Uint8Array): Promise<void>
  /**
   * Announces the file. @returns its digest
   * @throws `digest_mismatch` after dropping everything, `file_truncated` when a chunk is missing
   */
  commit(bytes: number): Promise<string>
  discard(): Promise<void>
}

export async function openWriter(pieces: Pieces, options: WriterOptions): Promise<BlobWriter> {
  const { at, digest, chunkBytes = CHUNK_BYTES } = options
  checkDigest(at)
  if (digest !== null) checkDigest(digest)
  const known = options.chunks
  const stored = new Map<number, number>()
  const digests = new Map<number, string>()
  const starts = new Set<number>()
  let whole: { hash: StreamingDigest; next: number } | null = null

  async function remove(): Promise<void> {
    for (const name of (await pieces.names()).filter((name) => name.startsWith(`${at}.`))) await pieces.remove(name)
    stored.clear()
    digests.clear()
    starts.clear()
    whole = null
  }

  const expectedBytes = (chunk: number) => (options.bytes === undefined ? null : Math.min(chunkBytes, options.bytes - chunk * chunkBytes))

  async function takeUp(): Promise<void> {
    const found = new Set(await pieces.names())
    let checked = 0
    for (const name of found) {
      const [, number, cut] = name.startsWith(`${at}.`) ? (/^(\d{6})(\.start)?$/.exec(name.slice(at.length + 1)) ?? []) : []
      if (number === undefined) continue
      const index = Number(number)
      if (cut !== undefined) {
        starts.add(index)
        continue
      }
      const piece = await pieces.read(name)
      const right = piece !== null && piece.size > 0 && piece.size === (expectedBytes(index) ?? chunkBytes)
      if (right && known === undefined) stored.set(index, piece.size)
      else if (right && (await digestOf(new Uint8Array(await piece.arrayBuffer()))) === known?.[index]) {
        stored.set(index, piece.size)
        digests.set(index, known[index])
      } else await pieces.remove(name)
      options.onChecked?.((checked += piece?.size ?? 0))
    }
  }
  await takeUp()

  async function dropStart(chunk: number): Promise<void> {
    if (starts.delete(chunk)) await pieces.remove(startName(at, chunk))
  }

  /** Feeds the whole file's digest with what is stored from where it stands. */
  async function hashStored(): Promise<string> {
    whole ??= { hash: await streamingDigest(), next: 0 }
    for (; stored.has(whole.next); whole.next++) {
      const bytes = new Uint8Array(await (await pieces.read(chunkName(at, whole.next)))!.arrayBuffer())
      whole.hash.update(bytes)
      if (!digests.has(whole.next)) digests.set(whole.next, await digestOf(bytes))
    }
    return whole.hash.digest()
  }

  return {
    chunkBytes,
    get storedBytes() {
      return [...stored.values()].reduce((sum, bytes) => sum + bytes, 0)
    },
    get begun() {
      return stored.size > 0 || starts.size > 0
    },
    has: (chunk) => stored.has(chunk),
    async read(chunk) {
      const piece = await pieces.read(chunkName(at, chunk))
      return piece === null ? null : new Uint8Array(await piece.arrayBuffer())
    },
    async start(chunk) {
      const piece = await pieces.read(startName(at, chunk))
      const most = expectedBytes(chunk) ?? chunkBytes
      return piece === null || piece.size === 0 || piece.size >= most ? null : new Uint8Array(await piece.arrayBuffer())
    },
    async keepStart(chunk, content) {
      if (content.length === 0 || stored.has(chunk)) return
      await pieces.write(startName(at, chunk), [content])
      starts.add(chunk)
    },
    async write(chunk, content) {
      const got = await digestOf(content)
      const expected = known?.[chunk]
      if (known !== undefined && got !== expected) {
        await dropStart(chunk)
        throw new OpenChatError(
          'chunk_mismatch',
          `Bytes ${chunk * chunkBytes} to ${chunk * chunkBytes + content.length - 1} are not those of the file`,
          {
            meta: { chunk, offset: chunk * chunkBytes, bytes: content.length, expected: expected ?? '', got },
          },
        )
      }
      await pieces.write(chunkName(at, chunk), [content])
      await dropStart(chunk)
      stored.set(chunk, content.length)
      digests.set(chunk, got)
      options.onStored?.(chunk, content)
      if (known !== undefined) return
      // Written anew behind the hash: it must begin again.
      if (whole !== null && chunk < whole.next) whole = null
      whole ??= { hash: await streamingDigest(), next: 0 }
      if (whole.next !== chunk) return
      whole.hash.update(content)
      whole.next++
    },
    async commit(bytes) {
      const count = Math.ceil(bytes / chunkBytes)
      for (let chunk = 0; chunk < count; chunk++) {
        if (stored.get(chunk) === Math.min(chunkBytes, bytes - chunk * chunkBytes)) continue
        throw new OpenChatError('file_truncated', `Chunk ${chunk} of ${count} is missing or short.`, { meta: { chunk, bytes } })
      }
      const got = known !== undefined && digest !== null ? digest : await hashStored()
      if (digest !== null && got !== digest) {
        await remove()
        throw new OpenChatError('digest_mismatch', `The file has another content: expected sha256 ${digest}, got ${got}.`, {
          meta: { expected: digest, got, bytes },
          action: 'Nothing of it was kept: try another source.',
        })
      }
      if ((await pieces.read(completeName(got))) !== null && got !== at) {
        // The same content is here already, under another name of its pieces.
        await remove()
        return got
      }
      const list: ChunkList = { bytes, chunkBytes, chunks: Array.from({ length: count }, (_, chunk) => digests.get(chunk)!), at }
      await pieces.write(listName(got), [new TextEncoder().encode(JSON.stringify(list))])
      await pieces.write(completeName(got), [new TextEncoder().encode(String(bytes))])
      return got
    },
    discard: remove,
  }
}
