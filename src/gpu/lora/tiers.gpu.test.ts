// Registered adapters on a real device: answers from few slots are what each adapter gives alone; what comes and goes recompiles
// nothing, leaks nothing and loses no cache; a large arrival does not hold up an answer that runs.
import { afterAll, describe, expect, it } from 'vitest'
import { openNodeGpu } from '../../../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { openDevice } from '../device.ts'
import { loadEngine } from '../engine.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { loraModules } from '../formats/peft.ts'
import { readSafetensors, safetensorFloats, writeSafetensors } from '../formats/safetensors.ts'
import { largestDifference } from '../kernels/lab.testing.ts'
import type { AdapterFiles, CompletionEvent, Engine } from '../types.ts'

const device = await openDevice(openNodeGpu())
const source = memorySource(tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 256 }))
const engines: Engine[] = []
afterAll(() => {
  for (const engine of engines) engine.dispose()
})

async function open(
  adapterLimits: { slots?: number; deviceBytes?: number; hostBytes?: number },
  decodeVariant: 'lanes' | 'thread-1' = 'thread-1',
): Promise<Engine> {
  const engine = await loadEngine({ device, source, adapterLimits, decodeVariant })
  engines.push(engine)
  return engine
}

const tokens = (count: number, seed = 7) => Array.from({ length: count }, (_, i) => (i * 101 + seed) % 300)
const adapters = Array.from({ length: 9 }, (_, i) => tinyAdapter({ rank: 2 + i, seed: 20 + i }))
const wide = Array.from({ length: 12 }, (_, i) => tinyAdapter({ rank: 64, seed: 50 + i, modules: [...loraModules] }))
const register = (engine: Engine, files: readonly AdapterFiles[] = adapters) => {
  files.forEach((adapter, i) => {
    engine.registerAdapter(`${i}`, async () => adapter)
  })
}

async function logitsOf(engine: Engine, adapter: string): Promise<Float32Array> {
  const session = engine.session(adapter)
  try {
    return await session.prefill(tokens(12))
  } finally {
    session.dispose()
  }
}

async function answer(engine: Engine, adapter: string, prompt = tokens(20)) {
  const events: CompletionEvent[] = []
  for await (const event of engine.complete({ tokens: prompt, adapter, maxTokens: 4, temperature: 0 })) events.push(event)
  return { first: events[0], end: events.at(-1) as Extract<CompletionEvent, { type: 'end' }> }
}

describe('nine adapters over two slots', () => {
  it('give what each gives alone, in any order, and compile nothing on the way', async () => {
    const roomy = await open({})
    register(roomy)
    const engine = await open({ slots: 2 })
    register(engine)
    expect(engine.stats().adapters).toMatchObject({ registered: 9, onDevice: 0 })
    await logitsOf(engine, '0')
    const { pipelines } = engine.stats()
    for (const i of [3, 1, 3, 8, 0, 5, 1, 1, 7]) {
      expect(await logitsOf(engine, `${i}`)).toEqual(await logitsOf(roomy, `${i}`))
    }
    expect(engine.stats().pipelines).toBe(pipelines)
    expect(engine.stats().adapters.faces).toBe(2)
    expect(engine.stats().adapters.found).toMatchObject({ loaded: 6 })
    expect(largestDifference(await logitsOf(engine, '3'), await logitsOf(engine, '1'))).toBeGreaterThan(0.05)
  })

  it('keep the cache of one that was away, by its content', async () => {
    const engine = await open({ hostBytes: 0, deviceBytes: 0 })
    // Four of these fill the smallest pools there are.
    register(engine, wide)
    const before = await answer(engine, '0')
    for (const name of ['1', '2', '3', '4']) await answer(engine, name)
    const after = await answer(engine, '0')
    expect(after.first).toMatchObject({ type: 'prefill', done: 19 })
    expect(after.end.tokens).toEqual(before.end.tokens)
    expect(engine.stats().adapters).toMatchObject({ onHost: 0, onDevice: 4, found: { host: 0, loaded: 6 } })
  })

  it('stay within the budget of bytes, and give all of it back', async () => {
    const engine = await open({ deviceBytes: 4 << 20, slots: 40 })
    register(engine, wide)
    for (let i = 0; i < 12; i++) await logitsOf(engine, `${i}`)
    const { adapters: found, adapterBytes } = engine.stats()
    expect(found.onDevice).toBeLessThan(12)
    expect(found.onDevice).toBeGreaterThan(1)
    expect(adapterBytes).toBeLessThanOrEqual(4 << 20)
    engine.dispose()
    expect(engine.stats()).toMatchObject({ poolBytes: 0, adapterBytes: 0 })
  })

  it('refuse a third while two are held by open sessions, and take it when one is closed', async () => {
    const engine = await open({ slots: 2 })
    register(engine)
    const sessions = ['0', '1'].map((name) => engine.session(name))
    for (const session of sessions) await session.prefill([1])
    await expect(engine.session('2').prefill([1])).rejects.toMatchObject({ code: 'adapter_pool_full' })
    await expect(answer(engine, '2')).rejects.toMatchObject({ code: 'adapter_pool_full' })
    sessions[0].dispose()
    expect((await answer(engine, '2')).end.tokens).toHaveLength(4)
  })
})

