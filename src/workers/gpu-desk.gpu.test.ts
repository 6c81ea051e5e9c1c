// The gpu worker's desk over Dawn and a tiny model: several chats share their steps, and a device that is destroyed in the
// middle of an answer is taken up again with no word lost or doubled.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import type { ChatEvent, ChatRequest, ChatUsage } from '../chat/ports.ts'
import { resumed } from '../engines/resume.ts'
import { testGpu } from '../gpu/device.testing.ts'
import { memorySource } from '../gpu/formats/bytes.testing.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { memoryShape, planOf } from '../gpu/model/memory-plan.ts'
import { spareBytes } from '../gpu/probe-memory.ts'
import { scarceGpu } from '../gpu/scarce.testing.ts'
import { createBlobs } from '../storage/blobs.ts'
import { startLyingServer } from '../storage/lying-server.testing.ts'
import { memoryPieces } from '../storage/pieces.ts'
import type { AdapterFile, LoadedEngine, ModelFile } from './gpu-api.ts'
import { GpuDesk } from './gpu-desk.ts'

const signal = new AbortController().signal

/** A desk with a tiny model on it, and every device it opened. @param room bytes that its devices have @param real one that can be lost */
async function desk(room = Number.POSITIVE_INFINITY, real = testGpu()) {
  const bytes = tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 2048 })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const model: ModelFile = { name: 'tiny', sha256, bytes: bytes.length, urls: [] }
  const pieces = memoryPieces()
  const blobs = createBlobs(pieces, 16 << 10)
  await blobs.put(sha256, bytes)
  const { gpu, leave, taken } = scarceGpu(real, room)
  const devices: GPUDevice[] = []
  const noted = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await gpu.requestAdapter(options)
      if (adapter === null) return null
      const request = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = async (descriptor) => {
        const device = await request(descriptor)
        if (descriptor?.label !== 'memory probe') devices.push(device)
        return device
      }
      return adapter
    },
  } as GPU
  const opened = new GpuDesk(() => noted, Promise.resolve(blobs))
  const loaded = await opened.load(model, [], () => {}, signal)
  return { opened, devices, loaded, leave, taken, model, blobs, pieces, bytes }
}

const request = (content: string, max_tokens = 24): ChatRequest => ({
  messages: [{ role: 'user', content }],
  max_tokens,
  temperature: 0,
  adapter: null,
})

async function all(events: AsyncIterable<ChatEvent>, onToken = (_: number) => {}): Promise<{ text: string; usage: ChatUsage }> {
  let text = ''
  let tokens = 0
  let usage: ChatUsage | undefined
  for await (const event of events) {
    if (event.type === 'token') {
      text += event.text
      onToken(++tokens)
    } else if (event.type === 'end') usage = event.usage
  }
  return { text, usage: usage! }
}

