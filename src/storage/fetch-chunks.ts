// Brings the chunks that a writer lacks from one source: several ranges at a time, or the whole body in one go where the
// source ignores ranges. Which source, and how often, is download.ts's.
// Invariants: what a server says of its ranges is compared with what was asked; bytes that belong to no chunk asked for are
// never stored; a range cut short leaves its beginning for the next try; one failing range ends the others.
import { OpenChatError } from '../errors.ts'
import type { BlobWriter } from './blob-writer.ts'

export interface ChunkRequest {
  url: string
  writer: BlobWriter
  /** Length of the file; null: whatever the source sends, in one go. */
  bytes: number | null
  signal: AbortSignal
  fetch: typeof globalThis.fetch
  /** Ranges asked for at a time. */
  parallel: number
  stallMs: number
  /** Chunks to be asked for before others. Not heeded where the source ignores ranges. */
  first(chunk: number): boolean
  /** Bytes on their way that no chunk holds yet, of all ranges together. */
  onFlight(bytes: number): void
  onBadChunk(error: OpenChatError): void
}

/** `bytes`: the length of the file, known at the latest now. `bad`: chunks that the source has wrong. */
export interface ChunkResult {
  bytes: number
  bad: OpenChatError | null
}

export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'this site')

/** @throws download_refused, download_cut, download_lied, download_changed, download_stalled, storage_full */
export async function fetchChunks(asked: ChunkRequest): Promise<ChunkResult> {
  const { writer, bytes, url } = asked
  if (bytes === null) return fetchWhole(asked)
  let bad: OpenChatError | null = null
  const request: ChunkRequest = {
    ...asked,
    onBadChunk(error) {
      bad = error
      asked.onBadChunk(error)
    },
  }
  const count = Math.ceil(bytes / writer.chunkBytes)
  const missing = Array.from({ length: count }, (_, chunk) => chunk).filter((chunk) => !writer.has(chunk))
  const again = new Set<number>()
  const stop = new AbortController()
  const signal = AbortSignal.any([request.signal, stop.signal])
  const flights = new Map<number, number>()
  let etag: string | null = null
  let rangeless = false

  const flight = (chunk: number, held: number) => {
    if (held === 0) flights.delete(chunk)
    else flights.set(chunk, held)
    request.onFlight([...flights.values()].reduce((sum, n) => sum + n, 0))
  }

  async function one(chunk: number): Promise<void> {
    const from = chunk * writer.chunkBytes
    const end = Math.min(bytes!, from + writer.chunkBytes)
    const before = await writer.start(chunk)
    const content = new Uint8Array(end - from)
    let held = 0
    if (before !== null) {
      content.set(before)
      held = before.length
    }
    flight(chunk, held)
    try {
      await withStall(url, request.stallMs, signal, async (inner, heard) => {
        const response = await request.fetch(url, { signal: inner, headers: { Range: `bytes=${from + held}-${end - 1}` } })
        if (response.status === 200) {
          rangeless = true
          flight(chunk, 0)
          await takeWhole(response, request, heard, bytes)
          return
        }
        checkRange(response, url, from + held, end - 1, bytes!)
        const seen = response.headers.get('etag')
        if (etag !== null && seen !== null && seen !== etag) {
          await response.body?.cancel()
          throw new OpenChatError('download_changed', `${hostOf(url)} began to send another version of the file`, { meta: { etag, seen } })
        }
        etag ??= seen
        for await (const part of response.body!) {
          heard()
          if (held + part.length > content.length) throw lied(url, `sent more than the ${content.length} bytes asked for`)
          content.set(part, held)
          held += part.length
          flight(chunk, held)
        }
        if (held < content.length) throw cut(url, from + held, bytes!)
      })
    } catch (error) {
      if (!rangeless) await keepStart(writer, chunk, content.subarray(0, held))
      throw error
    } finally {
      if (held < content.length) flight(chunk, 0)
    }
    if (rangeless) return
    try {
      await writer.write(chunk, content)
    } catch (error) {
      if (!(error instanceof OpenChatError) || error.code !== 'chunk_mismatch') throw error
      request.onBadChunk(error)
      // A bit may have flipped on the way: asked for once more here, then elsewhere.
      if (again.has(chunk)) return
      again.add(chunk)
      if (request.first(chunk)) missing.unshift(chunk)
      else missing.push(chunk)
    } finally {
      flight(chunk, 0)
    }
  }

  const next = (): number | undefined => missing.splice(Math.max(0, missing.findIndex(request.first)), 1)[0]

  async function work(): Promise<void> {
    for (let chunk = next(); chunk !== undefined && !rangeless; chunk = next()) {
      signal.throwIfAborted()
      await one(chunk)
    }
  }

  // The first answer says whether ranges are served at all; only then are several asked for.
  const first = next()
  if (first !== undefined) await one(first)
  if (!rangeless) {
    let failure: unknown = null
    const workers = Array.from({ length: Math.min(request.parallel, missing.length) }, () =>
      work().catch((error: unknown) => {
        failure ??= error
        stop.abort(error)
      }),
    )
    await Promise.all(workers)
    if (failure !== null) throw failure
    // A chunk that was asked for again after the others had ended.
    await work()
  }
  const complete = Array.from({ length: count }, (_, chunk) => chunk).every((chunk) => writer.has(chunk))
  return { bytes, bad: complete ? null : bad }
}

