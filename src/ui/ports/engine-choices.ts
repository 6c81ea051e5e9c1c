// What could answer here, in the order it is offered, and what is proposed: pure, from what is known of library, GPU, endpoints.

import { needsHalf, WEB_LLM_HOST, WEB_LLM_MODELS, webLlmBytes } from '../../engines/web-llm-models.ts'
import { OpenChatError } from '../../errors.ts'
import type { GpuFacts } from '../../workers/gpu-api.ts'
import { bytes } from '../format.ts'
import type { EngineChoice, EngineFacts, LocalAdapter, LocalModel } from '../services.ts'
import { strings } from '../strings.ts'
import type { KeptEndpoint } from './engine-endpoints.ts'

export interface Known {
  models: LocalModel[]
  /** null while it was not asked. */
  gpu: GpuFacts | OpenChatError | null
  /** Why no processor engine runs here, or null. */
  cpu: OpenChatError | null
  /** Names of web-llm's models that are here whole. */
  webLlm: ReadonlySet<string>
  endpoints: KeptEndpoint[]
}

export const localId = (digest: string) => `local:${digest}`
export const cpuId = (digest: string) => `cpu:${digest}`

/** Why llama.cpp's wasm cannot run in this browser, or null. */
export function cpuHindrance(): OpenChatError | null {
  if ('Suspending' in WebAssembly) return null
  return new OpenChatError(
    'cpu_engine_unsupported',
    'This browser cannot run the model on its processor: it lacks a part of WebAssembly (JSPI).',
    {
      action: 'Use a current Chrome or Edge, or a remote engine.',
    },
  )
}

export function choicesOf({ models, gpu, cpu, webLlm, endpoints }: Known): EngineChoice[] {
  const words = strings.engine.details
  const noGpu = gpu instanceof OpenChatError ? gpu : null
  const missing = (model: LocalModel) => Math.max(0, model.bytes - model.keptBytes)
  return [
    ...models.map((model): EngineChoice => {
      const { name, digest } = model
      return {
        ...{ id: localId(digest), engine: 'local', name, detail: words.local, needsBytes: missing(model) },
        host: null,
        adapters: true,
        hindrance: noGpu,
      }
    }),
    ...models.map((model): EngineChoice => {
      const { name, digest } = model
      return {
        ...{ id: cpuId(digest), engine: 'cpu', name, detail: words.cpu, needsBytes: missing(model) },
        host: null,
        adapters: false,
        hindrance: cpu,
      }
    }),
    ...WEB_LLM_MODELS.map((model): EngineChoice => {
      const size = webLlmBytes(model)
      const detail = words['web-llm'](bytes(size), WEB_LLM_HOST)
      const needsBytes = webLlm.has(model.id) ? 0 : size
      const hindrance = noGpu ?? (needsHalf(model) && gpu !== null && !(gpu as GpuFacts).f16 ? noHalfPrecision() : null)
      return {
        ...{ id: `web-llm:${model.id}`, engine: 'web-llm', name: model.name, detail, needsBytes },
        host: WEB_LLM_HOST,
        adapters: false,
        hindrance,
      }
    }),
    ...endpoints.map(({ id, url, model }): EngineChoice => {
      const { host } = new URL(url)
      return { ...{ id, engine: 'remote', name: model, detail: words.remote(host), needsBytes: 0 }, host, adapters: false, hindrance: null }
    }),
  ]
}

/** Adapters made for a model, or whose maker did not say for which. */
export const fitting = (adapters: LocalAdapter[], digest: string) => adapters.filter(({ base }) => base === null || base === digest)

const noHalfPrecision = () =>
  new OpenChatError('gpu_unavailable', 'This GPU offers no half precision (shader-f16), which web-llm’s models need.', {
    action: 'Choose another engine.',
  })

/** The same model on the processor, where the GPU is none or only played; null when there is nothing better to offer. */
export function proposalOf(choices: EngineChoice[], chosen: string, gpu: Known['gpu']): EngineFacts['proposal'] {
  const choice = choices.find(({ id }) => id === chosen)
  if (choice?.engine !== 'local' || gpu === null) return null
  const other = choices.find(({ id, hindrance }) => id === chosen.replace('local:', 'cpu:') && hindrance === null)
  if (other === undefined) return null
  if (gpu instanceof OpenChatError) {
    return { id: other.id, sentence: strings.engine.proposeNoGpu(other.needsBytes > 0 ? bytes(other.needsBytes) : '') }
  }
  return gpu.software ? { id: other.id, sentence: strings.engine.proposeSoftware } : null
}
