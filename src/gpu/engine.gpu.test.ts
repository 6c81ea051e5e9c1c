// What the engine promises beyond right numbers: reuse, batches, adapters that stand alone, cancel, typed refusals, no leak.
// On a tiny random model; whether its numbers are right is parity.gpu.test.ts's question.
import { afterAll, describe, expect, it } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice } from './device.testing.ts'
import { openDevice } from './device.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { largestDifference } from './kernels/lab.testing.ts'
import { argmax } from './model/draw.ts'
import type { CompletionEvent, CompletionRequest } from './types.ts'

const device = await openTestDevice()
const file = tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 256 })
// Named, not timed: a busy machine may time another variant as the faster, and bits are compared below.
const engine = await loadEngine({ device, source: memorySource(file), decodeVariant: 'thread-1' })
await engine.addAdapter('a', tinyAdapter({ rank: 4, seed: 5 }))
await engine.addAdapter('b', tinyAdapter({ rank: 9, seed: 6, modules: ['v_proj', 'gate_proj', 'down_proj'] }))
afterAll(() => engine.dispose())

const tokens = (count: number, seed = 7) => Array.from({ length: count }, (_, i) => (i * 101 + seed) % 300)
const asks = (request: Partial<CompletionRequest>): CompletionRequest => ({ maxTokens: 8, temperature: 0, ...request })
type End = Extract<CompletionEvent, { type: 'end' }>

async function all(request: CompletionRequest): Promise<{ events: CompletionEvent[]; end: End }> {
  const events: CompletionEvent[] = []
  for await (const event of engine.complete(request)) events.push(event)
  return { events, end: events.at(-1) as End }
}

async function logitsOf(prompt: number[], adapter: string | null = null): Promise<Float32Array> {
  const session = engine.session(adapter)
  const logits = await session.prefill(prompt)
  session.dispose()
  return logits
}

describe('steps', () => {
  it('one by one give what one prefill gives', async () => {
    const session = engine.session()
    await session.prefill(tokens(20))
    let last: Float32Array[] = []
    for (const token of tokens(25).slice(20)) last = await engine.step([{ session, token }])
    expect(largestDifference(last[0], await logitsOf(tokens(25)))).toBeLessThan(1e-4)
    expect(session.length).toBe(25)
  })

  it('of rows with different adapters, lengths and none give what each gives alone', async () => {
    const rows = [null, 'a', 'b', 'a', null].map((adapter, i) => ({ adapter, prompt: tokens(3 + 13 * i, i), token: 40 + i }))
    const fed = await Promise.all(
      rows.map(async ({ adapter, prompt, token }) => {
        const session = engine.session(adapter)
        await session.prefill(prompt)
        return { session, token }
      }),
    )
    const together = await engine.step(fed)
    for (const [i, { adapter, prompt, token }] of rows.entries()) {
      const alone = await logitsOf([...prompt, token], adapter)
      expect(largestDifference(together[i], alone)).toBeLessThan(1e-4)
      if (adapter !== null) expect(largestDifference(together[i], await logitsOf([...prompt, token]))).toBeGreaterThan(0.05)
      fed[i].session.dispose()
    }
  })

  it('after a fork do not disturb the other', async () => {
    const session = engine.session()
    await session.prefill(tokens(40))
    const fork = await session.fork()
    await engine.step([{ session, token: 1 }])
    const [ofFork] = await engine.step([{ session: fork, token: 2 }])
    expect(largestDifference(ofFork, await logitsOf([...tokens(40), 2]))).toBeLessThan(1e-4)
  })

  it('refuse one session twice, a foreign token and a disposed session', async () => {
    const session = engine.session()
    await session.prefill([1])
    const row = { session, token: 2 }
    await expect(engine.step([row, row])).rejects.toMatchObject({ code: 'step_invalid' })
    await expect(engine.step([{ session, token: 1e6 }])).rejects.toMatchObject({ code: 'token_invalid' })
    session.dispose()
    await expect(engine.step([row])).rejects.toMatchObject({ code: 'session_disposed' })
  })
})

