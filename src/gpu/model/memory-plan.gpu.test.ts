// The plan against what an engine really takes, and an engine on a device that has less than it wants.
import { afterAll, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { testGpu, usual } from '../device.testing.ts'
import { openDevice } from '../device.ts'
import { loadEngine } from '../engine.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { readGguf } from '../formats/gguf.ts'
import { spareBytes } from '../probe-memory.ts'
import { scarceGpu } from '../scarce.testing.ts'
import { pageTokens } from './kv-cache.ts'
import { memoryShape, planOf, workBytes } from './memory-plan.ts'

const gpu = testGpu()
const device = await openDevice(gpu)
afterAll(() => device.destroy())

const shapeOf = async (file: Uint8Array) => memoryShape(await readGguf(memorySource(file)))

describe.each(['Q4_1', 'Q8_0', 'F16'] as const)('a model of %s', (type) => {
  it.each([512, 2048])('takes what was planned, at a context of %d', async (contextTokens) => {
    const file = tinyModel({ type, seed: 3, contextTokens: 4096 })
    const adapter = tinyAdapter({ rank: 4, seed: 5 })
    const planned = planOf(await shapeOf(file), contextTokens, adapter.weights.length)
    const fit = { least: 256, gpu, adapterBytes: adapter.weights.length }
    const engine = await loadEngine({ device, source: memorySource(file), contextTokens, fit, ...usual(device) })
    const before = engine.stats()
    expect(before.plan).toEqual(planned)
    expect(before.weightBytes).toBe(planned.weights)
    expect(before.kvBytes).toBe(planned.cache)
    await engine.addAdapter('a', adapter)
    const prompt = Array.from({ length: contextTokens === 512 ? 500 : 40 }, (_, i) => i % 200)
    await engine.session('a').prefill(prompt)
    const after = engine.stats()
    expect(after.adapterBytes).toBe(planned.adapters)
    expect(after.kvBytes).toBe(planned.cache)
    // Readbacks are pooled beside what is planned.
    expect(Math.abs(after.poolBytes - planned.total)).toBeLessThan(0.02 * planned.total)
    engine.dispose()
  })
})

it.each(['qwen2', 'qwen3'] as const)('plans the weights of %s exactly, biases and head norms too', async (architecture) => {
  const file = tinyModel({ type: 'Q8_0', architecture, seed: 3, contextTokens: 256 })
  const engine = await loadEngine({ device, source: memorySource(file), ...usual(device) })
  expect((await shapeOf(file)).weights).toBe(engine.stats().weightBytes)
  engine.dispose()
})

describe('a device with less memory than is wanted', () => {
  const file = tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 4096 })

  it('gives the longest context that fits, found by a probe before a weight is read', async () => {
    const shape = await shapeOf(file)
    const roomFor = (tokens: number) => planOf(shape, tokens).total + spareBytes(planOf(shape, tokens).total)
    // What a probe may leave unfound.
    const room = roomFor(1024) + (1 << 20)
    const scarce = scarceGpu(gpu, room)
    const engine = await loadEngine({
      device: await openDevice(scarce.gpu),
      source: memorySource(file),
      contextTokens: 4096,
      fit: { least: 256, gpu: scarce.gpu },
    })
    expect(engine.contextTokens % pageTokens).toBe(0)
    expect(engine.contextTokens).toBeGreaterThanOrEqual(1024)
    expect(roomFor(engine.contextTokens)).toBeLessThanOrEqual(room)
    expect(roomFor(engine.contextTokens + pageTokens)).toBeGreaterThan(room - (1 << 20))
    expect(roomFor(4096)).toBeGreaterThan(room)
    engine.dispose()
  })

  it('refuses a model that has no room at all, and has read nothing of it but the header', async () => {
    const scarce = scarceGpu(gpu, 1 << 20)
    const { source, read } = counted(file)
    const fit = { least: 256, gpu: scarce.gpu }
    const loading = loadEngine({ device: await openDevice(scarce.gpu), source, contextTokens: 4096, fit })
    await expect(loading).rejects.toMatchObject({ code: 'gpu_out_of_memory' })
    expect(read()).toBeLessThan(file.length)
  })

  it('searches on below when the memory that was probed is gone, and reads no weight twice', async () => {
    const shape = await shapeOf(file)
    const memory = planOf(shape, 1504).total + workBytes
    const scarce = scarceGpu(gpu, 1e9)
    const { source, read } = counted(file)
    let probed = false
    const fit = {
      least: 256,
      gpu: {
        requestAdapter(options?: GPURequestAdapterOptions) {
          probed = true
          return scarce.gpu.requestAdapter(options)
        },
      } as unknown as GPU,
    }
    const meagre = {
      bytes: source.bytes,
      read(offset: number, length: number) {
        // The first read after the probe is of a weight.
        if (probed) scarce.leave(memory)
        return source.read(offset, length)
      },
    }
    const engine = await loadEngine({ device: await openDevice(scarce.gpu), source: meagre, contextTokens: 4096, fit })
    expect(engine.contextTokens).toBe(1504)
    expect(read()).toBeLessThan(file.length + (1 << 16))
    expect(scarce.taken()).toBeLessThanOrEqual(memory)
    engine.dispose()
  })
})

/** A file's source, and how many bytes of it were read. */
function counted(file: Uint8Array) {
  const whole = memorySource(file)
  let bytes = 0
  const read = (offset: number, length: number) => {
    bytes += length
    return whole.read(offset, length)
  }
  return { source: { bytes: whole.bytes, read }, read: () => bytes }
}

it('refuses what loading would refuse, before anything is fetched', async () => {
  const file = tinyModel({ type: 'F32', seed: 3 })
  const gguf = await readGguf(memorySource(file))
  gguf.metadata.set('general.architecture', 'qwen3next')
  expect(() => memoryShape(gguf)).toThrow('qwen3next')
  const odd = await readGguf(memorySource(file))
  odd.tensors.get('blk.1.ffn_up.weight')!.type = 'IQ2_S'
  expect(() => memoryShape(odd)).toThrow('blk.1.ffn_up.weight')
})
