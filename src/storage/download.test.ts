import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type BlobStore, createBlobs } from './blobs.ts'
import { type BadChunk, type DownloadProgress, type DownloadRequest, download, downloadNameless, type Follower } from './download.ts'
import { type Answer, type Asked, type LyingServer, startLyingServer } from './lying-server.testing.ts'
import { memoryPieces } from './pieces.ts'

const CHUNK = 150
const file = new Uint8Array(1000).map((_, i) => (i * 31) & 255)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const digest = sha256(file)
const chunks = Array.from({ length: 7 }, (_, i) => sha256(file.slice(i * CHUNK, (i + 1) * CHUNK)))
const content = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer())

const servers: LyingServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function serve(lie: LyingServer['lie'] = () => ({}), served = file): Promise<LyingServer> {
  const server = await startLyingServer(served)
  server.lie = lie
  servers.push(server)
  return server
}

function setUp(sources: LyingServer[], more: Partial<DownloadRequest> = {}, capacityBytes?: number) {
  const pieces = memoryPieces(capacityBytes)
  const blobs: BlobStore = createBlobs(pieces, CHUNK)
  const bad: BadChunk[] = []
  const base = {
    urls: sources.map(({ url }) => url),
    digest,
    bytes: file.length,
    blobs,
    retryMs: 1,
    onBadChunk: (b: BadChunk) => bad.push(b),
  }
  return { pieces, blobs, bad, run: (extra: Partial<DownloadRequest> = {}) => download({ ...base, ...more, ...extra }) }
}

/** Per request: the bytes asked for. */
const ranges = ({ asked }: LyingServer) => asked.map(({ from, to }) => `${from}-${to}`)
const flipped = ({ from }: Asked, { body }: { body: Uint8Array }, at: number): Answer => {
  if (at < from || at >= from + body.length) return {}
  const wrong = body.slice()
  wrong[at - from] ^= 1
  return { body: wrong }
}

