// The engine as the page sees it: one state that moves from nothing to ready, over the gpu worker. Whether this browser has
// WebGPU is asked before anything is downloaded.
import type { Engine } from '../../chat/ports.ts'
import { asOpenChatError } from '../../errors.ts'
import { keepStorage } from '../../storage/open.ts'
import type { GpuWorker } from '../../workers/gpu-api.ts'
import { openWorker, streamOf } from '../../workers/rpc.ts'
import type { EngineFacts, EngineService, EngineState, ModelCard } from '../services.ts'
import type { Catalogue } from './catalogue.ts'
import { told } from './told.ts'

export interface OpenedEngine {
  service: EngineService
  port: Engine
}

export function openEngine(catalogue: Catalogue): OpenedEngine {
  const file = catalogue.models[0]!
  const model: ModelCard = {
    name: file.name,
    bytes: file.bytes,
    licence: file.licence,
    digest: file.sha256,
    besidesBytes: [...catalogue.adapters, ...catalogue.datanets].reduce((sum, { bytes }) => sum + bytes, 0),
    adapters: Object.fromEntries(catalogue.adapters.map(({ digest, name }) => [digest, name])),
  }
  const state = told<EngineState>({ state: 'checking' })
  const facts = told<EngineFacts>({
    choices: [
      {
        ...{ id: `local:${file.sha256}`, engine: 'local', name: file.name, detail: 'On your graphics card, in this page.' },
        ...{ needsBytes: 0, host: null, adapters: true, hindrance: null },
      },
    ],
    ...{ chosen: `local:${file.sha256}`, proposal: null, demotions: [], contextTokens: null, tab: 'leader' },
  })
  const { api } = openWorker<GpuWorker>(new Worker(new URL('../../workers/gpu.worker.ts', import.meta.url), { type: 'module' }))
  let running: AbortController | null = null

  async function start(): Promise<void> {
    if (running !== null || state.value.state === 'ready' || state.value.state === 'no_webgpu') return
    const controller = new AbortController()
    running = controller
    state.set({ state: 'loading', stage: 'opening', fraction: null })
    // Asked when there is something worth keeping; a browser that refuses may evict the model, which is then fetched again.
    void keepStorage()
    try {
      const loaded = await api.load(
        file,
        catalogue.adapters,
        (event) => {
          if (controller.signal.aborted || running !== controller) return
          const { receivedBytes, totalBytes, bytesPerSecond } = event
          if (event.stage === 'downloading') state.set({ state: 'downloading', receivedBytes, totalBytes, bytesPerSecond })
          else {
            const stage = event.stage === 'hashing' ? 'checking what is here' : 'weights to the GPU'
            state.set({ state: 'loading', stage, fraction: totalBytes > 0 ? receivedBytes / totalBytes : null })
          }
        },
        controller.signal,
      )
      state.set({ state: 'ready', gpu: loaded.gpu, software: loaded.software })
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      if (controller.signal.aborted) state.set({ state: 'absent', receivedBytes: (await api.kept(file)).receivedBytes })
      else state.set({ state: 'failed', error })
    } finally {
      running = null
    }
  }

  async function begin(): Promise<void> {
    try {
      await api.probe()
      const kept = await api.kept(file)
      // What is here already needs no consent to be loaded.
      if (kept.complete) await start()
      else if (running === null) state.set({ state: 'absent', receivedBytes: kept.receivedBytes })
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      state.set({ state: error.code === 'gpu_unavailable' ? 'no_webgpu' : 'failed', error })
    }
  }
  void begin()

  return {
    service: {
      model,
      subscribe: state.subscribe,
      start: () => void start(),
      pause: () => running?.abort(),
      watch: facts.subscribe,
      choose: () => {},
      count: async () => null,
      endpointModels: async () => [],
      addEndpoint: async () => '',
      removeEndpoint: async () => {},
    },
    port: {
      voice: { engine: 'local', model: file.name, modelDigest: file.sha256 },
      chat: (request, signal) => streamOf(api.chat(request, signal)),
    },
  }
}
