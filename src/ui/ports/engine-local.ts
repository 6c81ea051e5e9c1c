// The local engine as a runner: src/gpu in its worker, with every adapter of the library that was made for the model.
import type { ChatMessage } from '../../chat/ports.ts'
import type { AdapterFile, GpuWorker, LoadedEngine, LoadProgress, ModelFile } from '../../workers/gpu-api.ts'
import { openWorker, type RemoteApi, streamOf } from '../../workers/rpc.ts'
import type { Demotion, LocalAdapter, LocalModel } from '../services.ts'
import { strings } from '../strings.ts'
import type { Arriving, Runner, Running } from './engine-runner.ts'

export interface LocalRunner extends Runner {
  /** Makes the loaded adapters these; nothing is loaded before the model is. */
  adapters(adapters: LocalAdapter[]): Promise<Running | null>
}

/** The gpu worker, opened once a page. */
export function openGpuWorker(): RemoteApi<GpuWorker> {
  return openWorker<GpuWorker>(new Worker(new URL('../../workers/gpu.worker.ts', import.meta.url), { type: 'module' })).api
}

export const fileOf = ({ name, digest, bytes, urls, chunks, slidingWindow }: LocalModel): ModelFile => ({
  ...{ name, sha256: digest, bytes, urls },
  ...(chunks === undefined ? {} : { chunks }),
  ...(slidingWindow === undefined ? {} : { slidingWindow }),
})

export function arriving({ stage, receivedBytes, totalBytes, bytesPerSecond }: LoadProgress): Arriving {
  if (stage === 'downloading') return { state: 'downloading', receivedBytes, totalBytes, bytesPerSecond }
  const words = stage === 'hashing' ? strings.engine.hashing : strings.engine.toGpu
  return { state: 'loading', stage: words, fraction: totalBytes > 0 ? receivedBytes / totalBytes : null }
}

export function localRunner(api: RemoteApi<GpuWorker>, model: LocalModel, first: LocalAdapter[]): LocalRunner {
  const file = fileOf(model)
  let wanted = first
  let loaded = false
  const load = async (progress: (event: LoadProgress) => void, signal: AbortSignal): Promise<Running> => {
    const found = running(await api.load(file, wanted.map(adapterFile), progress, signal))
    loaded = true
    return found
  }
  return {
    digest: model.digest,
    kept: () => api.kept(file),
    load: (progress, signal) => load((event) => progress(arriving(event)), signal),
    recover: async (signal) => {
      const again = running(await api.recover(signal))
      return { ...again, demotions: [...again.demotions, { code: 'device_recovered', sentence: strings.engine.recovered }] }
    },
    unload: () => api.unload(),
    count: (messages: ChatMessage[], begin: string) => api.count(messages, begin),
    chat: (request, signal) => streamOf(api.chat(request, signal)),
    async memory() {
      const found = await api.memory()
      if (found === null) return null
      const { planned, allocated } = found
      return { plannedBytes: planned.total, allocatedBytes: allocated, contextTokens: planned.contextTokens }
    },
    replay: (ask) => api.replay(ask),
    async adapters(adapters) {
      wanted = adapters
      return loaded ? load(() => {}, new AbortController().signal) : null
    },
  }
}

const adapterFile = ({ name, digest, bytes, weights, config }: LocalAdapter): AdapterFile => ({
  ...{ name, digest, bytes, weights: weights ?? '' },
  config: { url: config.url ?? '', sha256: config.sha256, bytes: config.bytes },
})

function running({ gpu, software, contextTokens, wantedTokens, demoted, adapters, refused }: LoadedEngine): Running {
  const demotions: Demotion[] = []
  if (software) demotions.push({ code: 'software_adapter', sentence: strings.engine.softwareAdapter(gpu) })
  if (contextTokens < wantedTokens) {
    demotions.push({ code: 'smaller_context', sentence: strings.engine.smallerContext(contextTokens, wantedTokens) })
  }
  for (const { kernel } of demoted) demotions.push({ code: 'kernel_demoted', sentence: strings.engine.kernelDemoted(kernel) })
  for (const sentence of refused) demotions.push({ code: 'adapter_refused', sentence })
  return { gpu, software, contextTokens, demotions, adapters }
}
