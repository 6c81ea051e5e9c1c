// The boot self-test finds kernels that compute something else, by name; gives a wrong variant up; remembers; and refuses a GPU
// that has no right one. The wrong kernels are planted where a driver would go wrong: in what the device compiles.
import { afterEach, describe, expect, it } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { memory, wrongDevice } from './boot.testing.ts'
import { type Device, openDevice } from './device.ts'
import { type EngineOptions, loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import type { Engine } from './types.ts'

const prompt = Array.from({ length: 20 }, (_, i) => (i * 101 + 7) % 300)
const open: Engine[] = []
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose()
})

async function load(device: Device, options: Partial<EngineOptions> = {}, model = tinyModel({ type: 'Q4_1', seed: 3 })): Promise<Engine> {
  const engine = await loadEngine({ device, source: memorySource(model), contextTokens: 256, selfTest: { memory: null }, ...options })
  open.push(engine)
  return engine
}

async function greedy(engine: Engine): Promise<number[]> {
  for await (const event of engine.complete({ tokens: prompt, maxTokens: 12, temperature: 0 }))
    if (event.type === 'end') return event.tokens
  return []
}

describe('on a GPU that computes rightly', () => {
  it.each([
    ['llama', 'Q5_1', 'lanes'],
    ['qwen2', 'Q8_0', 'thread-1'],
    ['qwen3', 'F16', 'lanes'],
  ] as const)('%s in %s passes by %s', async (architecture, type, decodeVariant) => {
    const engine = await load(await openDevice(openNodeGpu()), { decodeVariant }, tinyModel({ type, seed: 4, architecture }))
    const { boot } = engine.stats()
    expect(boot).toMatchObject({ decode: decodeVariant, demoted: [], remembered: false })
    // Nine kinds of kernel, in prefill and in decode: none was passed over.
    expect(boot!.checked).toBe(18)
  })

  it('leaves nothing in the cache, and the same answers', async () => {
    const device = await openDevice(openNodeGpu())
    const options = { device, source: memorySource(tinyModel({ type: 'Q4_1', seed: 3 })), contextTokens: 256 }
    const plain = await loadEngine({ ...options, decodeVariant: 'thread-1' })
    open.push(plain)
    expect(plain.stats().boot).toBeNull()
    expect(await greedy(await load(device, { decodeVariant: 'thread-1' }))).toEqual(await greedy(plain))
  })
})

describe('a wrong kernel of the wide variant', () => {
  it.each([
    [/project-swiglu.*lanes/, 'vec4(0xf0000)', 'vec4(0x70000)', /project-swiglu/],
    [/^attention\/f32$/, 'exp(', 'exp2(', /attention/],
  ])('%s is named and given up, and the answers are right', async (kernel, from, to, named) => {
    const right = await greedy(await load(await openDevice(openNodeGpu()), { decodeVariant: 'thread-1' }))
    const engine = await load(await wrongDevice(kernel, from, to), { decodeVariant: 'lanes' })
    const { boot } = engine.stats()
    expect(boot).toMatchObject({ decode: 'thread-1', demoted: [{ from: 'lanes', to: 'thread-1' }] })
    expect(boot!.demoted[0].kernel).toMatch(named)
    expect(boot!.demoted[0].error).toBeGreaterThan(0.01)
    expect(await greedy(engine)).toEqual(right)
  })
})

it('refuses a GPU whose last variant is wrong', async () => {
  const device = await wrongDevice(/project-residual.*thread-4/, 'vec4(0xf0000)', 'vec4(0x70000)')
  await expect(load(device, { decodeVariant: 'thread-1' })).rejects.toMatchObject({
    code: 'gpu_miscomputes',
    meta: { kernel: expect.stringMatching(/project-residual/) },
  })
})

describe('what was found', () => {
  it('is remembered for the same shaders and shape, and for no other', async () => {
    const kept = memory()
    const first = await load(await wrongDevice(/lanes/, 'vec4(0xf0000)', 'vec4(0x70000)'), {
      decodeVariant: 'lanes',
      selfTest: { memory: kept },
    })
    const again = await load(await openDevice(openNodeGpu()), { decodeVariant: 'lanes', selfTest: { memory: kept } })
    expect(again.stats().boot).toEqual({ ...first.stats().boot, remembered: true })
    expect(again.stats().boot).toMatchObject({ decode: 'thread-1', demoted: [{ to: 'thread-1' }] })
    const other = tinyModel({ type: 'Q8_0', seed: 3 })
    expect((await load(await openDevice(openNodeGpu()), { selfTest: { memory: kept } }, other)).stats().boot?.remembered).toBe(false)
    expect(kept.kept.size).toBe(2)
  })

  it('is found anew when what was kept is damaged', async () => {
    const kept = memory()
    kept.recall = async () => '{"decode":"lanes"'
    expect((await load(await openDevice(openNodeGpu()), { selfTest: { memory: kept } })).stats().boot?.remembered).toBe(false)
  })
})
