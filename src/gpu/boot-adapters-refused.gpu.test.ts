// Kernels of adapters that the driver refuses: another form is taken, after it passed the model's own test and the adapters'; where
// there is none, adapters are refused by the kernel's name and the model alone goes on. Refusals are planted where a driver makes
// them, at the pipeline.
import { afterEach, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { memory } from './boot.testing.ts'
import { openTestDevice } from './device.testing.ts'
import type { Device } from './device.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { loraModules } from './formats/peft.ts'
import type { Engine } from './types.ts'

const source = memorySource(tinyModel({ type: 'Q4_1', seed: 3 }))
const adapter = tinyAdapter({ rank: 4, seed: 5, modules: [...loraModules] })
const tokens = Array.from({ length: 20 }, (_, i) => (i * 101 + 7) % 300)

const open: Engine[] = []
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose()
})

/** @param kernel names of the kernels that the driver refuses */
async function refusing(kernel: RegExp): Promise<Device> {
  const device = await openTestDevice()
  const make = device.gpu.createComputePipelineAsync.bind(device.gpu)
  device.gpu.createComputePipelineAsync = (descriptor) =>
    kernel.test(descriptor.label?.split(' ')[0] ?? '') ? Promise.reject(new Error('the driver will not')) : make(descriptor)
  return device
}

async function load(device: Device, decodeVariant: 'lanes' | 'thread-1', selfTest?: { memory: ReturnType<typeof memory> }) {
  const engine = await loadEngine({ device, source, contextTokens: 256, decodeVariant, ...(selfTest ? { selfTest } : {}) })
  open.push(engine)
  return engine
}

async function greedy(engine: Engine, name: string | null): Promise<number[]> {
  for await (const event of engine.complete({ tokens, maxTokens: 8, temperature: 0, adapter: name }))
    if (event.type === 'end') return event.tokens
  return []
}

async function untested() {
  const engine = await load(await openTestDevice(), 'thread-1')
  await engine.addAdapter('a', adapter)
  return { own: await greedy(engine, 'a'), base: await greedy(engine, null) }
}
const right = await untested()

it.each([
  ['lanes', /^project-qkv.*-subgroups.expand/, { decode: 'lanes', subgroups: false }, { from: 'subgroups', to: 'workgroup' }],
  ['lanes', /^project-adapted.*.lanes/, { decode: 'thread-1' }, { from: 'lanes', to: 'thread-1' }],
  ['thread-1', /^project-swiglu.*thread-1.expand/, { decode: 'lanes', subgroups: false }, { from: 'thread-1', to: 'lanes' }],
] as const)('in %s, %s: another form answers', async (decodeVariant, kernel, variants, demoted) => {
  const kept = memory()
  const engine = await load(await refusing(kernel), decodeVariant, { memory: kept })
  expect(engine.stats().boot).toMatchObject({ decode: decodeVariant, demoted: [] })
  await engine.addAdapter('a', adapter)
  const [found] = engine.stats().bootAdapters
  expect(found).toMatchObject({ variants, demoted: [{ ...demoted, error: null }], refused: null, remembered: false })
  expect(found.demoted[0].kernel).toMatch(kernel)
  expect(await greedy(engine, 'a')).toEqual(right.own)
  expect(await greedy(engine, null)).toEqual(right.base)
})

it('where there is no other, adapters are refused by name, also when remembered, and the model alone goes on', async () => {
  const kept = memory()
  for (const remembered of [false, true]) {
    const engine = await load(await refusing(/^norm-shrink/), 'thread-1', { memory: kept })
    await expect(engine.addAdapter('a', adapter)).rejects.toMatchObject({
      code: 'gpu_miscomputes_adapters',
      meta: { kernel: 'norm-shrink/f32', error: null },
      shortMessage: expect.stringContaining('cannot compute adapters (norm-shrink/f32)'),
    })
    expect(engine.stats().bootAdapters).toMatchObject([{ precision: 'f32', variants: { decode: 'thread-1' }, demoted: [], remembered }])
    expect(await greedy(engine, null)).toEqual(right.base)
    // Nobody needs what is refused, so nobody hears of it again.
    if (remembered) await engine.makePipelines()
  }
})
