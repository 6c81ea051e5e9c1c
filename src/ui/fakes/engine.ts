// The fake of the engine service: a model that arrives by the clock, four choices of four kinds, and what a browser without
// WebGPU is offered. Knobs in the query: `engine=absent|no_webgpu|software|failed`. Its answers are fakes/ports.ts's.
import type { EngineKind } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import { told } from '../ports/told.ts'
import type { EngineChoice, EngineFacts, EngineService, EngineState, ModelCard } from '../services.ts'

const MODEL_BYTES = 98_362_432
const DIGEST = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53'
const NAME = 'SmolLM2-135M-Instruct'
const ADAPTERS = { feed: 'Public speech' }
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const noWebGpu = () => new OpenChatError('gpu_unavailable', 'This browser offers no WebGPU.')

export function fakeEngineService(query: URLSearchParams): EngineService {
  const knob = query.get('engine')
  const state = told<EngineState>({ state: 'checking' })
  const facts = told<EngineFacts>(firstFacts(knob))
  let download: ReturnType<typeof setInterval> | undefined
  let received = 0
  let endpoints = 0

  const chosen = () => facts.value.choices.find(({ id }) => id === facts.value.chosen)!
  const load = async () => {
    const { id, engine } = chosen()
    state.set({ state: 'loading', stage: 'weights to the GPU', fraction: 0.4 })
    await pause(200)
    if (id !== facts.value.chosen) return
    if (knob === 'failed') {
      const action = { action: 'Download it again.' }
      state.set({
        state: 'failed',
        error: new OpenChatError('digest_mismatch', 'The model file is not the one that was expected.', action),
      })
    } else {
      facts.set({ ...facts.value, contextTokens: engine === 'remote' ? null : 2048 })
      state.set({
        state: 'ready',
        gpu: engine === 'cpu' ? 'fake processor' : 'fake GPU',
        software: engine === 'local' && knob === 'software',
      })
    }
  }
  const begin = () => {
    const { hindrance, needsBytes } = chosen()
    if (hindrance !== null) state.set({ state: 'no_webgpu', error: hindrance })
    else if (needsBytes > 0) state.set({ state: 'absent', receivedBytes: 0 })
    else void load()
  }
  setTimeout(begin, 30)

  return {
    get model() {
      return cardOf(chosen())
    },
    subscribe: state.subscribe,
    watch: facts.subscribe,
    start() {
      if (state.value.state === 'ready' || download !== undefined) return
      const totalBytes = chosen().needsBytes || MODEL_BYTES
      download = setInterval(() => {
        received = Math.min(totalBytes, received + totalBytes / 41)
        if (received < totalBytes) {
          state.set({ state: 'downloading', receivedBytes: received, totalBytes, bytesPerSecond: 24_000_000 })
          return
        }
        clearInterval(download)
        download = undefined
        const choices = facts.value.choices.map((choice) => (choice.id === facts.value.chosen ? { ...choice, needsBytes: 0 } : choice))
        facts.set({ ...facts.value, choices })
        void load()
      }, 100)
    },
    pause() {
      clearInterval(download)
      download = undefined
      state.set({ state: 'absent', receivedBytes: received })
    },
    choose(id) {
      if (id === facts.value.chosen || !facts.value.choices.some((choice) => choice.id === id)) return
      clearInterval(download)
      download = undefined
      received = 0
      facts.set({ ...facts.value, chosen: id, contextTokens: null })
      begin()
    },
    count: async (messages) => messages.reduce((sum, { content }) => sum + 5 + content.split(/\s+/).length, 0),
    async memory() {
      const { contextTokens } = facts.value
      return state.value.state === 'ready' && contextTokens !== null
        ? { plannedBytes: 216_700_000, allocatedBytes: 213_100_000, contextTokens }
        : null
    },
    async endpointModels(url) {
      if (!url.includes('good')) {
        throw new OpenChatError('endpoint_unreachable', `Nothing answers at ${url}.`, {
          action: 'Check the address and that it allows this page (CORS).',
        })
      }
      return ['large-model', 'small-model']
    },
    async addEndpoint({ url, model }) {
      const id = `remote:${++endpoints}`
      const { host } = new URL(url)
      facts.set({
        ...facts.value,
        choices: [
          ...facts.value.choices,
          choiceOf('remote', id, model, `The question and its sources leave this machine for ${host}.`, { host }),
        ],
      })
      return id
    },
    async removeEndpoint(id) {
      const choices = facts.value.choices.filter((choice) => choice.id !== id)
      facts.set({ ...facts.value, choices, chosen: facts.value.chosen === id ? choices[0]!.id : facts.value.chosen })
    },
  }
}

function choiceOf(engine: EngineKind, id: string, name: string, detail: string, more: Partial<EngineChoice> = {}): EngineChoice {
  return { id, engine, name, detail, needsBytes: 0, host: null, adapters: engine === 'local', hindrance: null, ...more }
}

function firstFacts(knob: string | null): EngineFacts {
  const hindrance = knob === 'no_webgpu' ? noWebGpu() : null
  const needsBytes = knob === 'absent' ? MODEL_BYTES : 0
  const cpu = `cpu:${DIGEST}`
  return {
    choices: [
      choiceOf('local', `local:${DIGEST}`, NAME, 'On your graphics card, in this page.', { needsBytes, hindrance }),
      choiceOf('cpu', cpu, NAME, 'On your processor, in this page; slower, without adapters.', { needsBytes }),
      choiceOf('web-llm', 'web-llm:Llama-3.2-1B-Instruct-q4f16_1-MLC', 'Llama 3.2 1B', 'On your graphics card, by web-llm.', {
        needsBytes: 695_000_000,
        host: 'huggingface.co',
        hindrance,
      }),
    ],
    chosen: `local:${DIGEST}`,
    proposal:
      knob === 'no_webgpu'
        ? { id: cpu, sentence: 'The same model can run on the processor: slower, and nothing more is downloaded.' }
        : knob === 'software'
          ? { id: cpu, sentence: 'This browser draws WebGPU in software; the processor alone is usually faster.' }
          : null,
    demotions:
      knob === 'software' ? [{ code: 'software_adapter', sentence: 'WebGPU runs in software here, without a graphics card.' }] : [],
    contextTokens: null,
    tab: 'leader',
  }
}

function cardOf({ engine, name, needsBytes }: EngineChoice): ModelCard {
  return {
    name,
    bytes: engine === 'web-llm' ? needsBytes : engine === 'remote' ? 0 : MODEL_BYTES,
    licence: engine === 'remote' ? '' : 'Apache-2.0',
    digest: DIGEST,
    besidesBytes: engine === 'local' ? 12_761_000 : 10_887_000,
    adapters: engine === 'local' ? ADAPTERS : {},
  }
}