describe('adapters', () => {
  it('leave the output without one the same, bit for bit', async () => {
    const bare = await loadEngine({ device, source: memorySource(file), decodeVariant: 'thread-1' })
    const session = bare.session()
    const before = await session.prefill(tokens(30))
    bare.dispose()
    expect(await logitsOf(tokens(30))).toEqual(before)
  })

  it('are dropped with what was computed under them', async () => {
    const session = engine.session('a')
    await session.prefill(tokens(10))
    session.useAdapter('b')
    expect(session.length).toBe(0)
    expect(largestDifference(await session.prefill(tokens(10)), await logitsOf(tokens(10), 'b'))).toBeLessThan(1e-4)
  })

  it('that fail leave the others as they were', async () => {
    const before = await logitsOf(tokens(10), 'a')
    const broken = tinyAdapter({ rank: 4, seed: 5 })
    await expect(engine.addAdapter('c', { ...broken, weights: broken.weights.slice(0, -8) })).rejects.toHaveProperty('code')
    const bytes = engine.stats().adapterBytes
    await expect(engine.addAdapter('c', tinyAdapter({ rank: 300, seed: 5 }))).rejects.toMatchObject({ code: 'adapter_unsupported' })
    expect(engine.stats().adapterBytes).toBe(bytes)
    expect(() => engine.session('c')).toThrow(expect.objectContaining({ code: 'adapter_unknown' }))
    expect(await logitsOf(tokens(10), 'a')).toEqual(before)
  })

  it('with one name and another content do not meet the first one’s cache', async () => {
    await engine.addAdapter('d', tinyAdapter({ rank: 4, seed: 15 }))
    const first = await all(asks({ tokens: tokens(40), adapter: 'd' }))
    engine.removeAdapter('d')
    await engine.addAdapter('d', tinyAdapter({ rank: 4, seed: 16 }))
    const second = await all(asks({ tokens: tokens(40), adapter: 'd' }))
    expect(second.events[0]).toMatchObject({ type: 'prefill', done: 0 })
    expect(second.end.tokens).not.toEqual(first.end.tokens)
    engine.removeAdapter('d')
  })
})

