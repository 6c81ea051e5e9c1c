// The engine of the tab that runs it, with runners of a few lines: what is loaded, when, and what is let go.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ChatEvent, ChatRequest } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import { memoryRecords } from '../../storage/records.ts'
import type { EngineState, ListedModel } from '../services.ts'
import { EngineSettings } from './engine-endpoints.ts'
import { EngineHost, type Stock } from './engine-host.ts'
import type { Arriving, Runner, Running } from './engine-runner.ts'
import { told } from './told.ts'

beforeAll(() => void vi.stubGlobal('navigator', {}))
afterAll(() => void vi.unstubAllGlobals())

const never = new AbortController().signal
const request: ChatRequest = { messages: [], max_tokens: 10, temperature: 0, adapter: null }
const usage = { promptTokens: 1, completionTokens: 2, firstTokenMs: 1, tokensPerSecond: 2, dispatchesPerToken: 3 }
const model = (digest: string, keptBytes = 100): ListedModel => ({
  ...{ digest, name: `Model ${digest}`, bytes: 100, licence: null, architecture: 'llama', contextTokens: 64 },
  ...{ source: 'catalogue', urls: [], keptBytes, transfer: null, leaving: false },
})
const running: Running = { gpu: 'card', software: false, contextTokens: 64, demotions: [], adapters: [] }

interface Made extends Runner {
  id: string
  log: string[]
  /** Ends the load under way. */
  finish(outcome?: Error): void
  progress(event: Arriving): void
  say: string[]
  breaks: number
}

function house({ here = ['local:a', 'local:b', 'cpu:a'], gpu = { gpu: 'card', software: false, f16: true } as object } = {}) {
  const made: Made[] = []
  const log: string[] = []
  const records = memoryRecords()
  const stock = told<Stock>({ models: [model('a'), model('b')], adapters: [] })
  const open = () =>
    new EngineHost({
      settings: new EngineSettings(records),
      stock,
      probe: async () => {
        if (gpu instanceof Error) throw gpu
        return gpu as { gpu: string; software: boolean; f16: boolean }
      },
      cpuHindrance: () => null,
      webLlmKept: async () => new Set(),
      runner({ id }) {
        let end: { resolve: (value: Running) => void; reject: (error: Error) => void } | null = null
        let tell: (event: Arriving) => void = () => {}
        const runner: Made = {
          ...{ id, log, digest: null, say: ['one', ' two', ' three'], breaks: -1 },
          kept: async () => ({ complete: here.includes(id), receivedBytes: here.includes(id) ? 100 : 40 }),
          load: (progress, signal) => {
            log.push(`load ${id}`)
            tell = progress
            return new Promise((resolve, reject) => {
              end = { resolve, reject }
              signal.addEventListener('abort', () => reject(new OpenChatError('cancelled', 'Cancelled.')))
            })
          },
          recover: async () => {
            log.push(`recover ${id}`)
            return { ...running, demotions: [{ code: 'device_recovered', sentence: 'Lost once.' }] }
          },
          unload: async () => void log.push(`unload ${id}`),
          count: async (messages) => messages.length,
          async *chat(given): AsyncGenerator<ChatEvent> {
            log.push(`chat ${id} ${given.begin ?? ''}`)
            const rest = runner.say.slice(runner.say.findIndex((_, i) => runner.say.slice(0, i).join('') === (given.begin ?? '')))
            for (const text of rest) {
              if (runner.breaks-- === 0) throw new OpenChatError('device_lost', 'Lost.')
              await new Promise((resolve) => setTimeout(resolve, 2))
              yield { type: 'token', text }
            }
            yield { type: 'end', reason: 'stop', usage }
          },
          finish: (outcome) => (outcome === undefined ? end!.resolve(running) : end!.reject(outcome)),
          progress: (event) => tell(event),
        }
        made.push(runner)
        return runner
      },
    })
  return { open, made, log, stock, records }
}

const reach = (host: EngineHost, state: EngineState['state']) => expect.poll(() => host.state.value.state).toBe(state)
const said = async (events: AsyncIterable<ChatEvent>) => {
  let text = ''
  for await (const event of events) if (event.type === 'token') text += event.text
  return text
}