describe.each([
  ['with the digests of its chunks', { chunks }],
  ['with its own digest only', {}],
])('a file %s', (_, known) => {
  const listed = 'chunks' in known

  it('comes in ranges, with progress, and needs no source the second time', async () => {
    const progress: DownloadProgress[] = []
    const server = await serve()
    const { run } = setUp([server], known)
    expect(await content(await run({ onProgress: (p) => progress.push(p) }))).toEqual(file)
    expect(ranges(server).sort()).toEqual(['0-150', '150-300', '300-450', '450-600', '600-750', '750-900', '900-1000'])
    expect(progress.at(-1)).toMatchObject({ phase: 'downloading', doneBytes: 1000, totalBytes: 1000 })
    expect(await content(await run({ urls: [] }))).toEqual(file)
  })

  it('asks for several ranges at a time', async () => {
    let open = 0
    let most = 0
    const server = await serve()
    const { run } = setUp([server], known)
    await run({
      async fetch(url, init) {
        most = Math.max(most, ++open)
        await new Promise((resolve) => setTimeout(resolve, 5))
        try {
          return await fetch(url, init)
        } finally {
          open--
        }
      },
    })
    expect(most).toBe(4)
  })

  it('goes on where a broken connection stopped, at the next mirror, inside a chunk', async () => {
    const breaking = await serve(({ from, to }) =>
      from === 300 ? { body: file.slice(300, 340), end: 'break' } : { body: file.slice(from, to) },
    )
    const second = await serve()
    const { run } = setUp([breaking, second], { ...known, parallel: 1 })
    expect(await content(await run())).toEqual(file)
    expect(ranges(second)[0]).toBe('340-450')
    expect(second.asked.every(({ from }) => from >= 340)).toBe(true)
  })

  it('keeps what arrived when cancelled, and resumes it', async () => {
    const server = await serve(({ from }) => (from === 450 ? { body: file.slice(450, 500), end: 'stall' } : {}))
    const { run, blobs } = setUp([server], { ...known, parallel: 1 })
    const controller = new AbortController()
    const cancelled = run({
      signal: controller.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes === 500) controller.abort()
      },
    })
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    expect(await blobs.kept(digest)).toEqual({ complete: false, bytes: 500 })
    server.lie = () => ({})
    server.asked.length = 0
    const phases = new Set<string>()
    expect(await content(await run({ onProgress: (p) => phases.add(p.phase) }))).toEqual(file)
    expect(ranges(server)[0]).toBe('500-600')
    expect(phases).toEqual(new Set(['hashing', 'downloading']))
  })

  it('takes the whole from a server that ignores ranges, and what lacks from one that does so later', async () => {
    const rangeless: LyingServer['lie'] = () => ({ status: 200, body: file })
    const server = await serve(rangeless)
    const { run } = setUp([server], known)
    expect(await content(await run())).toEqual(file)
    expect(server.asked.length).toBe(1)
    const breaking = await serve(({ from }) => (from >= 300 ? { body: new Uint8Array(), end: 'break' } : {}))
    const later = setUp([breaking, await serve(rangeless)], known)
    expect(await content(await later.run())).toEqual(file)
  })

  it('believes no range that was not asked for', async () => {
    for (const lie of [
      { headers: { 'content-range': 'bytes 0-149/1000' } },
      { headers: { 'content-range': 'bytes 150-299/9000' } },
      { headers: { 'content-range': 'rubbish' } },
      { body: file.slice(150, 310) },
    ] satisfies Answer[]) {
      const liar = await serve(({ from }) => (from === 150 ? lie : {}))
      const { run } = setUp([liar, await serve()], { ...known, parallel: 1 })
      expect(await content(await run())).toEqual(file)
      const alone = setUp([liar], { ...known, rounds: 1 })
      await expect(alone.run()).rejects.toMatchObject({ code: 'download_failed' })
    }
  })

  it('notices a file cut short and asks for the rest', async () => {
    const server = await serve(({ nth }) => (nth === 1 ? { body: file.slice(150, 200) } : {}))
    const { run } = setUp([server], { ...known, parallel: 1 })
    expect(await content(await run())).toEqual(file)
    expect(ranges(server)[2]).toBe('200-300')
  })

  it('refuses a file that goes on too long, or that is another one', async () => {
    const longer = await serve(() => ({ status: 200, body: new Uint8Array(5000) }))
    await expect(setUp([longer], { ...known, rounds: 1 }).run()).rejects.toThrow('sent more than the 1000 bytes')
    const other = await serve(({ from, to }) => ({ body: file.slice(from, to).map((byte) => byte ^ 1) }))
    const { run, pieces } = setUp([other], known)
    await expect(run()).rejects.toMatchObject({ code: 'digest_mismatch' })
    expect(await pieces.names()).toEqual([])
  })

  it('takes the right file from another mirror, also when the wrong one had begun it', async () => {
    const begun = await serve(({ from, to, nth }) =>
      nth < 2 ? { body: file.slice(from, to).map((byte) => byte ^ 1) } : { body: new Uint8Array(), end: 'break' },
    )
    const { run } = setUp([begun, await serve()], known)
    expect(await content(await run())).toEqual(file)
  })

  it('follows a redirect', async () => {
    const target = await serve()
    const server = await serve(() => ({ status: 302, body: new Uint8Array(), headers: { location: target.url } }))
    const { run } = setUp([server], known)
    expect(await content(await run())).toEqual(file)
    expect(target.asked.length).toBe(7)
  })

  it('gives up a source that falls silent, and keeps what it said', async () => {
    const server = await serve(({ from }) => (from === 150 ? { body: file.slice(150, 200), end: 'stall' } : {}))
    const { run, blobs } = setUp([server], { ...known, stallMs: 50, rounds: 1, parallel: 1 })
    await expect(run()).rejects.toMatchObject({ code: 'download_failed', meta: { doneBytes: 150 } })
    expect((await blobs.kept(digest)).bytes).toBe(200)
  })

  it('notices that the server changed its file in mid-download', async () => {
    const other = file.map((byte) => byte ^ 7)
    const changing = await serve(({ from, to, nth }) => (nth < 3 ? {} : { body: other.slice(from, to), headers: { etag: '"two"' } }))
    const { run } = setUp([changing, await serve()], { ...known, parallel: 1 })
    expect(await content(await run())).toEqual(file)
    await expect(setUp([await serve(changing.lie)], { ...known, rounds: 1 }).run()).rejects.toThrow('another version')
  })

  it('keeps what fits when the store is full, and goes on once there is room', async () => {
    const server = await serve()
    const full = memoryPieces(700)
    const base = { urls: [server.url], digest, bytes: file.length, retryMs: 1, parallel: 1, ...known }
    await expect(download({ ...base, blobs: createBlobs(full, CHUNK) })).rejects.toMatchObject({ code: 'storage_full' })
    expect((await createBlobs(full, CHUNK).kept(digest)).bytes).toBe(600)
    const roomy = memoryPieces()
    for (const name of await full.names()) await roomy.write(name, [new Uint8Array(await (await full.read(name))!.arrayBuffer())])
    server.asked.length = 0
    expect(await content(await download({ ...base, blobs: createBlobs(roomy, CHUNK) }))).toEqual(file)
    expect(server.asked.every(({ from }) => from >= 600)).toBe(true)
  })

  it('finds a bit that flipped in storage, and fetches that chunk again', async () => {
    const server = await serve()
    const { run, pieces, blobs } = setUp([server], known)
    await run()
    const name = `${digest}.000002`
    const wrong = new Uint8Array(await (await pieces.read(name))!.arrayBuffer())
    wrong[5] ^= 64
    await pieces.write(name, [wrong])
    server.asked.length = 0
    // A new session: the store is opened anew.
    const bad: BadChunk[] = []
    const again = createBlobs(pieces, CHUNK)
    expect(await content(await run({ blobs: again, onBadChunk: (b) => bad.push(b) }))).toEqual(file)
    expect(bad.map(({ chunk, host }) => [chunk, host])).toEqual([[2, null]])
    expect(ranges(server)).toEqual(['300-450'])
    expect(await blobs.verify(digest)).toEqual({ chunks: 7, wrong: [] })
  })

  it('names the answer of a source that has no such file', async () => {
    const { run } = setUp([await serve(() => ({ status: 404, body: new Uint8Array() }))], { ...known, rounds: 1 })
    await expect(run()).rejects.toThrow('answered 404')
  })

  it(listed ? 'fetches only the chunk with a flipped bit again' : 'drops a whole with a flipped bit, and fetches it again', async () => {
    const server = await serve((asked, honest) => (asked.nth < 7 ? flipped(asked, honest, 777) : {}))
    const { run, bad } = setUp([server], known)
    expect(await content(await run({ rounds: 3, urls: [server.url, server.url] }))).toEqual(file)
    if (listed) {
      expect(bad).toEqual([{ chunk: 5, offset: 750, host: new URL(server.url).host }])
      expect(ranges(server).slice(7)).toEqual(['750-900'])
    } else expect(server.asked.length).toBe(14)
  })
})

