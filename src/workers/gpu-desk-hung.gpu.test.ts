// A dispatch that never ends, as the desk sees it: what was submitted is never read back. The device is given up, another is opened,
// and the answer goes on with the same words. A shader that really never ends would never let the test's own process go.
import { createHash } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { tinyModel } from '../../scripts/tiny-model.ts'
import type { ChatRequest } from '../chat/ports.ts'
import { resumed } from '../engines/resume.ts'
import { createBlobs } from '../storage/blobs.ts'
import { memoryPieces } from '../storage/pieces.ts'
import { GpuDesk } from './gpu-desk.ts'

afterEach(() => void vi.useRealTimers())

test('goes on with the same words after work on its device hung', async () => {
  const signal = new AbortController().signal
  const bytes = tinyModel({ type: 'Q4_1', seed: 3 })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const blobs = createBlobs(memoryPieces())
  await blobs.put(sha256, bytes)
  const gpu = openNodeGpu()
  /** Nothing submitted to the devices so far ends any more. */
  let stuck = 0
  let devices = 0
  const noted = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await gpu.requestAdapter(options)
      if (adapter === null) return null
      const request = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = async (descriptor) => {
        const device = await request(descriptor)
        const index = devices++
        const create = device.createBuffer.bind(device)
        device.createBuffer = (about) => {
          const buffer = create(about)
          const map = buffer.mapAsync.bind(buffer)
          buffer.mapAsync = (...range) => (index < stuck ? new Promise<undefined>(() => undefined) : map(...range))
          return buffer
        }
        return device
      }
      return adapter
    },
  } as GPU
  const desk = new GpuDesk(() => noted, Promise.resolve(blobs))
  await desk.load({ name: 'tiny', sha256, bytes: bytes.length, urls: [] }, [], () => {}, signal)
  const request: ChatRequest = {
    messages: [{ role: 'user', content: 'What is said of the sea?' }],
    max_tokens: 16,
    temperature: 0,
    adapter: null,
  }
  const said = async (onToken: (count: number) => void) => {
    const again = { chat: desk.chat.bind(desk), recover: async () => void (await desk.recover(signal)) }
    let [text, count] = ['', 0]
    for await (const event of resumed(again, request, signal)) {
      if (event.type !== 'token') continue
      text += event.text
      onToken(++count)
    }
    return text
  }
  const whole = await said(() => {})
  expect(devices).toBeGreaterThan(0)
  // The clock of waiting alone; all else runs in its own time.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const resumedText = said((count) => {
    if (count === 7) stuck = devices
  })
  await vi.waitFor(() => expect(stuck).toBeGreaterThan(0), { timeout: 60_000 })
  await vi.waitFor(
    () => {
      vi.advanceTimersByTime(60_000)
      expect(devices).toBeGreaterThan(stuck)
    },
    { timeout: 60_000 },
  )
  expect(await resumedText).toBe(whole)
  await desk.unload()
})
