// How many dispatches a layer costs, counted by the recorder on the path the page takes: a greedy completion, token by token.
import { afterAll, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { type LoraModule, loraModules } from './formats/peft.ts'
import type { Architecture } from './model/config.ts'

const layers = 2
const device = await openTestDevice()
afterAll(() => device.destroy())

describe.each([
  ['llama', 5, ['thread-1', 'lanes']],
  ['qwen2', 5, ['thread-1']],
  // The norm over the heads of q and k.
  ['qwen3', 6, ['thread-1']],
] as [Architecture, number, ('thread-1' | 'lanes')[]][])('a layer of %s', (architecture, bare, variants) => {
  it.each(variants)(`costs ${bare} dispatches a token, and two more at most under adapters, with %s`, async (variant) => {
    const file = tinyModel({ type: 'Q8_0', architecture, seed: 3 })
    const engine = await loadEngine({ device, source: memorySource(file), decodeVariant: variant })
    /** Of a decode step, less embedding, head and choice of the token. */
    const counted = async (adapter: string | null): Promise<number> => {
      const tokens = Array.from({ length: 5 }, (_, i) => i * 7 + 40)
      const request = { tokens, maxTokens: 3, temperature: 0, ...(adapter === null ? {} : { adapter }) }
      for await (const event of engine.complete(request)) if (event.type === 'end') return event.dispatches.perToken - 3
      throw new Error('The completion did not end.')
    }
    const add = (name: string, modules: readonly LoraModule[], seed: number) =>
      engine.addAdapter(name, tinyAdapter({ rank: 3, seed, modules: [...modules] }))
    expect(await counted(null)).toBe(bare * layers)

    await add('inputs', ['q_proj', 'up_proj'], 5)
    // A shrink before q k v and one before gate up.
    expect(await counted('inputs')).toBe((bare + 2) * layers)
    await add('whole', loraModules, 6)
    // The delta of the last down joins the stream before the head, where the norm of a model without this fusion would stand.
    expect(await counted('whole')).toBe((bare + 2) * layers + 1)
    // Without an adapter in the batch nothing of them is encoded.
    expect(await counted(null)).toBe(bare * layers)

    // Two conversations under different adapters and one under none share their steps.
    const before = engine.session('whole')
    await before.prefill([50, 51])
    const rows = [null, 'inputs', 'whole'].map((name) => ({ session: engine.session(name), token: 60 }))
    await Promise.all(rows.map(({ session }) => session.prefill([41, 42])))
    await engine.step(rows)
    expect(engine.stats().dispatchesPerDecode).toBe((bare + 2) * layers + 1 + 2)
    engine.dispose()
  })
})