describe('a completion', () => {
  it('follows the arg max, whether it reads tokens or logits back', async () => {
    const prompt = tokens(12)
    const { end } = await all(asks({ tokens: prompt }))
    const expected: number[] = []
    for (let i = 0; i < end.tokens.length; i++) expected.push(argmax(await logitsOf([...prompt, ...expected])))
    expect(end.tokens).toEqual(expected)
    expect((await all(asks({ tokens: prompt, temperature: 1, topK: 1 }))).end.tokens).toEqual(expected)
  })

  it('repeats with its seed', async () => {
    const draw = async (seed: number) => (await all(asks({ tokens: tokens(5), temperature: 1.5, seed, maxTokens: 12 }))).end.tokens
    expect(await draw(1)).toEqual(await draw(1))
    expect(await draw(1)).not.toEqual(await draw(2))
  })

  it('prefills only what is new in the third turn', async () => {
    const first = await all(asks({ tokens: tokens(50, 23) }))
    const second = [...tokens(50, 23), ...first.end.tokens, 9, 8, 7]
    const { end } = await all(asks({ tokens: second }))
    const third = [...second, ...end.tokens, 5, 6]
    const { events } = await all(asks({ tokens: third }))
    // The last token of an answer was never fed, so it is new, and so are the two after it.
    expect(events[0]).toEqual({ type: 'prefill', done: third.length - 3, total: third.length })
  })

  it('side by side gives each what it gives alone, in shared steps', async () => {
    const requests = [
      asks({ tokens: tokens(9, 1) }),
      asks({ tokens: tokens(17, 2), adapter: 'a' }),
      asks({ tokens: tokens(33, 3), adapter: 'b' }),
      asks({ tokens: tokens(5, 4), temperature: 1, seed: 4 }),
    ]
    const alone = []
    for (const request of requests) alone.push((await all(request)).end.tokens)
    const together = await Promise.all(requests.map((request) => all(request)))
    expect(together.map(({ end }) => end.tokens)).toEqual(alone)
  })

  it('shares its steps with others of its kind', async () => {
    const requests = [5, 6, 7, 8].map((seed) => asks({ tokens: tokens(6, seed) }))
    const { dispatches } = (await all(requests[0])).end
    const together = await Promise.all(requests.map((request) => all(request)))
    // Four prefills of one submit each and seven steps; unshared, the first answer would see some twenty-eight steps.
    expect(together[0].end.dispatches.decode).toBeLessThan(dispatches.decode * 2)
  })

  it('ends before a stop string, and its events join to its text', async () => {
    const free = await all(asks({ tokens: tokens(12), maxTokens: 16 }))
    const middle = Math.floor(free.end.text.length / 2)
    const stop = free.end.text.slice(middle, middle + 3)
    const { events, end } = await all(asks({ tokens: tokens(12), maxTokens: 16, stop: [stop] }))
    expect(end.reason).toBe('stop')
    expect(end.text).toBe(free.end.text.slice(0, free.end.text.indexOf(stop)))
    expect(events.map((event) => (event.type === 'token' ? event.text : '')).join('')).toBe(end.text)
  })

  it('stops where the context ends, and refuses a prompt beyond it', async () => {
    const { end } = await all(asks({ tokens: tokens(250), maxTokens: 100 }))
    expect(end.reason).toBe('length')
    expect(end.tokens).toHaveLength(7)
    await expect(all(asks({ tokens: tokens(257) }))).rejects.toMatchObject({ code: 'prompt_too_long' })
  })

  it('can be cancelled while it decodes and while it prefills, and keeps what it had', async () => {
    const decoding = new AbortController()
    let seen = 0
    for await (const event of engine.complete(asks({ tokens: tokens(12), maxTokens: 100, signal: decoding.signal }))) {
      if (event.type === 'token' && ++seen === 3) decoding.abort()
      if (event.type === 'end') expect([event.reason, event.tokens.length]).toEqual(['cancelled', 3])
    }
    const { end } = await all(asks({ tokens: tokens(200, 77), signal: AbortSignal.abort() }))
    expect(end).toMatchObject({ reason: 'cancelled', tokens: [], text: '' })
    const session = engine.session()
    await expect(session.prefill(tokens(10), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('refuses an empty prompt, an unknown adapter and two prompts at once', async () => {
    await expect(all(asks({ tokens: [] }))).rejects.toMatchObject({ code: 'prompt_empty' })
    await expect(all(asks({ tokens: [1], adapter: 'nobody' }))).rejects.toMatchObject({ code: 'adapter_unknown' })
    await expect(all(asks({ tokens: [1], prompt: 'x' }))).rejects.toMatchObject({ code: 'request_invalid' })
  })
})

describe('score', () => {
  it('is −ln p of each token', async () => {
    const text = tokens(40)
    const scored = await engine.score(text)
    expect(scored).toHaveLength(39)
    for (const at of [0, 20, 38]) {
      const logits = await logitsOf(text.slice(0, at + 1))
      const sum = logits.reduce((total, x) => total + Math.exp(x), 0)
      expect(scored[at]).toBeCloseTo(Math.log(sum) - logits[text[at + 1]], 3)
    }
  })
})

describe('the variant for wide GPUs', () => {
  it('gives the same logits', async () => {
    const other = await loadEngine({ device, source: memorySource(file), decodeVariant: 'lanes' })
    await other.addAdapter('a', tinyAdapter({ rank: 4, seed: 5 }))
    for (const [adapter, length] of [
      [null, 30],
      ['a', 30],
      [null, 1],
    ] as const) {
      const session = other.session(adapter)
      expect(largestDifference(await session.prefill(tokens(length)), await logitsOf(tokens(length), adapter))).toBeLessThan(1e-4)
      const [stepped] = await other.step([{ session, token: 9 }])
      expect(largestDifference(stepped, await logitsOf([...tokens(length), 9], adapter))).toBeLessThan(1e-4)
    }
    other.dispose()
  })
})

describe('work under way', () => {
  it('ends typed when its engine, its session or its adapter goes, and harms nobody', async () => {
    const other = await loadEngine({ device, source: memorySource(file), decodeVariant: 'thread-1' })
    const waiting = other.session().prefill(tokens(100))
    other.dispose()
    await expect(waiting).rejects.toMatchObject({ code: 'engine_disposed' })
    const session = engine.session()
    // Two submits: the second finds the session gone.
    const feeding = session.prefill(tokens(250, 3))
    session.dispose()
    await expect(feeding).rejects.toMatchObject({ code: 'session_disposed' })
    await engine.addAdapter('gone', tinyAdapter({ rank: 2, seed: 50 }))
    const answer = all(asks({ tokens: tokens(100, 4), adapter: 'gone', maxTokens: 50 }))
    engine.removeAdapter('gone')
    await expect(answer).rejects.toMatchObject({ code: 'adapter_unknown' })
    expect(await logitsOf(tokens(10))).toEqual(await logitsOf(tokens(10)))
  })
})

describe('memory', () => {
  it('returns to the device when an engine ends', async () => {
    const other = await loadEngine({ device, source: memorySource(file), decodeVariant: 'thread-1' })
    await other.addAdapter('a', tinyAdapter({ rank: 4, seed: 5 }))
    const session = other.session('a')
    await session.prefill(tokens(60))
    expect(other.stats().kvBytes).toBeGreaterThan(0)
    other.dispose()
    expect(other.stats()).toMatchObject({ poolBytes: 0, kvBytes: 0, adapterBytes: 0 })
  })

  it('is not kept by a load that is cancelled or fails', async () => {
    const signal = AbortSignal.abort()
    await expect(loadEngine({ device, source: memorySource(file), signal })).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('a lost device', () => {
  it('is a typed error for whoever waits and whoever comes later', async () => {
    const lost = await openDevice(openNodeGpu())
    const other = await loadEngine({ device: lost, source: memorySource(file), decodeVariant: 'thread-1' })
    const session = other.session()
    await session.prefill(tokens(3))
    lost.gpu.destroy()
    await expect(session.prefill(tokens(3))).rejects.toMatchObject({ code: 'device_lost' })
    await expect(session.prefill(tokens(3))).rejects.toMatchObject({ code: 'device_lost' })
  })
})
