// Before the first adapter the engine finds kernels of adapters that compute something else, by name; gives a wrong variant up; refuses
// adapters where none is right while the model alone goes on; remembers; and leaves nothing behind. The wrong kernels are planted where
// a driver would go wrong: in what the device compiles.
import { afterEach, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { memory, wrongDevice } from './boot.testing.ts'
import { openTestDevice } from './device.testing.ts'
import type { Device } from './device.ts'
import { type EngineOptions, loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { readGguf } from './formats/gguf.ts'
import { loraModules } from './formats/peft.ts'
import { withMagnitudes } from './lora/dora.testing.ts'
import { loadReference } from './reference/forward.ts'
import type { Engine } from './types.ts'

const prompt = Array.from({ length: 20 }, (_, i) => (i * 101 + 7) % 300)
const model = tinyModel({ type: 'Q4_1', seed: 3 })
const adapter = tinyAdapter({ rank: 4, seed: 5, modules: [...loraModules] })
/** In what halves are kept. */
const precisionOf = { lanes: 'f16', 'thread-1': 'f32' } as const
/** Of a healthy pass: embed, shrink, q k v, attention, o, join, gate up, down, join, join. */
const stages = 10

const open: Engine[] = []
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose()
})

async function load(device: Device, options: Partial<EngineOptions> = {}, bytes = model): Promise<Engine> {
  const engine = await loadEngine({ device, source: memorySource(bytes), contextTokens: 256, selfTest: { memory: null }, ...options })
  open.push(engine)
  return engine
}

async function greedy(engine: Engine, name: string | null): Promise<number[]> {
  for await (const event of engine.complete({ tokens: prompt, maxTokens: 8, temperature: 0, adapter: name }))
    if (event.type === 'end') return event.tokens
  return []
}

/** What an engine that tests nothing says under the adapter and without it, and its bytes before that. */
async function untested(decodeVariant: 'lanes' | 'thread-1') {
  const device = await openTestDevice()
  const plain = await loadEngine({ device, source: memorySource(model), contextTokens: 256, decodeVariant })
  await plain.addAdapter('a', adapter)
  const { adapterBytes, kvBytes, poolBytes, adapters } = plain.stats()
  const said = { bytes: { adapterBytes, kvBytes, poolBytes, adapters }, own: await greedy(plain, 'a'), base: await greedy(plain, null) }
  plain.dispose()
  return said
}
const right = { lanes: await untested('lanes'), 'thread-1': await untested('thread-1') }

/** Counts dispatches from now on. */
function counted(device: Device): () => number {
  const encode = device.gpu.createCommandEncoder.bind(device.gpu)
  let count = 0
  device.gpu.createCommandEncoder = (descriptor) => {
    const encoder = encode(descriptor)
    const begin = encoder.beginComputePass.bind(encoder)
    encoder.beginComputePass = (about) => {
      const pass = begin(about)
      const dispatch = pass.dispatchWorkgroups.bind(pass)
      pass.dispatchWorkgroups = (...grid) => {
        count++
        dispatch(...grid)
      }
      return pass
    }
    return encoder
  }
  return () => count
}

describe('on a GPU that computes rightly', () => {
  it.each([
    ['llama', 'Q5_1', 'lanes', 0],
    ['qwen2', 'Q8_0', 'thread-1', 0],
    ['qwen3', 'F16', 'lanes', 1],
  ] as const)('adapters of %s in %s pass by %s, at the first one only', async (architecture, type, decodeVariant, more) => {
    const device = await openTestDevice()
    const engine = await load(device, { decodeVariant }, tinyModel({ type, seed: 4, architecture }))
    const dispatches = counted(device)
    engine.registerAdapter('later', async () => adapter)
    expect([engine.stats().bootAdapters, dispatches()]).toEqual([[], 0])
    await engine.preloadAdapter('later')
    expect(engine.stats().bootAdapters).toMatchObject([
      {
        gained: false,
        precision: precisionOf[decodeVariant],
        variants: { decode: decodeVariant },
        demoted: [],
        refused: null,
        remembered: false,
      },
    ])
    // Shrink, q k v, o, down, join, its norm, gate up, in each variant of prefill and in decode: none was passed over.
    const passes = decodeVariant === 'lanes' ? 2 : 3
    expect(engine.stats().bootAdapters[0].checked).toBe(7 * passes)
    expect(dispatches()).toBe(passes * (stages + more))
    await engine.addAdapter('another', tinyAdapter({ rank: 2, seed: 6 }))
    expect(dispatches()).toBe(passes * (stages + more))
  })

  it('DoRA is looked at when the first one comes', async () => {
    const engine = await load(await openTestDevice(), { decodeVariant: 'lanes' })
    await engine.addAdapter('plain', adapter)
    const source = memorySource(model)
    const gained = withMagnitudes(
      tinyAdapter({ rank: 4, seed: 9, config: { use_dora: true } }),
      await loadReference(await readGguf(source), source),
    )
    await engine.addAdapter('gained', gained)
    expect(engine.stats().bootAdapters).toMatchObject([
      { gained: false, precision: 'f16', refused: null, demoted: [] },
      { gained: true, precision: 'f32', refused: null, demoted: [] },
    ])
  })

  it('nothing of the test stays, and what was cached or was being said beside it is the same', async () => {
    const plain = right.lanes
    const tested = await load(await openTestDevice(), { decodeVariant: 'lanes' })
    expect(await greedy(tested, null)).toEqual(plain.base)
    const running = greedy(tested, null)
    await tested.addAdapter('a', adapter)
    expect(await running).toEqual(plain.base)
    expect(await greedy(tested, null)).toEqual(plain.base)
    expect(await greedy(tested, 'a')).toEqual(plain.own)
    // Beside an engine that was never asked anything, and one that tests nothing.
    const fresh = await load(await openTestDevice(), { decodeVariant: 'lanes' })
    await fresh.addAdapter('a', adapter)
    const { adapterBytes, kvBytes, poolBytes, adapters } = fresh.stats()
    const { poolBytes: least, ...others } = plain.bytes
    expect({ adapterBytes, kvBytes, adapters }).toEqual(others)
    // Draws that the model's own test tried left small buffers as large as theirs; a pool of adapters is 1 MiB at least.
    expect(poolBytes - least).toBeLessThan(4096)
  })
})

