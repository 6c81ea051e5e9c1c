// A content-addressed store of large files: models, indexes, adapters, contributions, by their sha256. Not a cache: nothing
// leaves it unless deleted; and not a file tree.
// A blob is a row of chunks (names.ts), a list of their digests, and a mark; no file is ever copied or renamed, and a crash
// loses at most the chunks that were on their way. The list outlives the mark: a blob of which the browser lost a chunk is
// no more there, but only that chunk has to be fetched again.
// Invariants: a digest that is listed was hashed as it was written; a wrong one leaves nothing behind.
import { type BlobWriter, CHUNK_BYTES, type ChunkList, openWriter } from './blob-writer.ts'
import { checkDigest, digestOf } from './digest.ts'
import { chunkName, completeName, listName } from './names.ts'
import type { Pieces } from './pieces.ts'

/** What happened to a blob, for whoever keeps account of what should be here. */
export interface BlobWatch {
  kept(digest: string, bytes: number): Promise<void>
  deleted(digest: string): Promise<void>
}

export interface BlobWriting {
  bytes?: number
  /** sha256 of each 4 MiB chunk. Without it, a list that an earlier complete write left is used. */
  chunks?: readonly string[]
  onChecked?: (bytes: number) => void
  onStored?: (chunk: number, content: Uint8Array) => void
}

export interface BlobStore {
  readonly chunkBytes: number
  has(digest: string): Promise<boolean>
  /** The whole file, backed by storage rather than memory; null when it is absent or incomplete. */
  get(digest: string): Promise<Blob | null>
  /** sha256 of each chunk of a whole blob, for whoever judges what it reads by itself; null when it is absent. */
  chunks(digest: string): Promise<Pick<ChunkList, 'chunkBytes' | 'chunks'> | null>
  /** Bytes that are here, whole or not, without looking into them. */
  kept(digest: string): Promise<{ complete: boolean; bytes: number }>
  /** Stores `content` under its digest, from the start. @throws `digest_mismatch`, `storage_full` */
  put(digest: string, content: Uint8Array | ReadableStream<Uint8Array>): Promise<void>
  /** Takes up what an earlier, interrupted write left. @throws `digest_invalid` */
  writer(digest: string, options?: BlobWriting): Promise<BlobWriter>
  /** As `writer`, for a file whose digest is known only at its end. @param name 64 hex digits that its pieces are called by */
  nameless(name: string, options?: Omit<BlobWriting, 'chunks'>): Promise<BlobWriter>
  /** Hashes every chunk of a blob against its list; wrong ones are dropped, and the blob is then incomplete. */
  verify(
    digest: string,
    options?: { onChecked?: (bytes: number) => void; signal?: AbortSignal },
  ): Promise<{ chunks: number; wrong: number[] }>
  delete(digest: string): Promise<void>
  list(): Promise<{ digest: string; bytes: number }[]>
}

