// llama.cpp in wasm as a runner: the same kept GGUF file as the local engine's, brought here by the gpu worker, which needs no
// GPU for that, and read from the store.
import type { CpuEngine } from '../../engines/wllama.ts'
import { OpenChatError } from '../../errors.ts'
import { openBlobs } from '../../storage/open.ts'
import type { GpuWorker } from '../../workers/gpu-api.ts'
import type { RemoteApi } from '../../workers/rpc.ts'
import type { LocalModel } from '../services.ts'
import { strings } from '../strings.ts'
import { arriving, fileOf } from './engine-local.ts'
import type { Runner, Running } from './engine-runner.ts'

/** As the local engine's, so that a conversation fits both. */
const CONTEXT_TOKENS = 2048

export function cpuRunner(api: RemoteApi<GpuWorker>, model: LocalModel): Runner {
  const file = fileOf(model)
  let engine: CpuEngine | null = null
  const open = async (): Promise<Running> => {
    const blob = await (await openBlobs()).get(model.digest)
    if (blob === null)
      throw new OpenChatError('blob_missing', 'The model file is not on this machine any more.', { action: 'Download it again.' })
    const { openWllama } = await import('../../engines/wllama.ts')
    engine = await openWllama(blob, CONTEXT_TOKENS)
    return {
      gpu: strings.engine.processor(engine.threads),
      software: false,
      contextTokens: engine.contextTokens,
      demotions: [],
      adapters: [],
    }
  }
  return {
    digest: model.digest,
    kept: () => api.kept(file),
    async load(progress, signal) {
      await api.fetch(file, (event) => progress(arriving(event)), signal)
      progress({ state: 'loading', stage: strings.engine.toProcessor, fraction: null })
      return open()
    },
    async recover() {
      await engine?.close()
      return open()
    },
    async unload() {
      await engine?.close()
      engine = null
    },
    count: async () => null,
    async *chat(request, signal) {
      if (engine === null)
        throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Wait until the model is ready.' })
      yield* engine.chat(request, signal)
    },
  }
}