describe('while one is on its way', () => {
  it('others answer; who waits for it gets it or its own error', async () => {
    const engine = await open({})
    register(engine)
    await answer(engine, '0', tokens(5))
    let finish = (_: AdapterFiles) => {}
    engine.registerAdapter('slow', () => new Promise((resolve) => (finish = resolve)))
    engine.registerAdapter('broken', async () => ({ ...adapters[0], weights: adapters[0].weights.slice(0, 99) }))
    const waiting = answer(engine, 'slow', tokens(5))
    const broken = answer(engine, 'broken', tokens(5))
    await expect(broken).rejects.toHaveProperty('code')
    expect((await answer(engine, '0', tokens(6))).end.tokens).toHaveLength(4)
    expect((await answer(engine, '1', tokens(6))).end.tokens).toHaveLength(4)
    finish(adapters[4])
    expect((await waiting).end.tokens).toEqual((await answer(engine, '4', tokens(5))).end.tokens)
  })

  it('a name that is taken away ends what waits for it, typed', async () => {
    const engine = await open({})
    engine.registerAdapter('x', async () => {
      engine.removeAdapter('x')
      return adapters[0]
    })
    await expect(answer(engine, 'x')).rejects.toMatchObject({ code: 'adapter_unknown' })
  })
})

/** The same numbers as f32. */
function asF32({ config, weights }: AdapterFiles): AdapterFiles {
  const tensors = [...readSafetensors(weights).tensors.values()].map((tensor) => {
    return { ...tensor, dtype: 'F32', bytes: new Uint8Array(safetensorFloats(tensor).buffer) }
  })
  return { config, weights: writeSafetensors(tensors) }
}

describe('halves', () => {
  it('take half the bytes of f32 and give the same logits, bit for bit', async () => {
    // What the smallest pools hold.
    const [halves, floats] = [await open({ deviceBytes: 0 }, 'lanes'), await open({ deviceBytes: 0 }, 'lanes')]
    register(halves, wide)
    register(floats, wide.map(asF32))
    for (let i = 0; i < 9; i++) expect(await logitsOf(halves, `${i}`)).toEqual(await logitsOf(floats, `${i}`))
    expect([halves, floats].map((engine) => engine.stats().adapters.onDevice)).toEqual([8, 4])
  })

  it('become f32 where they stand when an adapter comes that holds none, and an answer under way goes on', async () => {
    const [mixed, halves] = [await open({}, 'lanes'), await open({}, 'lanes')]
    for (const engine of [mixed, halves]) {
      for (const i of [0, 1]) await engine.addAdapter(`${i}`, adapters[i])
      await logitsOf(engine, '1')
    }
    const session = mixed.session('0')
    await session.prefill(tokens(12))
    await mixed.addAdapter('wide', asF32(adapters[2]))
    const [after] = await mixed.step([{ session, token: 5 }])
    const other = halves.session('0')
    await other.prefill(tokens(12))
    expect(after).toEqual((await halves.step([{ session: other, token: 5 }]))[0])
    for (const one of [session, other]) one.dispose()
    expect(await logitsOf(mixed, '1')).toEqual(await logitsOf(halves, '1'))
    await halves.addAdapter('2', adapters[2])
    expect(await logitsOf(mixed, 'wide')).toEqual(await logitsOf(halves, '2'))
    // One that comes later stands among them as f32.
    for (const engine of [mixed, halves]) await engine.addAdapter('3', adapters[3])
    expect(await logitsOf(mixed, '3')).toEqual(await logitsOf(halves, '3'))
  })

  it('make room for what they become within the budget of bytes', async () => {
    const engine = await open({ deviceBytes: 3 << 20, slots: 40 }, 'lanes')
    register(engine, wide)
    for (let i = 0; i < 12; i++) await logitsOf(engine, `${i}`)
    const before = engine.stats()
    engine.registerAdapter('f32', async () => asF32(wide[0]))
    expect(await logitsOf(engine, 'f32')).toEqual(await logitsOf(engine, '0'))
    expect(engine.stats().adapters.onDevice).toBeLessThan(before.adapters.onDevice)
    expect(engine.stats().adapterBytes).toBeLessThanOrEqual(3 << 20)
  })
})