export function createBlobs(pieces: Pieces, chunkBytes = CHUNK_BYTES, watch?: BlobWatch): BlobStore {
  const textOf = async (name: string) => (await (await pieces.read(name))?.text()) ?? null

  async function listOf(digest: string): Promise<ChunkList | null> {
    checkDigest(digest)
    const text = await textOf(listName(digest))
    try {
      return text === null ? null : (JSON.parse(text) as ChunkList)
    } catch {
      // The page went while it was written, or it is being written now: the mark, which comes after it, is not there either.
      return null
    }
  }

  async function get(digest: string): Promise<Blob | null> {
    const list = await listOf(digest)
    if (list === null || (await textOf(completeName(digest))) === null) return null
    const found = await Promise.all(list.chunks.map((_, chunk) => pieces.read(chunkName(list.at, chunk))))
    const blob = new Blob(found.filter((piece) => piece !== null))
    // The browser may evict single files of an origin under pressure, or lose their end in a crash of the machine.
    if (blob.size === list.bytes) return blob
    await pieces.remove(completeName(digest))
    return null
  }

  async function remove(digest: string): Promise<void> {
    const list = await listOf(digest)
    await watch?.deleted(digest)
    // The mark goes first: what is half deleted is not there.
    await pieces.remove(completeName(digest))
    const mine = [`${digest}.`, ...(list === null ? [] : [`${list.at}.`])]
    for (const name of await pieces.names()) if (mine.some((start) => name.startsWith(start))) await pieces.remove(name)
  }

  const watched = (writer: BlobWriter): BlobWriter => ({
    ...writer,
    get storedBytes() {
      return writer.storedBytes
    },
    get begun() {
      return writer.begun
    },
    async commit(bytes) {
      const digest = await writer.commit(bytes)
      await watch?.kept(digest, bytes)
      return digest
    },
  })

  async function writer(digest: string, options: BlobWriting = {}): Promise<BlobWriter> {
    const list = await listOf(digest)
    const chunks = options.chunks ?? (list?.chunkBytes === chunkBytes ? list.chunks : undefined)
    return watched(
      await openWriter(pieces, { ...options, at: list?.at ?? digest, digest, chunkBytes, ...(chunks === undefined ? {} : { chunks }) }),
    )
  }

  return {
    chunkBytes,
    get,
    has: async (digest) => (await get(digest)) !== null,
    chunks: listOf,
    async kept(digest) {
      const list = await listOf(digest)
      if (list !== null && (await get(digest)) !== null) return { complete: true, bytes: list.bytes }
      const at = list?.at ?? digest
      let bytes = 0
      for (const name of await pieces.names()) {
        if (name.startsWith(`${at}.`) && /^\d{6}(\.start)?$/.test(name.slice(at.length + 1))) bytes += (await pieces.read(name))?.size ?? 0
      }
      return { complete: false, bytes }
    },
    writer,
    nameless: async (name, options = {}) => watched(await openWriter(pieces, { ...options, at: name, digest: null, chunkBytes })),
    async put(digest, content) {
      checkDigest(digest)
      await remove(digest)
      const into = await writer(digest)
      try {
        await into.commit(await writeInOrder(into, content instanceof Uint8Array ? new Blob([content as BlobPart]).stream() : content))
      } catch (error) {
        await into.discard()
        throw error
      }
    },
    async verify(digest, { onChecked, signal } = {}) {
      const list = await listOf(digest)
      const wrong: number[] = []
      let checked = 0
      for (const [chunk, expected] of (list?.chunks ?? []).entries()) {
        signal?.throwIfAborted()
        const piece = await pieces.read(chunkName(list!.at, chunk))
        const right = piece !== null && (await digestOf(new Uint8Array(await piece.arrayBuffer()))) === expected
        if (!right) {
          await pieces.remove(completeName(digest))
          await pieces.remove(chunkName(list!.at, chunk))
          wrong.push(chunk)
        }
        onChecked?.((checked += piece?.size ?? 0))
      }
      return { chunks: list?.chunks.length ?? 0, wrong }
    },
    delete: remove,
    async list() {
      const marks = (await pieces.names()).filter((name) => name.endsWith('.complete')).sort()
      const found = await Promise.all(
        marks.map(async (name) => ({ digest: name.slice(0, 64), bytes: (await get(name.slice(0, 64)))?.size ?? -1 })),
      )
      return found.filter(({ bytes }) => bytes >= 0)
    },
  }
}

/** Cuts a stream into chunks. @returns its length, for `commit`. */
export async function writeInOrder(
  writer: BlobWriter,
  content: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): Promise<number> {
  let gathered = new Uint8Array(writer.chunkBytes)
  let filled = 0
  let chunk = 0
  for await (let rest of content) {
    while (rest.length > 0) {
      const taken = Math.min(rest.length, gathered.length - filled)
      gathered.set(rest.subarray(0, taken), filled)
      filled += taken
      rest = rest.subarray(taken)
      if (filled < gathered.length) continue
      await writer.write(chunk++, gathered)
      gathered = new Uint8Array(writer.chunkBytes)
      filled = 0
    }
    onBytes(chunk * writer.chunkBytes + filled)
  }
  if (filled > 0) await writer.write(chunk, gathered.subarray(0, filled))
  return chunk * writer.chunkBytes + filled
}
