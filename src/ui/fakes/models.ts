// A library of models for specs of the page: the catalogue's model and adapter, and what a spec adds, held in memory.
// Knobs in the query: `models=kept|evicted|none` (default kept), `quota=full`, `download=fails`. Names and sizes are those
// of the real files; a dropped file is judged by its name: "qwen" is an unsupported architecture.
import { OpenChatError } from '../../errors.ts'
import { told } from '../ports/told.ts'
import type { Fit, Library, ListedModel, LocalAdapter, LocalModel, ModelsService, StorageReport } from '../services.ts'

const MODEL: LocalModel = {
  digest: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  name: 'SmolLM2-135M-Instruct',
  bytes: 98_362_432,
  licence: 'Apache-2.0',
  architecture: 'llama',
  contextTokens: 8192,
  source: 'catalogue',
  urls: ['/models/b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53.gguf'],
  keptBytes: 98_362_432,
}
const SPEECH: LocalAdapter = {
  digest: 'feed',
  name: 'Public speech',
  bytes: 1_874_312,
  base: MODEL.digest,
  rank: 8,
  source: 'catalogue',
  lineage: [{ datanet: '1', contributions: 43 }],
  weights: '/adapters/public-speech/adapter_model.safetensors',
  config: { url: '/adapters/public-speech/adapter_config.json', sha256: 'c0de', bytes: 637 },
}
const PLAN = {
  weights: 105_000_000,
  cache: 47_000_000,
  adapters: 3_700_000,
  scratch: 61_000_000,
  total: 216_700_000,
  contextTokens: 2048,
}

