// The worker that owns the device: fetches and keeps the model, loads it, serves completions. No page, chain or index here.
// Invariants: one completion runs at a time, later ones wait in order; a lost device is opened and filled again from the
// kept file before the next completion, and the text of the broken one is not lost (the page holds it and may continue).
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'
import { asOpenChatError, OpenChatError } from '../errors.ts'
import { browserGpu, openDevice } from '../gpu/device.ts'
import { loadEngine } from '../gpu/engine.ts'
import type { Engine } from '../gpu/types.ts'
import type { BlobStore } from '../storage/blobs.ts'
import { download } from '../storage/download.ts'
import { openBlobs } from '../storage/open.ts'
import { chatOfEngine } from './chat-of-engine.ts'
import type { AdapterFile, GpuWorker, LoadedEngine, LoadProgress, ModelFile } from './gpu-api.ts'
import { expose } from './rpc.ts'
import { blobSource } from './sources.ts'

/** Context of a chat, in tokens: long enough for many turns, small enough that its f32 cache (47 MB here) fits anywhere. */
const CONTEXT_TOKENS = 2048

const blobs: Promise<BlobStore> = openBlobs()
let engine: Engine | null = null
let loaded: { model: ModelFile; adapters: AdapterFile[] } | null = null
let queue: Promise<unknown> = Promise.resolve()

async function open(
  model: ModelFile,
  adapters: AdapterFile[],
  progress: (event: LoadProgress) => void,
  signal: AbortSignal,
): Promise<LoadedEngine> {
  const store = await blobs
  const file = await download({
    urls: model.urls,
    digest: model.sha256,
    bytes: model.bytes,
    blobs: store,
    signal,
    onProgress: ({ phase, doneBytes, bytesPerSecond }) => {
      if (phase === 'waiting') return
      progress({ stage: phase, receivedBytes: doneBytes, totalBytes: model.bytes, bytesPerSecond })
    },
  })
  const device = await openDevice(browserGpu())
  engine?.dispose()
  engine = await loadEngine({
    device,
    source: blobSource(file),
    contextTokens: CONTEXT_TOKENS,
    sha256: model.sha256,
    signal,
    onProgress: (done, total) => progress({ stage: 'loading', receivedBytes: done, totalBytes: total, bytesPerSecond: 0 }),
  })
  for (const adapter of adapters) {
    const weights = await download({ urls: [adapter.weights], digest: adapter.digest, bytes: adapter.bytes, blobs: store, signal })
    const config = await download({
      urls: [adapter.config.url],
      digest: adapter.config.sha256,
      bytes: adapter.config.bytes,
      blobs: store,
      signal,
    })
    await engine.addAdapter(adapter.digest, { config: await config.text(), weights: new Uint8Array(await weights.arrayBuffer()) })
  }
  loaded = { model, adapters }
  const { adapterName, isFallbackAdapter } = engine.stats()
  return { gpu: adapterName, software: isFallbackAdapter, contextTokens: engine.contextTokens }
}

async function ready(signal: AbortSignal): Promise<Engine> {
  if (engine !== null) return engine
  if (loaded === null) throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Wait until the model is ready.' })
  await open(loaded.model, loaded.adapters, () => {}, signal)
  return engine!
}

async function* run(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const current = await ready(signal)
  try {
    yield* chatOfEngine(current, request, signal)
  } catch (error) {
    if (asOpenChatError(error).code === 'device_lost') {
      engine = null
      current.dispose()
    }
    throw error
  }
}

/** Holds `work` back until everything before it has ended. @returns what ends its turn. */
async function turn(): Promise<() => void> {
  const before = queue
  let end = () => {}
  queue = new Promise<void>((resolve) => {
    end = resolve
  })
  await before
  return end
}

const worker: GpuWorker = {
  async probe() {
    const device = await openDevice(browserGpu())
    device.destroy()
  },
  async kept(model) {
    const store = await blobs
    if (await store.has(model.sha256)) return { complete: true, receivedBytes: model.bytes }
    const partial = await store.resume(model.sha256)
    return { complete: false, receivedBytes: partial.bytes }
  },
  load: open,
  async *chat(request, signal) {
    const end = await turn()
    try {
      yield* run(request, signal)
    } finally {
      end()
    }
  },
}

expose(worker)
