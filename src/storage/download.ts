// Fetches one large file into the blob store: from the first source that works, several ranges at a time, taken up where an
// earlier try stopped, judged chunk by chunk where the chunks' digests are known. Not a cache of URLs: only the digest
// decides what a file is. How one source is asked is fetch-chunks.ts's.
// Invariants: bytes of a wrong file are never kept; a cancelled or broken download keeps its right beginning; what is here
// already is hashed again once a session, and only chunks that went wrong are fetched; two tabs asking for one digest
// download it once (Web Locks).
import { OpenChatError } from '../errors.ts'
import { type BlobWriter, CHUNK_BYTES } from './blob-writer.ts'
import type { BlobStore } from './blobs.ts'
import { type ChunkRequest, fetchChunks, hostOf } from './fetch-chunks.ts'

export interface DownloadProgress {
  /** `hashing`: looking again at what is here. */
  phase: 'waiting' | 'hashing' | 'downloading'
  doneBytes: number
  totalBytes: number | null
  /** Of this try, 0 while unknown. */
  bytesPerSecond: number
}

/** A chunk that was wrong, where it came from, and what is done about it: it alone is fetched again. */
export interface BadChunk {
  chunk: number
  offset: number
  /** Host of the source, or `null` for a chunk that had gone wrong in this browser's storage. */
  host: string | null
}

/** Who reads a file while it is fetched. */
export interface Follower {
  /** Before the first request: what an earlier try left, each chunk of it judged. */
  begun(kept: Pick<BlobWriter, 'has' | 'read'>): void
  /** A chunk that was judged and is kept. Nobody writes to its bytes any more. */
  arrived(chunk: number, content: Uint8Array): void
  /** Whether a chunk is waited for: it is then asked for before others. */
  waitsFor(chunk: number): boolean
}

interface Transfer {
  blobs: BlobStore
  signal?: AbortSignal
  onProgress?: (progress: DownloadProgress) => void
  onBadChunk?: (bad: BadChunk) => void
  fetch?: typeof globalThis.fetch
  /** Silence after which a source is given up, in ms. */
  stallMs?: number
  /** Rounds through all sources before giving up. */
  rounds?: number
  /** Pause before the second round, doubled each time, in ms. */
  retryMs?: number
  /** Ranges asked for at a time. */
  parallel?: number
}

export interface DownloadRequest extends Transfer {
  /** Mirrors of one file, best first. */
  urls: string[]
  /** sha256, 64 hex digits. */
  digest: string
  /** Its length, where known: needed for ranges in parallel, and a longer or shorter file is noticed early. */
  bytes?: number
  /** sha256 of each 4 MiB chunk, where known: each is then judged as it arrives. */
  chunks?: readonly string[]
  /** What is here is given as it lies: the caller judges each chunk as it reads it, by `BlobStore.chunks`. */
  unchecked?: boolean
  /** Told of nothing without `chunks`: bytes that nobody judged are given to nobody. */
  follower?: Follower
}

/** Blobs whose chunks were hashed in this session, by store. */
const looked = new WeakMap<BlobStore, Set<string>>()

/**
 * The file's bytes, from the store when they are there and right.
 * @throws `digest_mismatch` (every source gave another file), `download_failed`, `storage_full`, `cancelled`
 */
export async function download(request: DownloadRequest): Promise<Blob> {
  const held = await heldBlob(request)
  if (held) return held
  const locks = globalThis.navigator?.locks
  if (!locks) return fetchNamed(request)
  request.onProgress?.({ phase: 'waiting', doneBytes: 0, totalBytes: request.bytes ?? null, bytesPerSecond: 0 })
  const signal = request.signal ?? new AbortController().signal
  try {
    return await locks.request(`open-chat/download/${request.digest}`, { signal }, () => fetchNamed(request))
  } catch (error) {
    throw signal.aborted ? cancelled(error) : error
  }
}

/** The kept file, each chunk hashed once a session; null when it is absent or a chunk went wrong, which is then dropped. */
async function heldBlob({ blobs, digest, bytes, unchecked, onProgress, onBadChunk, signal }: DownloadRequest): Promise<Blob | null> {
  const held = await blobs.get(digest)
  if (held === null || unchecked === true) return held
  const seen = looked.get(blobs) ?? new Set()
  looked.set(blobs, seen)
  if (!seen.has(digest)) {
    const totalBytes = bytes ?? held.size
    const onChecked = (doneBytes: number) => onProgress?.({ phase: 'hashing', doneBytes, totalBytes, bytesPerSecond: 0 })
    const { wrong } = await blobs.verify(digest, { onChecked, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
      throw signal?.aborted ? cancelled(error) : error
    })
    for (const chunk of wrong) onBadChunk?.({ chunk, offset: chunk * CHUNK_BYTES, host: null })
    if (wrong.length > 0) return null
    seen.add(digest)
  }
  return held
}

const cancelled = (cause: unknown) =>
  new OpenChatError('cancelled', 'The download was cancelled.', { cause, action: 'What has arrived is kept; start it again to go on.' })

