// Prefill in blocks staged through workgroup memory: the same logits as the f64 forward pass, with and without adapters; chosen
// where it is faster and gives the same, remembered, and given up where it computes something else. SwiftShader would never choose
// it, so time is told here by what is dispatched. The block of halves beside them: offered to an engine of f16 only.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import type { BootMemory } from './boot.ts'
import { openTestDevice } from './device.testing.ts'
import type { Device } from './device.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { readGguf } from './formats/gguf.ts'
import { loraModules, readPeft } from './formats/peft.ts'
import { halfVariant } from './kernels/projection.ts'
import { loadReference, referenceLogits } from './reference/forward.ts'
import type { Engine } from './types.ts'
import { maxDifference } from './vectors.testing.ts'

const bar = 2e-4
const halfBar = 2e-1
afterEach(() => vi.restoreAllMocks())

/** A device that counts what it dispatches by tile variant, and whose compiler may change staged kernels. */
async function watched(
  from = '',
  to = '',
): Promise<{ device: Device; dispatched: (pipeline: RegExp) => number; costs: (of: Costs) => void }> {
  const device = await openTestDevice()
  const { gpu } = device
  const [shader, pipeline, encoder] = [gpu.createShaderModule, gpu.createComputePipelineAsync, gpu.createCommandEncoder].map((method) =>
    (method as (...of: unknown[]) => unknown).bind(gpu),
  )
  const labels = new Map<unknown, string>()
  const counts = new Map<string, number>()
  let [clock, price]: [number, Costs] = [0, () => 0]
  gpu.createShaderModule = (descriptor) => {
    const hit = from !== '' && /staged/.test(descriptor.label ?? '')
    if (hit && !descriptor.code.includes(from)) throw new Error(`No ${from} in ${descriptor.label}.`)
    return shader(hit ? { ...descriptor, code: descriptor.code.replaceAll(from, to) } : descriptor) as GPUShaderModule
  }
  gpu.createComputePipelineAsync = async (descriptor) => {
    const made = (await pipeline(descriptor)) as GPUComputePipeline
    labels.set(made, descriptor.label ?? '')
    return made
  }
  gpu.createCommandEncoder = (descriptor) => {
    const made = encoder(descriptor) as GPUCommandEncoder
    const begin = made.beginComputePass.bind(made)
    made.beginComputePass = (of) => {
      const pass = begin(of)
      const set = pass.setPipeline.bind(pass)
      pass.setPipeline = (next) => {
        const label = labels.get(next) ?? ''
        counts.set(label, (counts.get(label) ?? 0) + 1)
        clock += price(label)
        set(next)
      }
      return pass
    }
    return made
  }
  return {
    device,
    dispatched: (wanted) => [...counts].reduce((sum, [label, count]) => sum + (wanted.test(label) ? count : 0), 0),
    costs(of) {
      price = of
      vi.spyOn(performance, 'now').mockImplementation(() => clock)
    },
  }
}

/** ms of a dispatch of this pipeline. */
type Costs = (label: string) => number

const tokens = Array.from({ length: 70 }, (_, i) => (i * 101 + 7) % 300)

async function logitsOf(engine: Engine, adapter: string | null = null): Promise<Float32Array> {
  const session = engine.session(adapter)
  const row = await session.prefill(tokens)
  session.dispose()
  return row
}

const perplexity = async (engine: Engine) => Math.exp((await engine.score(tokens)).reduce((sum, x) => sum + x, 0) / (tokens.length - 1))

/** Lanes decode fast; of prefill's, this size of block is the fastest. */
const cheapest =
  (wide: number, deep: number): Costs =>
  (label) => {
    if (label.includes('/staged')) return label.includes(`"WIDE":${wide},"DEEP":${deep}`) ? 3 : 5
    return label.includes('/thread-4') ? 4 : label.includes('/lanes') ? 1 : 2
  }

function memory(): BootMemory {
  const kept = new Map<string, string>()
  return {
    recall: async (key) => kept.get(key) ?? null,
    keep: async (key, value) => {
      kept.set(key, value)
    },
  }
}

const small = memorySource(tinyModel({ type: 'Q4_1', seed: 3 }))

it('gives the logits of the f64 forward pass, with and without adapters', async () => {
  const model = await loadReference(await readGguf(small), small)
  const { device, dispatched } = await watched()
  const engine = await loadEngine({ device, source: small, decodeVariant: 'lanes', prefillVariant: 'staged-32x32' })
  const files = tinyAdapter({ rank: 9, seed: 11, modules: [...loraModules] })
  await engine.addAdapter('all', files)
  const without = await logitsOf(engine)
  expect(maxDifference(without, referenceLogits(model, tokens)[0])).toBeLessThan(bar)
  const { deltas } = readPeft(files, model.config)
  const adapted = await logitsOf(engine, 'all')
  expect(maxDifference(adapted, referenceLogits(model, tokens, { deltas })[0])).toBeLessThan(bar)
  expect(maxDifference(adapted, without)).toBeGreaterThan(0.1)
  for (const kernel of ['project-qkv', 'project-residual', 'project-swiglu', 'project-adapted'])
    expect(dispatched(new RegExp(`^${kernel}.*/staged`))).toBeGreaterThan(0)
  expect(dispatched(/thread-4/)).toBe(0)
  engine.dispose()
})

