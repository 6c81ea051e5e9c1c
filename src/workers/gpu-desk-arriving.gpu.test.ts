// A model that is loaded while it is fetched, over Dawn, a tiny model and a server that keeps its last chunk back until it has seen
// what the test waits for: what is on the device by then, what a flipped bit, an end in the middle, and a lost device cost.
import { createHash } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { tinyModel } from '../../scripts/tiny-model.ts'
import type { BootMemory } from '../gpu/boot.ts'
import { testGpu } from '../gpu/device.testing.ts'
import { memorySource } from '../gpu/formats/bytes.testing.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { createBlobs } from '../storage/blobs.ts'
import { type LyingServer, startLyingServer } from '../storage/lying-server.testing.ts'
import { memoryPieces } from '../storage/pieces.ts'
import type { LoadProgress, ModelFile } from './gpu-api.ts'
import { GpuDesk } from './gpu-desk.ts'

const chunkBytes = 16 << 10
const signal = new AbortController().signal
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** What self-tests found, for all desks: one of them asks. */
const found = new Map<string, string>()
const shared: BootMemory = {
  recall: async (key) => found.get(key) ?? null,
  async keep(key, value) {
    found.set(key, value)
  },
}

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A tiny model, served, with the digests of its chunks. */
async function served(seed = 3): Promise<{ model: ModelFile; server: LyingServer; chunks: number; bytes: Uint8Array<ArrayBuffer> }> {
  const bytes = tinyModel({ type: 'Q4_1', seed, contextTokens: 1024 })
  const server = await startLyingServer(bytes)
  ends.push(() => server.close())
  const chunks: string[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(sha256(bytes.subarray(at, at + chunkBytes)))
  const model = { name: 'tiny', sha256: sha256(bytes), bytes: bytes.length, urls: [server.url], chunks }
  return { model, server, chunks: chunks.length, bytes }
}

/** A desk with nothing on it. @param wrote told of every write to a device @param gpu whose devices can be lost, where they are */
function desk(wrote = () => {}, memory = shared, gpu = testGpu()) {
  const blobs = createBlobs(memoryPieces(), chunkBytes)
  const devices: GPUDevice[] = []
  const noted = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await gpu.requestAdapter(options)
      if (adapter === null) return null
      const request = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = async (descriptor) => {
        const device = await request(descriptor)
        if (descriptor?.label === 'memory probe') return device
        devices.push(device)
        const write = device.queue.writeBuffer.bind(device.queue)
        device.queue.writeBuffer = (buffer, offset, data, from, size) => {
          wrote()
          write(buffer, offset, data, from, size)
        }
        return device
      }
      return adapter
    },
  } as GPU
  const opened = new GpuDesk(() => noted, Promise.resolve(blobs), memory)
  ends.push(() => opened.unload())
  return { opened, blobs, devices }
}

async function words(opened: GpuDesk): Promise<string> {
  let text = ''
  const request = {
    messages: [{ role: 'user' as const, content: 'What is said of the sea?' }],
    max_tokens: 12,
    temperature: 0,
    adapter: null,
  }
  for await (const event of opened.chat(request, signal)) if (event.type === 'token') text += event.text
  return text
}

/** What the model says when it is loaded from where it is kept. */
function wordsWhenKept(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const said = saidWhenKept.get(sha256(bytes)) ?? sayWhenKept(bytes)
  saidWhenKept.set(sha256(bytes), said)
  return said
}

const saidWhenKept = new Map<string, Promise<string>>()

async function sayWhenKept(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { opened, blobs } = desk()
  await blobs.put(sha256(bytes), bytes)
  await opened.load({ name: 'tiny', sha256: sha256(bytes), bytes: bytes.length, urls: [] }, [], () => {}, signal)
  return words(opened)
}