describe('the engine of this tab', () => {
  test('loads what is here without asking, and is found chosen again', async () => {
    const { open, made, log, records } = house()
    const host = open()
    await reach(host, 'loading')
    made[0]!.finish()
    await reach(host, 'ready')
    expect(host.facts.value).toMatchObject({ chosen: 'local:a', contextTokens: 64, proposal: null, tab: 'leader' })
    const chosen = host.choose('local:b')
    await chosen
    expect(log).toEqual(['load local:a', 'unload local:a', 'load local:b'])
    expect(await new EngineSettings(records).chosen()).toBe('local:b')
    const later = open()
    await expect.poll(() => later.facts.value.chosen).toBe('local:b')
  })

  test('fetches nothing before it is told to, and keeps what arrived when it is paused', async () => {
    const { open, made, log } = house({ here: [] })
    const host = open()
    await reach(host, 'absent')
    expect(host.state.value).toEqual({ state: 'absent', receivedBytes: 40 })
    expect(log).toEqual([])
    void host.start()
    await reach(host, 'loading')
    made[0]!.progress({ state: 'downloading', receivedBytes: 50, totalBytes: 100, bytesPerSecond: 1 })
    expect(host.state.value.state).toBe('downloading')
    await host.pause()
    await reach(host, 'absent')
  })

  test('lets a model go only after its answers have ended, and what a choice before began changes nothing any more', async () => {
    const { open, made, log } = house()
    const host = open()
    await reach(host, 'loading')
    made[0]!.finish()
    await reach(host, 'ready')
    const answer = said(host.chat(request, never))
    await expect.poll(() => log.includes('chat local:a ')).toBe(true)
    const chosen = host.choose('local:b')
    expect(await answer).toBe('one two three')
    await chosen
    expect(log).toEqual(['load local:a', 'chat local:a ', 'unload local:a', 'load local:b'])
    await host.choose('local:a')
    made[1]!.progress({ state: 'loading', stage: 'late', fraction: 1 })
    expect(host.state.value).not.toMatchObject({ stage: 'late' })
    made[2]!.finish()
    await reach(host, 'ready')
  })

  test('a model that is deleted is unloaded once its answers have ended, and loaded again when it is brought back', async () => {
    const { open, made, log, stock } = house()
    const host = open()
    await reach(host, 'loading')
    made[0]!.finish()
    await reach(host, 'ready')
    const answer = said(host.chat(request, never))
    await expect.poll(() => log.includes('chat local:a ')).toBe(true)
    const [first, second] = stock.value.models as [ListedModel, ListedModel]
    stock.set({ ...stock.value, models: [{ ...first, keptBytes: 0, leaving: true }, second] })
    await reach(host, 'absent')
    expect(await answer).toBe('one two three')
    await expect.poll(() => log).toEqual(['load local:a', 'chat local:a ', 'unload local:a'])
    // Told once more, and nothing more happens.
    stock.set({ ...stock.value })
    expect(host.state.value).toEqual({ state: 'absent', receivedBytes: 0 })
    stock.set({ ...stock.value, models: [first, second] })
    await reach(host, 'loading')
    made.at(-1)!.finish()
    await reach(host, 'ready')
    expect(log).toEqual(['load local:a', 'chat local:a ', 'unload local:a', 'load local:a'])
  })

  test('one’s own model that is deleted gives way to the first of the list', async () => {
    const { open, made, log, stock } = house()
    const host = open()
    await reach(host, 'loading')
    await host.choose('local:b')
    made.at(-1)!.finish()
    await reach(host, 'ready')
    stock.set({ ...stock.value, models: stock.value.models.slice(0, 1) })
    await expect.poll(() => host.facts.value.chosen).toBe('local:a')
    expect(log.slice(-2)).toEqual(['unload local:b', 'load local:a'])
  })

  test('takes a lost device up once for all answers, which say every word once, and says so', async () => {
    const { open, made, log } = house()
    const host = open()
    await reach(host, 'loading')
    made[0]!.finish()
    await reach(host, 'ready')
    made[0]!.breaks = 2
    expect(await said(host.chat(request, never))).toBe('one two three')
    expect(log).toEqual(['load local:a', 'chat local:a ', 'recover local:a', 'chat local:a one two'])
    expect(host.facts.value.demotions.map(({ code }) => code)).toEqual(['device_recovered'])
    expect(host.state.value.state).toBe('ready')
  })

  test('without WebGPU says so, proposes the processor, and takes it when told', async () => {
    const { open, made } = house({ gpu: new OpenChatError('gpu_unavailable', 'None.') })
    const host = open()
    await reach(host, 'no_webgpu')
    expect(host.facts.value.proposal).toMatchObject({ id: 'cpu:a' })
    expect(made).toHaveLength(0)
    await host.choose('cpu:a')
    made[0]!.finish()
    await reach(host, 'ready')
    expect(host.facts.value.proposal).toBeNull()
  })

  test('a load that fails is said, and tried again', async () => {
    const { open, made } = house()
    const host = open()
    await reach(host, 'loading')
    made[0]!.finish(new OpenChatError('digest_mismatch', 'Another file.'))
    await reach(host, 'failed')
    void host.start()
    await reach(host, 'loading')
    made[0]!.finish()
    await reach(host, 'ready')
  })

  test('an endpoint becomes a choice; removed while it answers, the first model is taken', async () => {
    const { open, made } = house()
    const host = open()
    await reach(host, 'loading')
    const id = await host.addEndpoint({ url: 'https://a.example/v1/', model: 'large', key: 'k', keep: 'memory' })
    expect(host.facts.value.choices.find((choice) => choice.id === id)).toMatchObject({
      engine: 'remote',
      name: 'large',
      host: 'a.example',
    })
    await host.choose(id)
    await host.removeEndpoint(id)
    expect(host.facts.value.chosen).toBe('local:a')
    expect(made.at(-1)!.id).toBe('local:a')
    await expect(host.addEndpoint({ url: 'http://a.example', model: 'm', key: '', keep: 'memory' })).rejects.toMatchObject({
      code: 'endpoint_invalid',
    })
  })
})