describe('the choice', () => {
  it('falls on the fastest block that gives the same, is tested, and is remembered without being timed again', async () => {
    const kept = memory()
    const first = await watched()
    first.costs(cheapest(4, 8))
    const engine = await loadEngine({ device: first.device, source: small, contextTokens: 256, selfTest: { memory: kept } })
    expect(engine.stats().boot).toMatchObject({ decode: 'lanes', prefill: 'staged-32x32', demoted: [], remembered: false })
    expect(first.dispatched(/staged-f16/)).toBe(0)
    // Seven kinds of kernel by three variants, and five that draw tokens.
    expect(engine.stats().boot!.checked).toBe(26)
    engine.dispose()

    const again = await watched()
    again.costs(cheapest(8, 16))
    const second = await loadEngine({ device: again.device, source: small, contextTokens: 256, selfTest: { memory: kept } })
    expect(second.stats().boot).toMatchObject({ prefill: 'staged-32x32', remembered: true })
    expect(again.dispatched(/staged|thread-4|thread-1/)).toBe(0)
    second.dispose()
  })

  it('of an engine of f16 may fall on the block of halves, which passes the same tests and stays near the f64 forward pass', async () => {
    const model = await loadReference(await readGguf(small), small)
    const { device, costs, dispatched } = await watched()
    costs((label) => (label.includes('/staged-f16') ? 3 : cheapest(0, 0)(label)))
    const engine = await loadEngine({ device, source: small, contextTokens: 256, precision: 'f16', selfTest: { memory: null } })
    expect(engine.stats().boot).toMatchObject({ decode: 'lanes', prefill: halfVariant, demoted: [] })
    const files = tinyAdapter({ rank: 9, seed: 11, modules: [...loraModules] })
    await engine.addAdapter('all', files)
    expect(engine.stats().bootAdapters).toMatchObject([{ demoted: [], refused: null }])
    const without = maxDifference(await logitsOf(engine), referenceLogits(model, tokens)[0])
    const { deltas } = readPeft(files, model.config)
    const adapted = maxDifference(await logitsOf(engine, 'all'), referenceLogits(model, tokens, { deltas })[0])
    for (const difference of [without, adapted]) {
      expect(difference).toBeLessThan(halfBar)
      expect(difference).toBeGreaterThan(bar)
    }
    for (const kernel of ['project-qkv', 'project-residual', 'project-swiglu', 'project-adapted'])
      expect(dispatched(new RegExp(`^${kernel}.*/staged-f16`))).toBeGreaterThan(0)
    const rounded = await perplexity(engine)
    engine.dispose()
    const exact = await loadEngine({ device, source: small, contextTokens: 256, decodeVariant: 'thread-1' })
    expect(Math.abs(rounded / (await perplexity(exact)) - 1)).toBeLessThan(1e-3)
    exact.dispose()
  })

  it('stays with single threads where barriers are dear, and times no block', async () => {
    const { device, costs, dispatched } = await watched()
    costs((label) => (label.includes('/lanes') ? 3 : 1))
    const engine = await loadEngine({ device, source: small, contextTokens: 256 })
    expect(dispatched(/staged/)).toBe(0)
    engine.dispose()
  })

  it('never falls on a block that gives something else', async () => {
    const { device, costs, dispatched } = await watched('y3b += b * x.w;', 'y3b += a * x.w;')
    costs(cheapest(8, 8))
    const engine = await loadEngine({ device, source: small, contextTokens: 256, selfTest: { memory: null } })
    expect(dispatched(/staged/)).toBeGreaterThan(0)
    expect(engine.stats().boot).toMatchObject({ decode: 'lanes', prefill: 'thread-4', demoted: [] })
    engine.dispose()
  })

  it('is given up where the self-test finds it wrong, and decode keeps its own', async () => {
    const { device } = await watched('vec4(0xf0000)', 'vec4(0x70000)')
    const wanted = { decodeVariant: 'lanes', prefillVariant: 'staged-64x32' } as const
    const engine = await loadEngine({ device, source: small, contextTokens: 256, selfTest: { memory: null }, ...wanted })
    const { boot } = engine.stats()
    expect(boot).toMatchObject({ decode: 'lanes', prefill: 'thread-4', demoted: [{ from: 'staged-64x32', to: 'thread-4' }] })
    expect(boot!.demoted[0].kernel).toMatch(/staged/)
    engine.dispose()
  })

  it('is given up where only its adapters are wrong', async () => {
    const { device } = await watched('extra_rows(unit / DEEP, start', 'extra_rows(unit / DEEP + 1u, start')
    const wanted = { decodeVariant: 'lanes', prefillVariant: 'staged-32x32' } as const
    const engine = await loadEngine({ device, source: small, contextTokens: 256, selfTest: { memory: null }, ...wanted })
    expect(engine.stats().boot).toMatchObject({ prefill: 'staged-32x32', demoted: [] })
    await engine.addAdapter('all', tinyAdapter({ rank: 9, seed: 11, modules: [...loraModules] }))
    expect(engine.stats().bootAdapters).toMatchObject([
      { variants: { decode: 'lanes', prefill: 'thread-4' }, demoted: [{ from: 'staged-32x32', to: 'thread-4' }], refused: null },
    ])
    engine.dispose()
  })
})
