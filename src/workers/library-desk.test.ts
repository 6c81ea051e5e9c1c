import { createHash } from 'node:crypto'
import { zipSync } from 'fflate'
import { afterEach, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { folderFiles } from '../gpu/folders.testing.ts'
import { memorySource } from '../gpu/formats/bytes.testing.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { splitGguf } from '../gpu/formats/gguf-writer.testing.ts'
import { createBlobs } from '../storage/blobs.ts'
import { openJournal } from '../storage/journal.ts'
import { type LyingServer, startLyingServer } from '../storage/lying-server.testing.ts'
import { memoryPieces } from '../storage/pieces.ts'
import { memoryRecords } from '../storage/records.ts'
import type { TransferProgress } from './library-api.ts'
import { openLibraryDesk } from './library-desk.ts'
import { manyAddress } from './model-files.ts'
import { fileAddress } from './served-file.ts'
import { blobSource } from './sources.ts'

const model = tinyModel()
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const digest = sha256(model)
const never = new AbortController().signal
const quiet = () => {}

const servers: LyingServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function serve(bytes: Uint8Array, lie: LyingServer['lie'] = () => ({})): Promise<LyingServer> {
  const server = await startLyingServer(bytes)
  server.lie = lie
  servers.push(server)
  return server
}

function setUp(capacityBytes?: number) {
  const pieces = memoryPieces(capacityBytes)
  const journal = openJournal(memoryRecords().open('kept'))
  const blobs = createBlobs(pieces, 64 << 10, journal)
  return { pieces, blobs, desk: openLibraryDesk({ blobs, journal, gpu: () => null }) }
}

const fileOf = (bytes: Uint8Array, name: string) => new File([bytes as BlobPart], name)
const adapterFiles = (adapter: { config: string; weights: Uint8Array }) => [
  fileOf(new TextEncoder().encode(adapter.config), 'adapter_config.json'),
  fileOf(adapter.weights, 'adapter_model.safetensors'),
]
/** The file with its architecture's name changed in place. */
function unsupported(): Uint8Array {
  const file = model.slice()
  const at = Buffer.from(file).indexOf('general.architecture') + 'general.architecture'.length + 4 + 8
  file.set(new TextEncoder().encode('rwkv7'), at)
  return file
}

describe('a model of the visitor’s own', () => {
  it('is kept under its digest when it is dropped, with what it says of itself', async () => {
    const { desk, blobs } = setUp()
    const events: TransferProgress[] = []
    const added = await desk.addModelFile(fileOf(model, 'tiny.gguf'), (event) => events.push(event), never)
    expect(added).toMatchObject({ digest, facts: { architecture: 'llama', contextTokens: 2048, bytes: model.length } })
    expect(added.facts.memory.weights).toBeGreaterThan(100_000)
    expect((await blobs.get(digest))?.size).toBe(model.length)
    expect(events[0].stage).toBe('reading')
    expect(await desk.missing()).toEqual([])
  })

  it('is planned with the context that is asked for here, at most its own, before there is a GPU to try it on', async () => {
    const { desk } = setUp()
    const { facts } = await desk.addModelFile(fileOf(model, 'tiny.gguf'), quiet, never)
    const own = await desk.fit(facts.memory, 0)
    expect(own).toMatchObject({ verdict: 'no_gpu', wantedTokens: 2048, plan: { contextTokens: 2048, adapters: 0 } })
    const longer = await desk.fit({ ...facts.memory, contextTokens: 131072 }, 1_000_000)
    expect(longer).toMatchObject({ wantedTokens: 4096, plan: { contextTokens: 4096 } })
    expect(longer.plan.cache).toBe(2 * own.plan.cache)
    expect(longer.plan.adapters).toBeGreaterThanOrEqual(2_000_000)
    const { weights, cache, adapters, scratch, total } = longer.plan
    expect(total).toBe(weights + cache + adapters + scratch)
  })

  it('comes from an address, its header first', async () => {
    const { desk, blobs } = setUp()
    const server = await serve(model)
    expect((await desk.addModelUrl(server.url, quiet, never)).digest).toBe(digest)
    expect(server.asked[0]).toMatchObject({ from: 0, to: 65536 })
    expect((await blobs.get(digest))?.size).toBe(model.length)
  })

  it('comes from a server that ignores ranges, too', async () => {
    const { desk } = setUp()
    const server = await serve(model, () => ({ status: 200, body: model }))
    expect((await desk.addModelUrl(server.url, quiet, never)).digest).toBe(digest)
  })

  it('that cannot run is refused by name, before its bulk is fetched or copied', async () => {
    const { desk, pieces } = setUp()
    const odd = unsupported()
    const server = await serve(odd)
    const refusal = { code: 'architecture_unsupported', meta: { architecture: 'rwkv7' } }
    await expect(desk.addModelUrl(server.url, quiet, never)).rejects.toMatchObject(refusal)
    expect(server.asked.reduce((sum, { from, to }) => sum + to - from, 0)).toBeLessThan(odd.length)
    await expect(desk.addModelFile(fileOf(odd, 'odd.gguf'), quiet, never)).rejects.toMatchObject(refusal)
    await expect(desk.addModelFile(fileOf(model.slice(0, 9000), 'cut.gguf'), quiet, never)).rejects.toMatchObject({
      code: 'file_truncated',
    })
    await expect(desk.addModelFile(fileOf(new Uint8Array(64), 'no.gguf'), quiet, never)).rejects.toMatchObject({ code: 'gguf_invalid' })
    expect(await pieces.names()).toEqual([])
  })

  it('that finds no room leaves none of it taken', async () => {
    const { desk, pieces } = setUp(100_000)
    await expect(desk.addModelFile(fileOf(model, 'tiny.gguf'), quiet, never)).rejects.toMatchObject({ code: 'storage_full' })
    expect(await pieces.names()).toEqual([])
  })

  it('is named by its own address where a page about it was given, and a wrong one is refused', async () => {
    expect(fileAddress(' https://huggingface.co/a/b/blob/main/c.gguf')).toBe('https://huggingface.co/a/b/resolve/main/c.gguf')
    expect(() => fileAddress('javascript:alert(1)')).toThrow('no address')
    await expect(setUp().desk.addModelUrl('file:///etc/passwd', quiet, never)).rejects.toMatchObject({ code: 'address_invalid' })
    const gone = await serve(model, () => ({ status: 404, body: new Uint8Array() }))
    await expect(setUp().desk.addModelUrl(gone.url, quiet, never)).rejects.toMatchObject({ code: 'download_failed' })
  })
})

describe('a model in several files', () => {
  const folder = 'llama-rope3-sharded-f32'
  const folderOf = async () =>
    Promise.all(folderFiles(folder).map(async ({ name, source }) => fileOf(await source.read(0, source.bytes), name.split('/').at(-1)!)))

  it('is kept as one file that any reader of GGUF reads', async () => {
    const parts = (await splitGguf(model, 3, 'tiny')).map(({ name, bytes }) => fileOf(bytes, name))
    const { desk, blobs } = setUp()
    const { digest: kept, facts } = await desk.addModelFiles(parts, null, quiet, never)
    expect(facts).toMatchObject({ name: 'tiny F32 1', architecture: 'llama' })
    const [whole, joined] = [await readGguf(memorySource(model)), await readGguf(blobSource((await blobs.get(kept))!))]
    expect([...joined.metadata]).toEqual([...whole.metadata])
    expect([...joined.tensors.keys()].sort()).toEqual([...whole.tensors.keys()].sort())
  })

  it('that lacks a part, or has a strange one, is refused by its name, and nothing is kept', async () => {
    const [one, two] = (await splitGguf(model, 3, 'tiny')).map(({ name, bytes }) => fileOf(bytes, name))
    const { desk, pieces } = setUp()
    const missing = { code: 'model_part_missing', meta: { file: 'tiny-00003-of-00003.gguf' } }
    await expect(desk.addModelFiles([one, two], null, quiet, never)).rejects.toMatchObject(missing)
    await expect(desk.addModelFile(one, quiet, never)).rejects.toMatchObject({ code: 'model_part_missing' })
    await expect(desk.addModelFiles([one, two, two], null, quiet, never)).rejects.toMatchObject({ code: 'model_parts_mixed' })
    expect(await pieces.names()).toEqual([])
  })

  it('comes as a folder of transformers, whatever else lies in it', async () => {
    const { desk, blobs } = setUp()
    const files = [...(await folderOf()), fileOf(new Uint8Array(9), 'README.md'), fileOf(new Uint8Array(9), 'pytorch_model.bin')]
    const { digest: kept, facts } = await desk.addModelFiles(files, 'my llama', quiet, never)
    expect(facts).toMatchObject({ name: 'my llama', architecture: 'llama' })
    expect((await blobs.get(kept))?.size).toBe(facts.bytes)
    expect((await desk.addModelFiles(files.slice().reverse(), 'my llama', quiet, never)).digest).toBe(kept)
  })

  it('comes from a folder that is served, goes on where it was cut off, and is refused when a shard is not there', async () => {
    const files = new Map((await folderOf()).map((file) => [file.name, file]))
    const asked: string[] = []
    let cutAfter = Number.POSITIVE_INFINITY
    const real = globalThis.fetch
    globalThis.fetch = async (url, init) => {
      const name = new URL(String(url)).pathname.replace('/me/model/resolve/main/', '')
      const file = files.get(name)
      if (file === undefined) return new Response(null, { status: 404 })
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '')!.map(Number)
      asked.push(`${name} ${from}`)
      if (asked.length > cutAfter) throw new TypeError('cut off')
      const body = file.slice(from, to + 1)
      return new Response(body, { status: 206, headers: { 'content-range': `bytes ${from}-${to}/${file.size}`, etag: '"1"' } })
    }
    try {
      const { desk, blobs } = setUp()
      await setUp().desk.addModelUrl('https://huggingface.co/me/model', quiet, never)
      const fresh = asked.length
      // But for the last few requests, which bring the last chunk.
      cutAfter = 2 * fresh - 3
      await expect(desk.addModelUrl('https://huggingface.co/me/model', quiet, never)).rejects.toThrow()
      const before = asked.length
      expect(before).toBe(cutAfter + 1)
      cutAfter = Number.POSITIVE_INFINITY
      const { digest: kept, facts, name, urls } = await desk.addModelUrl('https://huggingface.co/me/model', quiet, never)
      expect({ name, urls }).toEqual({ name: 'model', urls: [] })
      expect((await blobs.get(kept))?.size).toBe(facts.bytes)
      expect(asked.length - before).toBeLessThan(fresh - 10)
      files.delete('model-00002-of-00003.safetensors')
      await expect(setUp().desk.addModelUrl('https://huggingface.co/me/model', quiet, never)).rejects.toMatchObject({
        code: 'download_failed',
      })
    } finally {
      globalThis.fetch = real
    }
  })

  it('is told from one file by its address', () => {
    const hub = 'https://huggingface.co/me/model'
    expect(manyAddress(hub)).toEqual({ folder: `${hub}/resolve/main/`, parts: null })
    expect(manyAddress(`${hub}/tree/v2`)).toEqual({ folder: `${hub}/resolve/v2/`, parts: null })
    expect(manyAddress('https://host/a/config.json')).toEqual({ folder: 'https://host/a/', parts: null })
    expect(manyAddress('https://host/a/')).toEqual({ folder: 'https://host/a/', parts: null })
    expect(manyAddress('https://host/a/m-00002-of-00002.gguf')).toEqual({
      folder: 'https://host/a/',
      parts: ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'],
    })
    expect(manyAddress(`${hub}/blob/main/m.gguf`)).toBeNull()
    expect(manyAddress('https://host/m.gguf')).toBeNull()
  })
})

