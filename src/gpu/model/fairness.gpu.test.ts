// Who gets the device when answers decode while long prompts are read: counted in steps and chunks, never in time.
import { afterAll, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { openTestDevice } from '../device.testing.ts'
import { loadEngine } from '../engine.ts'
import { memorySource } from '../formats/bytes.testing.ts'

const device = await openTestDevice()
const source = memorySource(tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 2048 }))
const engine = await loadEngine({ device, source, contextTokens: 2048, decodeVariant: 'thread-1' })
afterAll(() => engine.dispose())
await engine.addAdapter('rare', tinyAdapter({ rank: 4, seed: 5 }))

const tokens = (count: number, seed: number) => Array.from({ length: count }, (_, i) => (i * 101 + seed) % 300)

/** Reads a prompt; counts its chunks and how long they were. */
async function reading(length: number, seed: number) {
  const session = engine.session()
  const chunks: number[] = []
  let before = 0
  await session.prefill(tokens(length, seed), {
    onProgress(done) {
      chunks.push(done - before)
      before = done
    },
  })
  session.dispose()
  return chunks
}

/** Tokens an answer under `adapter` has got while `work` went on. */
async function meanwhile<T>(adapter: string | null, work: () => Promise<T>): Promise<{ steps: number; result: T }> {
  const stop = new AbortController()
  let seen = 0
  let begun = () => {}
  const first = new Promise<void>((resolve) => (begun = resolve))
  const answer = (async () => {
    for await (const event of engine.complete({ tokens: [1, 2, 3], adapter, maxTokens: 1500, temperature: 0, signal: stop.signal })) {
      if (event.type === 'token' && ++seen === 3) begun()
    }
  })()
  await first
  const before = seen
  const result = await work()
  const steps = seen - before
  stop.abort()
  await answer
  return { steps, result }
}

it('a prompt of a thousand tokens lets an answer go on, step by chunk', async () => {
  // Alone it is read in large chunks; the first read finds out how large.
  await reading(1000, 1)
  const alone = await reading(1000, 2)
  expect(Math.max(...alone)).toBeGreaterThan(32)
  const { steps, result: chunks } = await meanwhile(null, () => reading(1000, 3))
  expect(Math.max(...chunks)).toBeLessThanOrEqual(32)
  expect(steps).toBeGreaterThanOrEqual(chunks.length - 2)
  // Nor does the answer starve the prompt.
  expect(steps).toBeLessThanOrEqual(3 * chunks.length)
})

it('three of them at once let a rare adapter’s answer go on in every round', async () => {
  const { steps, result } = await meanwhile('rare', () => Promise.all([reading(500, 4), reading(700, 5), reading(900, 6)]))
  const rounds = Math.max(...result.map((chunks) => chunks.length))
  expect(steps).toBeGreaterThanOrEqual(rounds - 3)
})

it('forty rows at once take their turns', async () => {
  const prompts = Array.from({ length: 40 }, (_, i) => tokens(4, 10 * i))
  const order: number[] = []
  await Promise.all(
    prompts.map(async (prompt, i) => {
      for await (const event of engine.complete({ tokens: prompt, adapter: i === 0 ? 'rare' : null, maxTokens: 6, temperature: 0 })) {
        if (event.type === 'token') order.push(i)
      }
    }),
  )
  // The one row of its kind is not last at any token by more than one round of forty.
  const mine = order.flatMap((who, at) => (who === 0 ? [at] : []))
  expect(mine.length).toBeGreaterThan(0)
  mine.forEach((at, token) => {
    expect(at).toBeLessThan(40 * (token + 2))
  })
})