async function fetchNamed(request: DownloadRequest): Promise<Blob> {
  const { blobs, digest, bytes, chunks } = request
  const follower = chunks === undefined ? undefined : request.follower
  const held = await blobs.get(digest)
  if (held) return held
  const onChecked = (doneBytes: number) =>
    request.onProgress?.({ phase: 'hashing', doneBytes, totalBytes: bytes ?? null, bytesPerSecond: 0 })
  const writer = await blobs.writer(digest, {
    onChecked,
    ...(bytes === undefined ? {} : { bytes }),
    ...(chunks === undefined ? {} : { chunks }),
    ...(follower === undefined ? {} : { onStored: (chunk, content) => follower.arrived(chunk, content) }),
  })
  follower?.begun(writer)
  const first = (chunk: number) => follower?.waitsFor(chunk) ?? false
  await fetchAll({ ...request, first }, request.urls, writer, bytes ?? null, digest)
  const seen = looked.get(blobs) ?? new Set()
  looked.set(blobs, seen.add(digest))
  return (await blobs.get(digest))!
}

/**
 * Fetches a file whose digest nobody knows yet. @param name that its pieces are called by until then
 * @returns its sha256
 * @throws `download_failed`, `storage_full`, `cancelled`
 */
export async function downloadNameless(request: Transfer & { url: string; name: string; bytes: number }): Promise<string> {
  const writer = await request.blobs.nameless(request.name, { bytes: request.bytes })
  return fetchAll(request, [request.url], writer, request.bytes, null)
}

async function fetchAll(
  request: Transfer & Partial<Pick<ChunkRequest, 'first'>>,
  urls: string[],
  writer: BlobWriter,
  known: number | null,
  digest: string | null,
): Promise<string> {
  const { rounds = 3, retryMs = 1000, parallel = 4, stallMs = 30_000, first = () => false } = request
  const signal = request.signal ?? new AbortController().signal
  const started = performance.now()
  const before = writer.storedBytes
  const reasons = new Map<string, string>()
  const wrong = new Set<string>()
  let bytes = known
  let bad: OpenChatError | null = null
  const onFlight = (flight: number) => {
    // A chunk counts twice for the moment between its being stored and its flight's end.
    const doneBytes = Math.min(bytes ?? Number.POSITIVE_INFINITY, writer.storedBytes + flight)
    const seconds = (performance.now() - started) / 1000
    const bytesPerSecond = seconds > 0 ? Math.max(0, doneBytes - before) / seconds : 0
    request.onProgress?.({ phase: 'downloading', doneBytes, totalBytes: bytes, bytesPerSecond })
  }
  for (let round = 0; round < rounds; round++) {
    if (round > 0) await pause(retryMs * 2 ** (round - 1), signal)
    // A source that ended in a wrong file after chunks of another one gets a second chance at once, from the start.
    const queue = urls.filter((url) => !wrong.has(url))
    for (let url = queue.shift(); url !== undefined; url = queue.shift()) {
      const resumed = writer.begun
      const host = hostOf(url)
      const onBadChunk = ({ meta }: OpenChatError) => request.onBadChunk?.({ chunk: Number(meta.chunk), offset: Number(meta.offset), host })
      try {
        // As a property it would be called with another `this`, which browsers refuse.
        const asked: typeof fetch = request.fetch ?? ((address, init) => fetch(address, init))
        const ask = { url, writer, bytes, signal, fetch: asked, parallel, stallMs, first, onFlight, onBadChunk }
        const result = await fetchChunks(ask)
        bytes = result.bytes
        if (result.bad === null) return await writer.commit(bytes)
        bad = result.bad
        reasons.set(url, `${host} has other bytes: ${bad.shortMessage}`)
      } catch (error) {
        if (signal.aborted) throw cancelled(error)
        const code = error instanceof OpenChatError ? error.code : ''
        if (code.startsWith('storage_')) throw error
        if (code === 'download_changed' || code === 'file_truncated') await writer.discard()
        if (code === 'digest_mismatch') {
          bad = error as OpenChatError
          if (resumed) queue.unshift(url)
          else wrong.add(url)
        }
        reasons.set(url, error instanceof OpenChatError ? error.shortMessage : `${host} could not be reached`)
      }
    }
    if (wrong.size === urls.length) break
  }
  throw bad === null ? failed(urls, reasons, digest, writer, bytes) : mismatch(bad, digest, urls)
}

function mismatch(bad: OpenChatError, digest: string | null, urls: string[]): OpenChatError {
  if (bad.code === 'digest_mismatch') return bad
  return new OpenChatError('digest_mismatch', `${bad.shortMessage}, whichever source is asked (${urls.map(hostOf).join(', ')}).`, {
    meta: { ...bad.meta, digest },
    action: 'The right part is kept: try again later, or from another source.',
    cause: bad,
  })
}

function failed(
  urls: string[],
  reasons: Map<string, string>,
  digest: string | null,
  writer: BlobWriter,
  bytes: number | null,
): OpenChatError {
  const hosts = urls.map(hostOf).join(', ')
  return new OpenChatError(
    'download_failed',
    `The file could not be fetched from ${hosts || 'any source'}: ${[...reasons.values()].at(-1) ?? 'no source is known'}.`,
    {
      meta: { digest, hosts, doneBytes: writer.storedBytes, totalBytes: bytes },
      action: 'Check the connection and try again; what has arrived is kept.',
    },
  )
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(cancelled(signal.reason))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
