// The boot self-test finds kernels that compute something else, by name; gives a wrong variant up; remembers; and refuses a GPU
// that has no right one. The wrong kernels are planted where a driver would go wrong: in what the device compiles.
import { afterEach, describe, expect, it } from 'vitest'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { memory, wrongDevice } from './boot.testing.ts'
import { openTestDevice } from './device.testing.ts'
import type { Device } from './device.ts'
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

async function sampled(engine: Engine) {
  const settings = { temperature: 0.9, topP: 0.9, presencePenalty: 1.5, repetitionPenalty: 1.3, logprobs: 2, seed: 5 }
  for await (const event of engine.complete({ tokens: prompt, maxTokens: 12, ...settings })) if (event.type === 'end') return event.said
  throw new Error('The completion did not end.')
}

/** Of an engine that tests nothing. */
async function untested() {
  const source = memorySource(tinyModel({ type: 'Q4_1', seed: 3 }))
  const engine = await loadEngine({ device: await openTestDevice(), source, contextTokens: 256, decodeVariant: 'thread-1' })
  const said = { boot: engine.stats().boot, greedy: await greedy(engine), sampled: await sampled(engine) }
  engine.dispose()
  return said
}
const right = await untested()

describe('on a GPU that computes rightly', () => {
  it.each([
    ['llama', 'Q5_1', 'lanes', 5],
    ['qwen2', 'Q8_0', 'thread-1', 2],
    ['qwen3', 'F16', 'lanes', 5],
  ] as const)('%s in %s passes by %s', async (architecture, type, decodeVariant, drawing) => {
    const engine = await load(await openTestDevice(), { decodeVariant }, tinyModel({ type, seed: 4, architecture }))
    const { boot } = engine.stats()
    expect(boot).toMatchObject({ decode: decodeVariant, drawer: 'device', demoted: [], remembered: false })
    // Seven kinds of kernel in each variant of prefill and in decode, and those that draw tokens: none was passed over.
    expect(boot!.checked).toBe(7 * (decodeVariant === 'lanes' ? 2 : 3) + drawing)
  })

  it('leaves nothing in the cache, and the same answers', async () => {
    expect(right.boot).toBeNull()
    expect(await greedy(await load(await openTestDevice(), { decodeVariant: 'thread-1' }))).toEqual(right.greedy)
  })
})

describe('a wrong kernel of the wide variant', () => {
  it.each([
    [/project-swiglu.*lanes/, 'vec4(0xf0000)', 'vec4(0x70000)', /project-swiglu/],
    [/^attention\/f32$/, 'exp(', 'exp2(', /attention/],
  ])('%s is named and given up, and the answers are right', async (kernel, from, to, named) => {
    const engine = await load(await wrongDevice(kernel, from, to), { decodeVariant: 'lanes' })
    const { boot } = engine.stats()
    expect(boot).toMatchObject({ decode: 'thread-1', demoted: [{ from: 'lanes', to: 'thread-1' }] })
    expect(boot!.demoted[0].kernel).toMatch(named)
    expect(boot!.demoted[0].error).toBeGreaterThan(0.01)
    expect(await greedy(engine)).toEqual(right.greedy)
  })
})

describe('a wrong kernel of those that draw tokens', () => {
  it.each([
    ['argmax', 'x > most', 'x < most'],
    ['sample', 'row.number * all', 'row.number * all * 0.5'],
    ['penalise', 'settings[pick].frequency + settings[pick].presence', 'settings[pick].frequency'],
    ['logprobs', 'restore(count.x);', ''],
    ['replay-claim', 'vec4(kept, 0.0, 0.0), id < claim.id', 'vec4(kept, 0.0, 0.0), id > claim.id'],
    ['replay-claim', 'end * claim.ratio / (end * claim.ratio + 1.0 - end)', '1.0'],
  ])('%s is named, and the CPU draws: %s', async (kernel, from, to) => {
    const engine = await load(await wrongDevice(new RegExp(`^${kernel}$`), from, to), { decodeVariant: 'lanes' })
    const { boot } = engine.stats()
    expect(boot).toMatchObject({ decode: 'lanes', drawer: 'cpu', demoted: [{ from: 'device', to: 'cpu', kernel }] })
    const found = await sampled(engine)
    expect(found.drawn).toEqual(right.sampled.drawn)
    found.logprobs!.forEach((own, i) => {
      expect(own).toBeCloseTo(right.sampled.logprobs![i], 3)
    })
    expect((await engine.replay(found)).said).toBe(true)
  })
})

describe('a kernel that the driver refuses', () => {
  const refused = (kernel: RegExp) => wrongDevice(kernel, 'fn main(', 'fn main(no such thing ')

  it.each([
    ['sums by subgroups', /-subgroups/, 'lanes', { decode: 'lanes', subgroups: false, demoted: [] }],
    ['lanes', /\/lanes/, 'lanes', { decode: 'thread-1', demoted: [{ from: 'lanes', to: 'thread-1', error: null }] }],
    ['single threads', /\/thread-1/, 'thread-1', { decode: 'lanes', demoted: [{ from: 'thread-1', to: 'lanes', error: null }] }],
    ['all but lanes, timed', /\/thread-1/, undefined, { decode: 'lanes', demoted: [] }],
  ] as const)('%s: another is taken, and the answers are right', async (_, kernel, decodeVariant, expected) => {
    const engine = await load(await refused(kernel), decodeVariant === undefined ? {} : { decodeVariant })
    expect(engine.stats().boot).toMatchObject(expected)
    expect(await greedy(engine)).toEqual(right.greedy)
  })

  it('and has no other form is named', async () => {
    await expect(load(await refused(/project-swiglu.*thread-4/), { decodeVariant: 'lanes' })).rejects.toMatchObject({
      code: 'gpu_miscomputes',
      meta: { kernel: expect.stringMatching(/project-swiglu.*thread-4/), error: null },
    })
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
    const again = await load(await openTestDevice(), { decodeVariant: 'lanes', selfTest: { memory: kept } })
    expect(again.stats().boot).toEqual({ ...first.stats().boot, remembered: true })
    expect(again.stats().boot).toMatchObject({ decode: 'thread-1', demoted: [{ to: 'thread-1' }] })
    const other = tinyModel({ type: 'Q8_0', seed: 3 })
    expect((await load(await openTestDevice(), { selfTest: { memory: kept } }, other)).stats().boot?.remembered).toBe(false)
    expect(kept.kept.size).toBe(2)
  })

  it('is found anew when what was kept is damaged', async () => {
    const kept = memory()
    kept.recall = async () => '{"decode":"lanes"'
    expect((await load(await openTestDevice(), { selfTest: { memory: kept } })).stats().boot?.remembered).toBe(false)
  })
})
