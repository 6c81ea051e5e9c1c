// The plan against what an engine really takes.
import { afterAll, describe, expect, it } from 'vitest'
import { openNodeGpu } from '../../../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { openDevice } from '../device.ts'
import { loadEngine } from '../engine.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { readGguf } from '../formats/gguf.ts'
import { memoryPlan } from './memory-plan.ts'

const device = await openDevice(openNodeGpu())
afterAll(() => device.destroy())

describe.each(['Q4_1', 'Q8_0', 'F16'] as const)('a model of %s', (type) => {
  it('takes what was planned', async () => {
    const file = tinyModel({ type, seed: 3, contextTokens: 256 })
    const plan = memoryPlan(await readGguf(memorySource(file)), 4096)
    expect(plan.contextTokens).toBe(256)
    const engine = await loadEngine({ device, source: memorySource(file) })
    const before = engine.stats()
    expect(plan.weights).toBe(before.weightBytes)
    expect(plan.scratch).toBe(before.poolBytes - before.weightBytes - before.kvBytes)
    await engine.session().prefill(Array.from({ length: 250 }, (_, i) => i % 200))
    // A small cache is grown by 32 pages at once, which is more than this context has.
    expect(engine.stats().kvBytes % plan.cache).toBe(0)
    const adapter = tinyAdapter({ rank: 4, seed: 5 })
    await engine.addAdapter('a', adapter)
    const with1 = memoryPlan(await readGguf(memorySource(file)), 256, adapter.weights.length)
    expect(with1.adapters).toBe(engine.stats().adapterBytes)
    engine.dispose()
  })
})

it('refuses what loading would refuse, before anything is fetched', async () => {
  const file = tinyModel({ type: 'F32', seed: 3 })
  const gguf = await readGguf(memorySource(file))
  gguf.metadata.set('general.architecture', 'qwen3next')
  expect(() => memoryPlan(gguf, 256)).toThrow('qwen3next')
  const odd = await readGguf(memorySource(file))
  odd.tensors.get('blk.1.ffn_up.weight')!.type = 'IQ2_S'
  expect(() => memoryPlan(odd, 256)).toThrow('blk.1.ffn_up.weight')
})