describe('a wrong kernel of the wide variant', () => {
  it.each([
    [/project-qkv.*lanes.*expand/, 'run.b + rows.z / 2u * run.stride;', 'run.b + rows.x / 2u * run.stride;', /^project-qkv.*lanes/],
    [/project-adapted.*lanes/, 'bitcast<f32>(segment.w) * scale;', 'scale;', /^project-adapted.*lanes/],
  ])('%s is named and given up, and answers are right', async (kernel, from, to, named) => {
    const { own } = right['thread-1']
    const engine = await load(await wrongDevice(kernel, from, to), { decodeVariant: 'lanes' })
    expect(engine.stats().boot).toMatchObject({ decode: 'lanes', demoted: [] })
    await engine.addAdapter('a', adapter)
    const [found] = engine.stats().bootAdapters
    expect(found).toMatchObject({ variants: { decode: 'thread-1' }, demoted: [{ from: 'lanes', to: 'thread-1' }], refused: null })
    expect(found.demoted[0].kernel).toMatch(named)
    expect(found.demoted[0].error).toBeGreaterThan(0.01)
    expect(await greedy(engine, 'a')).toEqual(own)
  })
})

it('a GPU that takes the smallest halves for zeros gets f32, and says what it was told', async () => {
  const flushed =
    'let w = vec4(unpack2x16float(halves.x), unpack2x16float(halves.y)); return select(w, vec4<f32>(), abs(w) < vec4(0x1p-14));'
  const device = await wrongDevice(/norm-shrink/, 'return vec4(unpack2x16float(halves.x), unpack2x16float(halves.y));', flushed)
  const engine = await load(device, { decodeVariant: 'lanes' })
  await engine.addAdapter('a', adapter)
  expect(engine.stats().bootAdapters).toMatchObject([
    { precision: 'f16', demoted: [{ from: 'f16', to: 'f32', kernel: 'norm-shrink/f16' }], refused: { kernel: 'norm-shrink/f16' } },
    { precision: 'f32', demoted: [], refused: null },
  ])
  expect(await greedy(engine, 'a')).toEqual(right.lanes.own)
})

describe('a wrong kernel that has no other form', () => {
  it.each([
    ['lanes', /lora-shrink/, '/ f32(NORM_WIDTH) + EPSILON', '+ EPSILON', /lora-shrink/],
    ['thread-1', /norm-shrink/, 'sum += dot(y, y);', 'sum += y.x * y.x;', /norm-shrink.*norm/],
    [
      'thread-1',
      /project-adapted.*thread-4/,
      'sum2 += weight * input(t + 2u, k);',
      'sum2 += weight * input(t + 1u, k);',
      /project-adapted/,
    ],
  ] as const)('refuses adapters in %s, by name (%s), and the model alone goes on', async (decodeVariant, kernel, from, to, named) => {
    const { base } = right[decodeVariant]
    const engine = await load(await wrongDevice(kernel, from, to), { decodeVariant })
    const refusal = { code: 'gpu_miscomputes_adapters', meta: { kernel: expect.stringMatching(named) } }
    await expect(engine.addAdapter('a', adapter)).rejects.toMatchObject(refusal)
    engine.registerAdapter('b', async () => adapter)
    await expect(engine.preloadAdapter('b')).rejects.toMatchObject(refusal)
    const halves = { precision: 'f16', variants: { decode: decodeVariant }, demoted: [{ from: 'f16', to: 'f32' }] }
    const floats = { precision: 'f32', variants: { decode: decodeVariant }, demoted: [] }
    expect(engine.stats().bootAdapters).toMatchObject(decodeVariant === 'lanes' ? [halves, floats] : [floats])
    expect(engine.stats().adapterBytes).toBe(0)
    expect(await greedy(engine, null)).toEqual(base)
  })
})

it('what was found is remembered for the same shaders, refusals as well', async () => {
  const kept = memory()
  const options = { decodeVariant: 'lanes', selfTest: { memory: kept } } as const
  const first = await load(await wrongDevice(/norm-shrink/, 'sum += dot(y, y);', 'sum += y.x * y.x;'), options)
  await expect(first.addAdapter('a', adapter)).rejects.toMatchObject({ code: 'gpu_miscomputes_adapters' })
  const device = await openTestDevice()
  const again = await load(device, options)
  const dispatches = counted(device)
  await expect(again.addAdapter('a', adapter)).rejects.toMatchObject({ code: 'gpu_miscomputes_adapters' })
  expect(again.stats().bootAdapters).toEqual(first.stats().bootAdapters.map((found) => ({ ...found, remembered: true })))
  expect(dispatches()).toBe(0)
  // One of the model, two of its adapters.
  expect(kept.kept.size).toBe(3)
})

it('is remembered whether the variant was timed, as on the first visit, or recalled, as on the second', async () => {
  const options = { selfTest: { memory: memory() } }
  for (const remembered of [false, true]) {
    const engine = await load(await openTestDevice(), options)
    await engine.addAdapter('a', adapter)
    expect(engine.stats().bootAdapters).toMatchObject([{ remembered, refused: null }])
  }
})