describe('the gpu desk', () => {
  test('answers two at once with clearly fewer submits than one after the other, and the same words', async () => {
    const { opened, devices } = await desk()
    const { queue } = devices.at(-1)!
    const submit = queue.submit.bind(queue)
    let submits = 0
    queue.submit = (buffers) => {
      submits++
      submit(buffers)
    }
    const questions = ['What is said of the sea?', 'And what of the land beside it?']
    // Once for nothing: pipelines are made, and the prompts are in the cache for both ways alike.
    for (const question of questions) await all(opened.chat(request(question), signal))
    submits = 0
    const alone: string[] = []
    for (const question of questions) alone.push((await all(opened.chat(request(question), signal))).text)
    const apart = submits
    submits = 0
    const together = await Promise.all(questions.map((question) => all(opened.chat(request(question), signal))))
    expect(together.map(({ text }) => text)).toEqual(alone)
    expect(submits).toBeLessThan(apart * 0.7)
    await opened.unload()
  })

  test('a fifth chat waits for a seat, and all five are answered', async () => {
    const { opened } = await desk()
    const answers = await Promise.all(Array.from({ length: 5 }, (_, i) => all(opened.chat(request(`Question ${i}`, 6), signal))))
    expect(answers.map(({ usage }) => usage.completionTokens)).toEqual([6, 6, 6, 6, 6])
    await opened.unload()
  })

  test('goes on with the same words after its device was destroyed, also for the answer beside it', async () => {
    const { opened, devices } = await desk(undefined, openNodeGpu())
    const asked = ['What is said of the sea?', 'And of the land?']
    const whole = [await all(opened.chat(request(asked[0]!), signal)), await all(opened.chat(request(asked[1]!), signal))]
    const before = devices.length
    const again = {
      chat: (given: ChatRequest, stop: AbortSignal) => opened.chat(given, stop),
      recover: async () => void (await opened.recover(signal)),
    }
    const answers = await Promise.all([
      all(resumed(again, request(asked[0]!), signal), (tokens) => tokens === 7 && devices.at(-1)!.destroy()),
      all(resumed(again, request(asked[1]!), signal)),
    ])
    expect(answers.map(({ text }) => text)).toEqual(whole.map(({ text }) => text))
    expect(answers.map(({ usage }) => usage.completionTokens)).toEqual([24, 24])
    expect(devices.length).toBe(before + 1)
    await opened.unload()
  })

  test('loads with the longest context that memory grants, and says what it wanted and what it takes', async () => {
    const shape = memoryShape(await readGguf(memorySource(tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 2048 }))))
    const roomFor = (tokens: number) => planOf(shape, tokens).total + spareBytes(planOf(shape, tokens).total)
    const { opened, loaded, taken } = await desk(roomFor(2048) - 4096)
    expect(loaded.wantedTokens).toBe(2048)
    expect(loaded.contextTokens % 32).toBe(0)
    expect(loaded.contextTokens).toBeGreaterThanOrEqual(512)
    expect(loaded.contextTokens).toBeLessThan(2048)
    const { planned, allocated } = (await opened.memory())!
    expect(planned.contextTokens).toBe(loaded.contextTokens)
    // Nothing but readbacks and adapters comes after it.
    expect(Math.abs(allocated - planned.total)).toBeLessThan(0.02 * planned.total)
    expect(allocated).toBeLessThanOrEqual(taken())
    await opened.unload()
    expect(await opened.memory()).toBeNull()
  })

  test('fetches a chunk again that went wrong while it was kept, and only that', async () => {
    const { opened, model, blobs, pieces, bytes } = await desk()
    await opened.unload()
    const { chunkBytes } = (await blobs.chunks(model.sha256))!
    const wrong = bytes.slice(chunkBytes, 2 * chunkBytes)
    wrong[5] ^= 1
    await pieces.write(`${model.sha256}.000001`, [wrong])
    const server = await startLyingServer(bytes)
    await opened.load({ ...model, urls: [server.url] }, [], () => {}, signal)
    expect(server.asked).toEqual([expect.objectContaining({ from: chunkBytes, to: 2 * chunkBytes })])
    await server.close()
    expect((await all(opened.chat(request('What is said of the sea?'), signal))).usage.completionTokens).toBe(24)
    await opened.unload()
  })

  test('steps the context down when memory runs out in the middle of an answer, and goes on with the same words', async () => {
    const { opened, loaded, leave, taken } = await desk()
    expect(loaded).toMatchObject({ contextTokens: 2048, wantedTokens: 2048 })
    const whole = await all(opened.chat(request('What is said of the sea?'), signal))
    let again: LoadedEngine | undefined
    const engine = {
      chat: (given: ChatRequest, stop: AbortSignal) => opened.chat(given, stop),
      recover: async () => {
        leave(Number.POSITIVE_INFINITY)
        again = await opened.recover(signal)
      },
    }
    // Three that together are longer than one context, so that the cache has to grow for them.
    leave(taken())
    const long = (word: string) => ({ ...request(''), messages: [{ role: 'user' as const, content: `${word} `.repeat(420) }] })
    await Promise.all(['a', 'b', 'c'].map((word) => all(resumed(engine, long(word), signal))))
    expect(again).toMatchObject({ contextTokens: 1024, wantedTokens: 2048 })
    expect((await all(opened.chat(request('What is said of the sea?'), signal))).text).toBe(whole.text)
    await opened.unload()
  })

  test('brings the first adapters with the model and the rest when they are asked for; one that is broken harms nobody', async () => {
    const { opened, model, blobs } = await desk()
    const keep = async (bytes: Uint8Array<ArrayBuffer>) => {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      await blobs.put(sha256, bytes)
      return { sha256, bytes: bytes.length }
    }
    const adapters: AdapterFile[] = []
    for (let i = 0; i < 19; i++) {
      const { config, weights } = tinyAdapter({ rank: 2, seed: 300 + i, modules: ['v_proj', 'down_proj'] })
      const broken = i === 1 || i === 18
      const file = await keep(Uint8Array.from(broken ? weights.subarray(0, -8) : weights))
      adapters.push({
        ...{ name: `adapter ${i}`, digest: file.sha256, bytes: file.bytes, weights: '' },
        config: { url: '', ...(await keep(new TextEncoder().encode(config))) },
      })
    }
    const loaded = await opened.load(model, adapters, () => {}, signal)
    expect(loaded.refused).toEqual([expect.stringMatching(/^adapter 1: /)])
    expect(loaded.adapters).toHaveLength(18)
    const ask = (i: number) => all(opened.chat({ ...request('What is said of the sea?', 8), adapter: adapters[i]!.digest }, signal))
    const answers = await Promise.allSettled([ask(0), ask(17), ask(18)])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(answers[2]).toMatchObject({ reason: { code: expect.stringMatching(/^safetensors_invalid|file_truncated$/) } })
    const [first, late] = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.text : ''))
    expect(late).not.toBe(first)
    // After a loss they are all there again.
    await opened.unload()
    await opened.load(model, adapters.slice(17, 18), () => {}, signal)
    expect((await ask(17)).text).toBe(late)
    await opened.unload()
  })

  test('counts a prompt with its template, and refuses before anything is loaded', async () => {
    const { opened } = await desk()
    const short = await opened.count([{ role: 'user', content: 'a' }], '')
    expect(await opened.count([{ role: 'user', content: 'a' }], 'bb')).toBeGreaterThan(short)
    await opened.unload()
    await expect(opened.count([], '')).rejects.toMatchObject({ code: 'engine_not_ready' })
    await expect(all(opened.chat(request('Hi'), signal))).rejects.toMatchObject({ code: 'engine_not_ready' })
  })
})