it('names the chunk that no source has right, and keeps the others', async () => {
  const server = await serve((asked, honest) => flipped(asked, honest, 777))
  const { run, blobs } = setUp([server], { chunks })
  await expect(run()).rejects.toMatchObject({ code: 'digest_mismatch', meta: { chunk: 5, offset: 750, digest } })
  expect(await blobs.kept(digest)).toEqual({ complete: false, bytes: 850 })
})

it('fetches a file whose digest nobody knows, and resumes it under its name', async () => {
  const server = await serve(({ from }) => (from === 450 ? { body: file.slice(450, 500), end: 'break' } : {}))
  const blobs = createBlobs(memoryPieces(), CHUNK)
  const request = { url: server.url, name: 'a'.repeat(64), bytes: file.length, blobs, rounds: 1, parallel: 1 }
  await expect(downloadNameless(request)).rejects.toMatchObject({ code: 'download_failed' })
  server.lie = () => ({})
  server.asked.length = 0
  expect(await downloadNameless(request)).toBe(digest)
  expect(ranges(server)[0]).toBe('500-600')
  expect(await content((await blobs.get(digest))!)).toEqual(file)
})

it('takes a file of unknown length as it comes', async () => {
  const { bytes: _, ...rest } = { bytes: 0, urls: [(await serve()).url], digest, retryMs: 1 }
  const blobs = createBlobs(memoryPieces(), CHUNK)
  expect(await content(await download({ ...rest, blobs }))).toEqual(file)
})

describe('a follower', () => {
  function following(waitsFor: (chunk: number) => boolean = () => false) {
    const arrived = new Map<number, Uint8Array>()
    const begun: number[][] = []
    let kept: Parameters<Follower['begun']>[0] | undefined
    const follower: Follower = {
      begun(writer) {
        kept = writer
        begun.push([0, 1, 2, 3, 4, 5, 6].filter((chunk) => writer.has(chunk)))
      },
      arrived: (chunk, bytes) => arrived.set(chunk, bytes),
      waitsFor,
    }
    return { follower, arrived, begun, kept: () => kept! }
  }
  const chunkOf = (chunk: number) => file.slice(chunk * CHUNK, (chunk + 1) * CHUNK)

  it('gets first what it waits for, and each chunk when it is right and kept', async () => {
    const { follower, arrived, begun, kept } = following((chunk) => chunk >= 4 && !arrived.has(chunk))
    const server = await serve((asked, honest) => (asked.nth === 1 ? flipped(asked, honest, 777) : {}))
    const { run, bad } = setUp([server], { chunks, parallel: 1, follower })
    await run()
    expect(ranges(server)).toEqual(['600-750', '750-900', '750-900', '900-1000', '0-150', '150-300', '300-450', '450-600'])
    expect(bad).toHaveLength(1)
    expect([...arrived.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
    for (const [chunk, bytes] of arrived) expect(bytes).toEqual(chunkOf(chunk))
    expect(begun).toEqual([[]])
    expect(await kept().read(5)).toEqual(chunkOf(5))
  })

  it('is told what an earlier try left, and reads it where it lies', async () => {
    const server = await serve(({ from }) => (from === 450 ? { status: 503, body: new Uint8Array() } : {}))
    const { run } = setUp([server], { chunks, parallel: 1, rounds: 1 })
    await expect(run()).rejects.toMatchObject({ code: 'download_failed' })
    server.lie = () => ({})
    const { follower, arrived, begun, kept } = following()
    await run({ follower })
    expect(begun).toEqual([[0, 1, 2]])
    expect(await kept().read(1)).toEqual(chunkOf(1))
    expect([...arrived.keys()]).toEqual([3, 4, 5, 6])
  })

  it('gets what a server without ranges sends, chunk by chunk', async () => {
    const { follower, arrived } = following()
    await setUp([await serve(() => ({ status: 200, body: file }))], { chunks, follower }).run()
    expect([...arrived.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6])
    for (const [chunk, bytes] of arrived) expect(bytes).toEqual(chunkOf(chunk))
  })

  it('is told of nothing where only the whole can be judged', async () => {
    const { follower, arrived, begun } = following(() => true)
    expect(await content(await setUp([await serve()], { follower }).run())).toEqual(file)
    expect([arrived.size, begun]).toEqual([0, []])
  })
})
