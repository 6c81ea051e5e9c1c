// Fetches one large file of known digest into the blob store: from the first source that works, resumed where an earlier
// try stopped, hashed as it arrives. Not a cache of URLs: only the digest decides what a file is.
// Invariants: bytes of a wrong file are never kept; a cancelled or broken download keeps its right beginning; two tabs
// asking for one digest download it once (Web Locks).
import { OpenChatError } from '../errors.ts'
import type { BlobStore, PartialBlob } from './blobs.ts'

export interface DownloadProgress {
  /** `hashing`: reading again what an earlier try left. */
  phase: 'waiting' | 'hashing' | 'downloading'
  doneBytes: number
  totalBytes: number | null
  /** Of this try, 0 while unknown. */
  bytesPerSecond: number
}

export interface DownloadRequest {
  /** Mirrors of one file, best first. */
  urls: string[]
  /** sha256, 64 hex digits. */
  digest: string
  /** Its length, where known: a longer or shorter file is noticed early. */
  bytes?: number
  blobs: BlobStore
  signal?: AbortSignal
  onProgress?: (progress: DownloadProgress) => void
  fetch?: typeof globalThis.fetch
  /** Silence after which a source is given up, in ms. */
  stallMs?: number
  /** Rounds through all sources before giving up. */
  rounds?: number
  /** Pause before the second round, doubled each time, in ms. */
  retryMs?: number
}

/**
 * The file's bytes, from the store when they are there.
 * @throws `digest_mismatch` (every source gave another file), `download_failed`, `storage_full`, `cancelled`
 */
export async function download(request: DownloadRequest): Promise<Blob> {
  const held = await request.blobs.get(request.digest)
  if (held) return held
  const locks = globalThis.navigator?.locks
  if (!locks) return fetchInto(request)
  request.onProgress?.({ phase: 'waiting', doneBytes: 0, totalBytes: request.bytes ?? null, bytesPerSecond: 0 })
  const signal = request.signal ?? new AbortController().signal
  try {
    return await locks.request(`open-chat/download/${request.digest}`, { signal }, () => fetchInto(request))
  } catch (error) {
    throw signal.aborted ? cancelled(error) : error
  }
}

const cancelled = (cause: unknown) =>
  new OpenChatError('cancelled', 'The download was cancelled.', { cause, action: 'What has arrived is kept; start it again to go on.' })

async function fetchInto(request: DownloadRequest): Promise<Blob> {
  const { blobs, digest, urls, rounds = 3, retryMs = 1000 } = request
  const held = await blobs.get(digest)
  if (held) return held
  const total = request.bytes ?? null
  let partial = await blobs.resume(digest, (doneBytes) =>
    request.onProgress?.({ phase: 'hashing', doneBytes, totalBytes: total, bytesPerSecond: 0 }),
  )
  const reasons = new Map<string, string>()
  const wrong = new Set<string>()
  let mismatch: OpenChatError | undefined
  for (let round = 0; round < rounds; round++) {
    if (round > 0) await pause(retryMs * 2 ** (round - 1), request.signal)
    // A source that ended in a wrong file after bytes of another one gets a second chance at once, from the start.
    const queue = urls.filter((url) => !wrong.has(url))
    for (let url = queue.shift(); url !== undefined; url = queue.shift()) {
      const resumed = partial.bytes > 0
      try {
        partial = await fetchFrom(url, partial, request)
        await partial.commit()
        return (await blobs.get(digest))!
      } catch (error) {
        if (request.signal?.aborted) {
          await partial.pause()
          throw cancelled(error)
        }
        if (error instanceof OpenChatError && error.code.startsWith('storage_')) throw error
        if (error instanceof OpenChatError && error.code === 'digest_mismatch') {
          mismatch = error
          partial = await blobs.resume(digest)
          if (resumed) queue.unshift(url)
          else wrong.add(url)
        } else await partial.pause()
        reasons.set(url, error instanceof Error ? error.message : String(error))
      }
    }
    if (wrong.size === urls.length) break
  }
  if (mismatch && partial.bytes === 0) throw mismatch
  const hosts = urls.map(hostOf).join(', ')
  throw new OpenChatError(
    'download_failed',
    `The file could not be fetched from ${hosts || 'any source'}: ${[...reasons.values()].at(-1) ?? 'no source is known'}.`,
    {
      meta: { digest, hosts, doneBytes: partial.bytes, totalBytes: total },
      action: 'Check the connection and try again; what has arrived is kept.',
    },
  )
}

const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : 'this site')

/** Appends the rest of the file to `partial`, or to a fresh one when the source cannot resume. */
async function fetchFrom(url: string, partial: PartialBlob, request: DownloadRequest): Promise<PartialBlob> {
  const { stallMs = 30_000, bytes } = request
  // Everything may have arrived before the crash that kept it from being committed.
  if (bytes !== undefined && partial.bytes === bytes) return partial
  const silence = new AbortController()
  const signal = request.signal ? AbortSignal.any([request.signal, silence.signal]) : silence.signal
  const stalled = () => silence.abort(new OpenChatError('download_stalled', `${hostOf(url)} sent nothing for ${stallMs / 1000} s`))
  let timer = setTimeout(stalled, stallMs)
  try {
    const from = partial.bytes
    const response = await (request.fetch ?? fetch)(url, { signal, ...(from > 0 ? { headers: { Range: `bytes=${from}-` } } : {}) })
    if (response.status === 416 || (from > 0 && !resumes(response, from))) {
      await partial.discard()
      partial = await request.blobs.resume(request.digest)
      if (response.status !== 200) {
        await response.body?.cancel()
        return await fetchFrom(url, partial, request)
      }
    }
    if (!response.ok || !response.body) throw new OpenChatError('download_refused', `${hostOf(url)} answered ${response.status}`)
    const total = bytes ?? declaredTotal(response, partial.bytes)
    const started = performance.now()
    const before = partial.bytes
    for await (const chunk of response.body) {
      clearTimeout(timer)
      timer = setTimeout(stalled, stallMs)
      await partial.append(chunk)
      if (bytes !== undefined && partial.bytes > bytes) break
      const seconds = (performance.now() - started) / 1000
      request.onProgress?.({
        phase: 'downloading',
        doneBytes: partial.bytes,
        totalBytes: total,
        bytesPerSecond: seconds > 0 ? (partial.bytes - before) / seconds : 0,
      })
    }
    if (total !== null && partial.bytes < total) {
      throw new OpenChatError('download_cut', `${hostOf(url)} closed the connection after ${partial.bytes} of ${total} bytes`)
    }
    return partial
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

function resumes(response: Response, from: number): boolean {
  return response.status === 206 && (response.headers.get('content-range') ?? '').startsWith(`bytes ${from}-`)
}

function declaredTotal(response: Response, before: number): number | null {
  const length = response.headers.get('content-length')
  // With an encoding, the length is that of the compressed body.
  if (length === null || response.headers.has('content-encoding')) return null
  return Number(length) + before
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(cancelled(signal?.reason))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
