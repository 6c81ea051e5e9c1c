// web-llm as a runner. Its worker is made by the first load, not before: that is what fetches its 6 MB and then the model.
import { WEB_LLM_HOST, WEB_LLM_MODELS, type WebLlmModel, webLlmBytes } from '../../engines/web-llm-models.ts'
import { OpenChatError } from '../../errors.ts'
import { type OpenWorker, openWorker, streamOf } from '../../workers/rpc.ts'
import type { WebLlmWorker } from '../../workers/web-llm-api.ts'
import { strings } from '../strings.ts'
import type { Runner } from './engine-runner.ts'

/** Where web-llm keeps weights, by the address of each piece. */
const CACHE = 'webllm/model'

/** Names of web-llm's models that are here whole. */
export async function webLlmKept(): Promise<ReadonlySet<string>> {
  if (globalThis.caches === undefined || !(await caches.has(CACHE))) return new Set()
  const addresses = (await (await caches.open(CACHE)).keys()).map(({ url }) => url)
  // Its list of pieces is fetched first and the pieces after it: the last of them says that nothing is missing.
  const whole = await Promise.all(
    WEB_LLM_MODELS.map(async ({ id }) => {
      const mine = addresses.filter((url) => url.includes(`/${id}/`))
      const list = mine.find((url) => /(tensor|ndarray)-cache\.json$/.test(url))
      if (list === undefined) return false
      const { records } = (await (await caches.match(list))!.json()) as { records: { dataPath: string }[] }
      return records.every(({ dataPath }) => mine.some((url) => url.endsWith(`/${dataPath}`)))
    }),
  )
  return new Set(WEB_LLM_MODELS.filter((_, i) => whole[i]).map(({ id }) => id))
}

export function webLlmRunner(model: WebLlmModel, gpu: string, software: boolean): Runner {
  let worker: OpenWorker<WebLlmWorker> | null = null
  const bytes = webLlmBytes(model)
  const opened = () => {
    worker ??= openWorker<WebLlmWorker>(new Worker(new URL('../../workers/web-llm.worker.ts', import.meta.url), { type: 'module' }))
    return worker
  }
  const runner: Runner = {
    digest: null,
    async kept() {
      const complete = (await webLlmKept()).has(model.id)
      return { complete, receivedBytes: complete ? bytes : 0 }
    },
    async load(progress, signal) {
      // web-llm cannot be told to stop; ending its worker does, and what arrived stays in its cache.
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          worker?.close()
          worker = null
          reject(new OpenChatError('cancelled', `The download from ${WEB_LLM_HOST} was cancelled.`))
        })
      })
      const began = performance.now()
      const loading = opened().api.load(model.id, (fraction, words) => {
        if (!/fetching/i.test(words)) return progress({ state: 'loading', stage: strings.engine.toGpu, fraction })
        const receivedBytes = Math.round(bytes * fraction)
        const bytesPerSecond = (receivedBytes * 1000) / Math.max(1, performance.now() - began)
        progress({ state: 'downloading', receivedBytes, totalBytes: bytes, bytesPerSecond })
      })
      await Promise.race([loading, stopped])
      return { gpu, software, contextTokens: CONTEXT_TOKENS, demotions: [], adapters: [] }
    },
    recover: (signal) => {
      worker?.close()
      worker = null
      return runner.load(() => {}, signal)
    },
    async unload() {
      worker?.close()
      worker = null
    },
    count: async () => null,
    chat: (request, signal) => streamOf(opened().api.chat(request, signal)),
  }
  return runner
}

/** What web-llm's own settings give each of these models. */
const CONTEXT_TOKENS = 4096