export function fakeModels(query: URLSearchParams): ModelsService {
  const knob = query.get('models') ?? 'kept'
  const kept = knob === 'kept' ? MODEL.bytes : 0
  const library = told<Library>({
    models: [{ ...MODEL, keptBytes: kept, transfer: null, leaving: false }],
    adapters: [SPEECH],
    evicted: knob === 'evicted' ? [{ digest: MODEL.digest, name: MODEL.name, bytes: MODEL.bytes }] : [],
  })
  const timers = new Map<string, ReturnType<typeof setInterval>>()
  let persistent = false

  const change = (digest: string, next: (model: ListedModel) => Partial<ListedModel>) =>
    library.set({ ...library.value, models: library.value.models.map((m) => (m.digest === digest ? { ...m, ...next(m) } : m)) })

  const stop = (digest: string) => {
    clearInterval(timers.get(digest))
    timers.delete(digest)
  }

  const add = (model: LocalModel): LocalModel => {
    library.set({ ...library.value, models: [...library.value.models, { ...model, transfer: null, leaving: false }] })
    return model
  }

  const judge = (name: string) => {
    if (/qwen/i.test(name)) {
      throw new OpenChatError('architecture_unsupported', "The model's architecture is qwen3; this engine runs llama.", {
        action: 'Choose a Llama, SmolLM2 or Mistral file in GGUF form.',
      })
    }
    if (!/\.gguf$/i.test(name)) {
      throw new OpenChatError('gguf_invalid', 'This is no GGUF file: it does not begin with the letters GGUF.', {
        action: 'Fetch the file again, or choose another one.',
      })
    }
    return { ...MODEL, name: name.replace(/\.gguf$/i, ''), licence: null, contextTokens: 4096, keptBytes: 64_000_000, bytes: 64_000_000 }
  }

  const adapterOf = (name: string): LocalAdapter => {
    if (/dora/i.test(name)) {
      throw new OpenChatError('adapter_unsupported', 'The adapter uses DoRA, which this engine does not compute.', {
        action: 'Train with use_dora = false, or merge the magnitudes into plain LoRA.',
      })
    }
    const adapter: LocalAdapter = {
      ...SPEECH,
      digest: `ad${library.value.adapters.length}`,
      name,
      source: 'file',
      lineage: [],
      weights: null,
      config: { url: null, sha256: 'c0de', bytes: 637 },
    }
    library.set({ ...library.value, adapters: [...library.value.adapters, adapter] })
    return adapter
  }

  const forget = (digest: string) => {
    const before = library.value
    library.set({
      ...before,
      models: before.models.flatMap((m) =>
        m.digest !== digest ? [m] : m.source === 'catalogue' ? [{ ...m, keptBytes: 0, transfer: null }] : [],
      ),
      adapters: before.adapters.filter((a) => a.digest !== digest),
    })
    return before
  }

  return {
    subscribe: library.subscribe,
    download(digest) {
      if (timers.has(digest)) return
      timers.set(
        digest,
        setInterval(() => {
          const model = library.value.models.find((m) => m.digest === digest)!
          const doneBytes = Math.min(model.bytes, model.keptBytes + 6_000_000)
          if (query.get('download') === 'fails' && doneBytes > model.bytes / 3) {
            stop(digest)
            const error = new OpenChatError('storage_full', 'The browser has no room left for this file.', {
              action: 'Free disk space or delete stored models, then try again.',
            })
            change(digest, () => ({ transfer: { state: 'failed', error } }))
            return
          }
          const running = {
            state: 'running',
            doneBytes,
            totalBytes: model.bytes,
            bytesPerSecond: 60_000_000,
            stage: 'downloading',
          } as const
          if (doneBytes === model.bytes) stop(digest)
          change(digest, () => ({ keptBytes: doneBytes, transfer: doneBytes === model.bytes ? null : running }))
        }, 100),
      )
    },
    pause(digest) {
      stop(digest)
      change(digest, (m) => ({ transfer: { state: 'paused', doneBytes: m.keptBytes, totalBytes: m.bytes } }))
    },
    async discard(digest) {
      stop(digest)
      forget(digest)
    },
    async addModelFile(file, progress) {
      const model = { ...judge(file.name), digest: 'f11e'.repeat(16), source: 'file' as const, urls: [] }
      progress({ stage: 'copying', doneBytes: model.bytes, totalBytes: model.bytes })
      return add(model)
    },
    async addModelFiles(files, progress) {
      const [first] = files
      const name = first!.webkitRelativePath.split('/')[0] || first!.name.replace(/-\d{5}-of-\d{5}\.gguf$/, '')
      if (files.length === 2 && files.every(({ name: part }) => /-of-00003\.gguf$/.test(part))) {
        throw new OpenChatError('model_part_missing', `Of the 3 parts of this model, 1 are not here: ${name}-00003-of-00003.gguf.`, {
          action: 'Choose all parts of the model together.',
        })
      }
      const model = { ...judge(`${name}.gguf`), digest: `f0d${files.length % 10}`.repeat(16), source: 'file' as const, urls: [] }
      progress({ stage: 'copying', doneBytes: model.bytes, totalBytes: model.bytes })
      return add(model)
    },
    async addModelUrl(url, progress) {
      const model = { ...judge(new URL(url).pathname.split('/').at(-1)!), digest: '0c1e'.repeat(16), source: 'url' as const, urls: [url] }
      progress({ stage: 'downloading', doneBytes: model.bytes, totalBytes: model.bytes })
      return add(model)
    },
    addAdapterFiles: async (files) => adapterOf(files[0]!.name.replace(/\.(zip|json|safetensors)$/, '')),
    addAdapterUrl: async (url) => adapterOf(new URL(url).pathname.split('/').filter(Boolean).at(-1) ?? 'adapter'),
    async remove(digest) {
      const before = forget(digest)
      return { undo: async () => library.set(before) }
    },
    wanted: async () => {},
    check: async () => ({ chunks: 24, wrong: 0 }),
    async fit(): Promise<Fit> {
      return {
        verdict: 'fits',
        reason: 'Should fit: 217 MB, with 2,048 tokens of context, were tried on this GPU and found room.',
        plan: PLAN,
      }
    },
    refresh: async () => {},
    async storage(): Promise<StorageReport> {
      const full = query.get('quota') === 'full'
      return {
        kinds: [
          { kind: 'models', items: 1, bytes: MODEL.bytes },
          { kind: 'adapters', items: 2, bytes: 1_874_949 },
          { kind: 'datanets', items: 5, bytes: 10_874_458 },
          { kind: 'conversations', items: 3, bytes: 42_000 },
          { kind: 'receipts', items: 2, bytes: 9_000 },
        ],
        usedBytes: 111_200_000,
        quotaBytes: full ? 118_000_000 : 4_000_000_000,
        persistent,
      }
    },
    persist: async () => (persistent = true),
    acknowledgeEviction: async () => library.set({ ...library.value, evicted: [] }),
  }
}
