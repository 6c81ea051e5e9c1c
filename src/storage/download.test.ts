import { describe, expect, it } from 'vitest'
import { createBlobs, sha256Hex } from './blobs.ts'
import { type DownloadProgress, type DownloadRequest, download } from './download.ts'
import { memoryPieces } from './pieces.ts'

const file = new Uint8Array(1000).map((_, i) => (i * 31) & 255)
const digest = sha256Hex(file)

type Source = (range: string | null, signal: AbortSignal | null | undefined) => Response | Promise<Response>

function stream(chunks: Uint8Array[], end: 'close' | 'break' | 'stall' = 'close'): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = chunks.shift()
      if (chunk) return controller.enqueue(chunk)
      if (end === 'close') return controller.close()
      if (end === 'break') return controller.error(new TypeError('network'))
      await new Promise(() => undefined)
    },
  })
}

const slices = (content: Uint8Array, bytes = 100) =>
  Array.from({ length: Math.ceil(content.length / bytes) }, (_, i) => content.slice(i * bytes, (i + 1) * bytes))

const whole =
  (content: Uint8Array): Source =>
  () =>
    new Response(stream(slices(content)), { headers: { 'content-length': String(content.length) } })

const ranged =
  (content: Uint8Array, seen: (string | null)[] = []): Source =>
  (range) => {
    seen.push(range)
    const from = range ? Number(range.slice(6, -1)) : 0
    const headers: Record<string, string> = { 'content-length': String(content.length - from) }
    if (range) headers['content-range'] = `bytes ${from}-${content.length - 1}/${content.length}`
    return new Response(stream(slices(content.slice(from))), { status: range ? 206 : 200, headers })
  }

function setUp(sources: Record<string, Source>, more: Partial<DownloadRequest> = {}) {
  const pieces = memoryPieces()
  const blobs = createBlobs(pieces, 150)
  const fetch = async (url: unknown, init?: RequestInit) => {
    const response = await sources[String(url)](new Headers(init?.headers).get('range'), init?.signal)
    if (!response.body || !init?.signal) return response
    // A real fetch breaks its body off when aborted.
    const body = response.body
    const signal = init.signal
    const reader = body.getReader()
    const broken = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    broken.catch(() => undefined)
    const cut = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await Promise.race([reader.read(), broken])
        if (done) controller.close()
        else controller.enqueue(value)
      },
    })
    return new Response(cut, response)
  }
  return {
    pieces,
    blobs,
    run: (extra: Partial<DownloadRequest> = {}) =>
      download({ urls: Object.keys(sources), digest, blobs, fetch: fetch as typeof globalThis.fetch, retryMs: 1, ...more, ...extra }),
  }
}

const content = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer())

describe('download', () => {
  it('fetches with progress, and needs no source the second time', async () => {
    const progress: DownloadProgress[] = []
    const { run } = setUp({ 'http://a/f': ranged(file) })
    expect(await content(await run({ onProgress: (p) => progress.push(p) }))).toEqual(file)
    expect(progress.at(-1)).toMatchObject({ phase: 'downloading', doneBytes: 1000, totalBytes: 1000 })
    expect(await content(await run({ urls: [] }))).toEqual(file)
  })

  it('goes on where a broken connection stopped, at the next mirror', async () => {
    const seen: (string | null)[] = []
    const breaking: Source = () => new Response(stream(slices(file.slice(0, 420)), 'break'))
    const { run } = setUp({ 'http://a/f': breaking, 'http://b/f': ranged(file, seen) })
    expect(await content(await run())).toEqual(file)
    expect(seen).toEqual(['bytes=420-'])
  })

  it('begins again at a source that ignores ranges', async () => {
    const breaking: Source = () => new Response(stream(slices(file.slice(0, 420)), 'break'))
    const { run } = setUp({ 'http://a/f': breaking, 'http://b/f': whole(file) })
    expect(await content(await run())).toEqual(file)
  })

  it('notices a file cut short and asks for the rest', async () => {
    const seen: (string | null)[] = []
    let first = true
    const source: Source = (range, signal) => {
      if (!first) return ranged(file, seen)(range, signal)
      first = false
      return new Response(stream(slices(file.slice(0, 300))), { headers: { 'content-length': '1000' } })
    }
    const { run } = setUp({ 'http://a/f': source })
    expect(await content(await run())).toEqual(file)
    expect(seen).toEqual(['bytes=300-'])
  })

  it('keeps what arrived when cancelled, and resumes it', async () => {
    const seen: (string | null)[] = []
    let stall = true
    const source: Source = (range, signal) =>
      stall ? new Response(stream(slices(file.slice(0, 500)), 'stall')) : ranged(file, seen)(range, signal)
    const { run } = setUp({ 'http://a/f': source })
    const controller = new AbortController()
    const cancelled = run({
      signal: controller.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes === 500) controller.abort()
      },
    })
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    stall = false
    const phases = new Set<string>()
    expect(await content(await run({ onProgress: (p) => phases.add(p.phase) }))).toEqual(file)
    expect(seen).toEqual(['bytes=500-'])
    expect(phases).toEqual(new Set(['hashing', 'downloading']))
  })

  it('refuses a file of another digest, names both and keeps nothing', async () => {
    const other = file.map((byte) => byte ^ 1)
    const { run, pieces } = setUp({ 'http://a/f': ranged(other) })
    await expect(run()).rejects.toMatchObject({ code: 'digest_mismatch', meta: { expected: digest, got: sha256Hex(other) } })
    expect(await pieces.names()).toEqual([])
  })

  it('refuses a file that goes on too long', async () => {
    const { run, pieces } = setUp({ 'http://a/f': whole(new Uint8Array(5000)) }, { bytes: 1000 })
    await expect(run()).rejects.toMatchObject({ code: 'digest_mismatch' })
    expect(await pieces.names()).toEqual([])
  })

  it('takes the right file from another mirror, also when the wrong one had begun it', async () => {
    const other = file.map((byte) => byte ^ 1)
    const begun: Source = () => new Response(stream(slices(other.slice(0, 200)), 'break'))
    const { run } = setUp({ 'http://a/f': begun, 'http://b/f': ranged(file) })
    expect(await content(await run())).toEqual(file)
  })

  it('gives up a source that falls silent', async () => {
    const source: Source = () => new Response(stream(slices(file.slice(0, 200)), 'stall'))
    const { run } = setUp({ 'http://a/f': source }, { stallMs: 20, rounds: 1 })
    await expect(run()).rejects.toMatchObject({ code: 'download_failed', meta: { hosts: 'a', doneBytes: 200 } })
  })

  it('names the answer of a source that has no such file', async () => {
    const { run } = setUp({ 'http://a/f': () => new Response('no', { status: 404 }) }, { rounds: 1 })
    await expect(run()).rejects.toThrow('a answered 404')
  })
})