describe('an adapter of the visitor’s own', () => {
  const base = { digest, bytes: model.length, urls: [] }

  async function withModel() {
    const { desk, blobs } = setUp()
    await desk.addModelFile(fileOf(model, 'tiny.gguf'), quiet, never)
    return { desk, blobs }
  }

  it('is kept when it fits a model that is here, from files or a zip', async () => {
    const { desk, blobs } = await withModel()
    const adapter = tinyAdapter({ rank: 4, seed: 2 })
    const facts = await desk.addAdapterFiles(adapterFiles(adapter), [base], never)
    expect(facts).toMatchObject({ digest: sha256(adapter.weights), rank: 4, base: null, bytes: adapter.weights.length })
    expect(await (await blobs.get(facts.config.sha256))?.text()).toBe(adapter.config)
    const zip = zipSync({
      'mine/adapter_config.json': new TextEncoder().encode(adapter.config),
      'mine/adapter_model.safetensors': adapter.weights,
      '../../etc/passwd': new Uint8Array(9),
    })
    expect(await desk.addAdapterFiles([fileOf(zip, 'mine.zip')], [base], never)).toEqual(facts)
  })

  it('comes from a folder that is served, its config first', async () => {
    const { desk } = await withModel()
    const adapter = tinyAdapter({ rank: 4, seed: 2 })
    const paths: string[] = []
    const real = globalThis.fetch
    globalThis.fetch = async (url) => {
      paths.push(new URL(String(url)).pathname)
      return new Response(String(url).endsWith('.json') ? adapter.config : (adapter.weights as BlobPart))
    }
    try {
      expect((await desk.addAdapterUrl('https://host/me/adapter', [base], never)).digest).toBe(sha256(adapter.weights))
      expect(paths).toEqual(['/me/adapter/adapter_config.json', '/me/adapter/adapter_model.safetensors'])
      adapter.config = JSON.stringify({ ...JSON.parse(adapter.config), bias: 'all' })
      await expect(desk.addAdapterUrl('https://host/me/biased/', [base], never)).rejects.toMatchObject({ code: 'adapter_unsupported' })
      expect(paths.slice(2)).toEqual(['/me/biased/adapter_config.json'])
    } finally {
      globalThis.fetch = real
    }
  })

  it('is refused when it is for another model, incomplete, a pickle, or a zip that lies', async () => {
    const { desk } = await withModel()
    const adapter = tinyAdapter({ rank: 4, seed: 2 })
    const other = { ...adapter, config: JSON.stringify({ ...JSON.parse(adapter.config), open_chat: { base_sha256: 'ab'.repeat(32) } }) }
    await expect(desk.addAdapterFiles(adapterFiles(other), [base], never)).rejects.toMatchObject({ code: 'adapter_mismatch' })
    const foreign = tinyAdapter({ rank: 4, seed: 2, layers: [1] })
    const text = foreign.config
    await expect(
      desk.addAdapterFiles(adapterFiles({ ...foreign, config: text.replace(/"r":\d+/, '"r":7') }), [base], never),
    ).rejects.toMatchObject({
      code: 'adapter_mismatch',
    })
    await expect(desk.addAdapterFiles(adapterFiles(adapter).slice(1), [base], never)).rejects.toMatchObject({ code: 'adapter_invalid' })
    const pickle = [adapterFiles(adapter)[0], fileOf(new Uint8Array(9), 'adapter_model.bin')]
    await expect(desk.addAdapterFiles(pickle, [base], never)).rejects.toMatchObject({ code: 'adapter_unsupported' })
    await expect(desk.addAdapterFiles([fileOf(new Uint8Array(99), 'junk.zip')], [base], never)).rejects.toMatchObject({
      code: 'adapter_invalid',
    })
    await expect(desk.addAdapterFiles(adapterFiles(adapter), [], never)).rejects.toMatchObject({ code: 'adapter_mismatch' })
  })
})