/** Without a length: the whole body, whose own length is then believed as far as the digest is right. */
async function fetchWhole(request: ChunkRequest): Promise<ChunkResult> {
  const { url, stallMs, signal } = request
  let bytes = 0
  await withStall(url, stallMs, signal, async (inner, heard) => {
    const response = await request.fetch(url, { signal: inner })
    if (!response.ok || response.body === null) throw refused(url, response.status)
    // With an encoding, the length is that of the compressed body.
    const declared = response.headers.has('content-encoding') ? null : response.headers.get('content-length')
    bytes = await takeWhole(response, request, heard, declared === null ? null : Number(declared))
  })
  return { bytes, bad: null }
}

/** Takes from a whole body what the writer lacks. @returns its length */
async function takeWhole(response: Response, request: ChunkRequest, heard: () => void, bytes: number | null): Promise<number> {
  const { writer, url } = request
  let content = new Uint8Array(writer.chunkBytes)
  let filled = 0
  let chunk = 0
  let total = 0
  const flush = async () => {
    if (!writer.has(chunk)) {
      await writer.write(chunk, content.subarray(0, filled)).catch((error: unknown) => {
        if (!(error instanceof OpenChatError) || error.code !== 'chunk_mismatch') throw error
        request.onBadChunk(error)
        // The rest of this body may be right, but its order is one; the next source brings what lacks.
      })
      content = new Uint8Array(writer.chunkBytes)
    }
    filled = 0
    chunk++
    request.onFlight(0)
  }
  try {
    for await (let part of response.body!) {
      heard()
      total += part.length
      if (bytes !== null && total > bytes) throw lied(url, `sent more than the ${bytes} bytes of the file`)
      while (part.length > 0) {
        const taken = Math.min(part.length, content.length - filled)
        content.set(part.subarray(0, taken), filled)
        filled += taken
        part = part.subarray(taken)
        if (filled === content.length) await flush()
        else request.onFlight(writer.has(chunk) ? 0 : filled)
      }
    }
    if (bytes !== null && total < bytes) throw cut(url, total, bytes)
  } catch (error) {
    await keepStart(writer, chunk, content.subarray(0, filled))
    throw error
  }
  if (filled > 0) await flush()
  return total
}

/** What cannot be kept (a full disk) is fetched again; why the range ended is what matters. */
async function keepStart(writer: BlobWriter, chunk: number, content: Uint8Array): Promise<void> {
  await writer.keepStart(chunk, content).catch(() => undefined)
}

function checkRange(response: Response, url: string, from: number, last: number, bytes: number): void {
  if (response.status !== 206 || response.body === null) throw refused(url, response.status)
  // Another origin may not let the page read this header; the chunk's digest judges then.
  const range = response.headers.get('content-range')
  if (range === null || range === `bytes ${from}-${last}/${bytes}` || range === `bytes ${from}-${last}/*`) return
  throw lied(url, `answered "${range.slice(0, 60)}" to bytes ${from}-${last} of ${bytes}`)
}

const refused = (url: string, status: number) => new OpenChatError('download_refused', `${hostOf(url)} answered ${status}`)
const lied = (url: string, what: string) => new OpenChatError('download_lied', `${hostOf(url)} ${what}`)
const cut = (url: string, got: number, bytes: number) =>
  new OpenChatError('download_cut', `${hostOf(url)} closed the connection after ${got} of ${bytes} bytes`)

/** Runs `work` under a signal that also fires when nothing was heard for `stallMs`. */
async function withStall(
  url: string,
  stallMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal, heard: () => void) => Promise<void>,
): Promise<void> {
  const silence = new AbortController()
  const stalled = () => silence.abort(new OpenChatError('download_stalled', `${hostOf(url)} sent nothing for ${stallMs / 1000} s`))
  let timer = setTimeout(stalled, stallMs)
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(stalled, stallMs)
  }
  try {
    await work(AbortSignal.any([signal, silence.signal]), heard)
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}
