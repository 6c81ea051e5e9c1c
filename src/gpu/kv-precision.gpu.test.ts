// Keys and values in f16: half the bytes, nearly the same logits and perplexity, and the same promises about steps and forks.
import { afterAll, describe, expect, it } from 'vitest'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { wrongDevice } from './boot.testing.ts'
import { openTestDevice } from './device.testing.ts'
import type { Device } from './device.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { readGguf } from './formats/gguf.ts'
import { largestDifference } from './kernels/lab.testing.ts'
import { memoryShape } from './model/memory-plan.ts'

const device = await openTestDevice()
afterAll(() => device.destroy())

// qwen3 turns its keys in place.
it.each([
  ['llama', 'thread-1'],
  ['qwen3', 'lanes'],
] as const)('%s, %s', async (architecture, decodeVariant) => {
  const file = tinyModel({ type: 'Q8_0', architecture, seed: 3, contextTokens: 256 })
  const tokens = Array.from({ length: 60 }, (_, i) => (i * 101 + 7) % 300)
  const open = (precision: 'f32' | 'f16') => loadEngine({ device, source: memorySource(file), decodeVariant, precision })
  const [whole, half] = [await open('f32'), await open('f16')]
  const exact = await whole.session().prefill(tokens)
  const session = half.session()
  const rounded = await session.prefill(tokens)
  expect(largestDifference(rounded, exact)).toBeLessThan(2e-1)
  expect(largestDifference(rounded, exact)).toBeGreaterThan(0)
  expect(half.stats().kvBytes).toBe(whole.stats().kvBytes / 2)
  const gguf = await readGguf(memorySource(file))
  expect(memoryShape(gguf, 'f16').pageCache).toBe(memoryShape(gguf).pageCache / 2)

  const mean = (surprises: ArrayLike<number>) => Array.from(surprises).reduce((sum, x) => sum + x, 0) / surprises.length
  const perplexity = [Math.exp(mean(await whole.score(tokens))), Math.exp(mean(await half.score(tokens)))]
  expect(perplexity[1] / perplexity[0]).toBeCloseTo(1, 2)

  const fork = await session.fork()
  const [[first], [second]] = [await half.step([{ session, token: 9 }]), await half.step([{ session: fork, token: 9 }])]
  expect(largestDifference(first, second)).toBe(0)
  const again = half.session()
  expect(largestDifference(await again.prefill([...tokens, 9]), first)).toBeLessThan(1e-3)
  whole.dispose()
  half.dispose()
})

// A key that qwen3 turns in place is rounded twice.
describe('before the first answer', () => {
  const source = memorySource(tinyModel({ type: 'Q4_1', architecture: 'qwen3', seed: 3 }))
  const open = (on: Device) =>
    loadEngine({ device: on, source, contextTokens: 256, precision: 'f16', decodeVariant: 'thread-1', selfTest: { memory: null } })

  it('what rounding leaves is no fault', async () => {
    const engine = await open(device)
    expect(engine.stats().boot).toMatchObject({ demoted: [] })
    engine.dispose()
  })

  it('what is stored wrongly is one', async () => {
    const wrong = await wrongDevice(/./, 'pack2x16float(pair)', 'pack2x16float(pair * vec2(1.0, 1.02))')
    await expect(open(wrong)).rejects.toMatchObject({ code: 'gpu_miscomputes' })
  })
})