/** A promise and what resolves it. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

test('has its kernels tested and its first layers on the device before the last chunk is sent, tells of both in turn, and keeps the file', async () => {
  const { model, server, chunks, bytes } = await served()
  const { tensors } = await readGguf(memorySource(bytes))
  // Strips are written in the file's order: all before the last chunk may be there, and nothing else makes so many.
  const early = [...tensors.values()].filter(({ offset, bytes }) => offset + bytes <= (chunks - 1) * chunkBytes).length
  expect(early).toBeGreaterThan(5)
  const [half, tested] = [gate(), gate()]
  let writes = 0
  const asking: BootMemory = {
    recall: async () => null,
    async keep(key, value) {
      tested.open()
      await shared.keep(key, value)
    },
  }
  const { opened, blobs } = desk(() => {
    if (++writes === early >> 1) half.open()
  }, asking)
  server.lie = async ({ to }) => {
    if (to === bytes.length) await Promise.all([half.opened, tested.opened])
    return {}
  }
  const told: LoadProgress[] = []
  await opened.load(model, [], (event) => told.push(event), signal)
  expect(server.asked).toHaveLength(chunks)
  const stages = told.map(({ stage }) => stage)
  expect(stages.lastIndexOf('downloading')).toBeLessThan(stages.indexOf('loading'))
  expect(told.at(-1)).toMatchObject({ stage: 'loading' })
  expect(await blobs.kept(model.sha256)).toEqual({ complete: true, bytes: bytes.length })
  expect(await blobs.verify(model.sha256)).toEqual({ chunks, wrong: [] })
  expect(await words(opened)).toBe(await wordsWhenKept(bytes))
  await opened.unload()
  await opened.load(model, [], () => {}, signal)
  expect(server.asked).toHaveLength(chunks)
})

test('fetches a chunk with a flipped bit again before the device sees it, and that chunk alone', async () => {
  const { model, server, chunks, bytes } = await served()
  const wrong = { from: 2 * chunkBytes, sent: false }
  server.lie = ({ from }, { body }) => {
    if (from !== wrong.from || wrong.sent) return {}
    wrong.sent = true
    const flipped = body.slice()
    flipped[100] ^= 8
    return { body: flipped }
  }
  const { opened, devices } = desk()
  await opened.load(model, [], () => {}, signal)
  expect(server.asked).toHaveLength(chunks + 1)
  expect(server.asked.filter(({ from }) => from === wrong.from)).toHaveLength(2)
  // Nothing began anew.
  expect(devices).toHaveLength(1)
  expect(await words(opened)).toBe(await wordsWhenKept(bytes))
})

test('cancelled in the middle it ends as such, keeps what was judged, and asks for the rest only', async () => {
  const { model, server, chunks, bytes } = await served()
  const stop = new AbortController()
  const { opened, blobs } = desk(() => stop.abort())
  const never = gate()
  server.lie = async ({ to }) => {
    if (to === bytes.length) await never.opened
    return {}
  }
  await expect(opened.load(model, [], () => {}, stop.signal)).rejects.toMatchObject({ code: 'cancelled' })
  never.open()
  const { complete, bytes: kept } = await blobs.kept(model.sha256)
  expect(complete).toBe(false)
  expect(kept).toBeGreaterThanOrEqual(chunkBytes)
  const before = server.asked.length
  await opened.load(model, [], () => {}, signal)
  expect(server.asked.slice(before).reduce((sum, { from, to }) => sum + to - from, 0)).toBe(bytes.length - kept)
  expect(server.asked.length - before).toBeLessThan(chunks)
  expect(await words(opened)).toBe(await wordsWhenKept(bytes))
})

test('cancelled while its kernels are tested it ends at once, and the next load takes the device after it', async () => {
  const { model, server, bytes } = await served()
  const [asked, held, never] = [gate(), gate(), gate()]
  const slow: BootMemory = {
    ...shared,
    async recall(key) {
      asked.open()
      await held.opened
      return shared.recall(key)
    },
  }
  const { opened, devices } = desk(undefined, slow, openNodeGpu())
  server.lie = async ({ to }) => {
    if (to === bytes.length) await never.opened
    return {}
  }
  const stop = new AbortController()
  const first = opened.load(model, [], () => {}, stop.signal)
  await asked.opened
  stop.abort()
  await expect(first).rejects.toMatchObject({ code: 'cancelled' })
  never.open()
  const again = opened.load(model, [], () => {}, signal)
  held.open()
  await again
  expect(devices).toHaveLength(2)
  expect((await devices[0]!.lost).reason).toBe('destroyed')
  expect(await words(opened)).toBe(await wordsWhenKept(bytes))
})

test('a device that is lost while the file comes costs the load nothing but itself', async () => {
  const { model, server, chunks, bytes } = await served()
  const lost = gate()
  const lose = () => {
    if (devices.length === 1) devices[0]!.destroy()
    void devices[0]!.lost.then(lost.open)
  }
  const { opened, devices } = desk(lose, shared, openNodeGpu())
  server.lie = async ({ to }) => {
    if (to === bytes.length) await lost.opened
    return {}
  }
  await opened.load(model, [], () => {}, signal)
  expect(devices).toHaveLength(2)
  expect(server.asked).toHaveLength(chunks)
  expect(await words(opened)).toBe(await wordsWhenKept(bytes))
})

test('where only the whole can be judged, nothing is on the device before it was', async () => {
  const { model, server, bytes } = await served()
  let writes = 0
  let before = -1
  const { opened } = desk(() => writes++)
  server.lie = ({ to }) => {
    if (to === bytes.length) before = writes
    return {}
  }
  const { chunks: _, ...unlisted } = model
  await opened.load(unlisted, [], () => {}, signal)
  expect(before).toBe(0)
  expect(await words(opened)).toBe(await wordsWhenKept(bytes))
})

test('a model that answers goes on until the next is here', async () => {
  const [first, next] = [await served(3), await served(4)]
  const { opened, devices } = desk()
  await opened.load(first.model, [], () => {}, signal)
  const said = await words(opened)
  const asked = gate()
  const answered = gate()
  next.server.lie = async ({ to }) => {
    if (to !== next.bytes.length) return {}
    asked.open()
    await answered.opened
    return {}
  }
  const loading = opened.load(next.model, [], () => {}, signal)
  await asked.opened
  expect(await words(opened)).toBe(said)
  expect(devices).toHaveLength(1)
  answered.open()
  await loading
  expect(await words(opened)).toBe(await wordsWhenKept(next.bytes))
})
