// Drawing on the device against drawing here, through whole answers on a tiny model: the same text, whatever shares a step, and
// with steps that run ahead of what was read. `lanes` is the variant of GPUs with cheap barriers, `thread-1` that of SwiftShader.
import { afterAll, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import type { CompletionEvent, CompletionRequest, Engine } from './types.ts'

const device = await openTestDevice()
const source = () => memorySource(tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 256 }))
const onDevice = await loadEngine({ device, source: source(), decodeVariant: 'lanes' })
const here = await loadEngine({ device, source: source(), decodeVariant: 'thread-1' })
for (const engine of [onDevice, here]) await engine.addAdapter('a', tinyAdapter({ rank: 4, seed: 5 }))
afterAll(() => {
  onDevice.dispose()
  here.dispose()
})

type End = Extract<CompletionEvent, { type: 'end' }>
const tokens = (count: number, seed = 7) => Array.from({ length: count }, (_, i) => (i * 101 + seed) % 300)
const asks = (request: Partial<CompletionRequest>): CompletionRequest => ({ tokens: tokens(9), maxTokens: 12, temperature: 0, ...request })

async function all(engine: Engine, request: CompletionRequest): Promise<{ events: CompletionEvent[]; end: End }> {
  const events: CompletionEvent[] = []
  for await (const event of engine.complete(request)) events.push(event)
  return { events, end: events.at(-1) as End }
}

const mixed: CompletionRequest[] = [
  asks({ tokens: tokens(9, 1) }),
  asks({ tokens: tokens(17, 2), temperature: 0.9, topP: 0.9, seed: 4 }),
  asks({ tokens: tokens(12, 3), temperature: 1.2, topK: 20, minP: 0.02, seed: 5, adapter: 'a' }),
  asks({ tokens: tokens(5, 4), repetitionPenalty: 1.3, frequencyPenalty: 0.5, presencePenalty: 0.2 }),
  asks({ tokens: tokens(6, 5), temperature: 1, seed: 6, logitBias: { 40: 6, 41: -100 }, maxTokens: 7 }),
  asks({ tokens: tokens(8, 6), temperature: 0.7, seed: 8, logprobs: 2 }),
]

describe('rows of one step with settings of their own', () => {
  it('say what each says alone, on the device and here', async () => {
    const alone = []
    for (const request of mixed) alone.push((await all(here, request)).end.tokens)
    for (const engine of [here, onDevice]) {
      const together = await Promise.all(mixed.map((request) => all(engine, request)))
      expect(together.map(({ end }) => end.tokens)).toEqual(alone)
    }
  })

  it('of different lengths end alone, and the others go on with what was under way', async () => {
    const lengths = [3, 9, 5, 12]
    const requests = lengths.map((maxTokens, i) => asks({ tokens: tokens(7 + i, i), temperature: i % 2, seed: i, maxTokens }))
    const alone = []
    for (const request of requests) alone.push((await all(here, request)).end.tokens)
    const together = await Promise.all(requests.map((request) => all(onDevice, request)))
    expect(together.map(({ end }) => end.tokens)).toEqual(alone)
    expect(alone.map((drawn) => drawn.length)).toEqual(lengths)
  })
})

describe('a step ahead', () => {
  it('is there: two steps are under way while one is read, and none is wasted on a length that was known', async () => {
    const before = onDevice.stats()
    const { end } = await all(onDevice, asks({ tokens: tokens(20, 31), maxTokens: 10 }))
    const after = onDevice.stats()
    expect(end.tokens).toHaveLength(10)
    expect(after.stepsAhead - before.stepsAhead).toBe(8)
    // Ten tokens, four bytes each, and nothing else.
    expect(after.readbacks - before.readbacks).toBe(10)
    expect(after.bytesRead - before.bytesRead).toBe(40)
    expect(here.stats().stepsAhead).toBe(0)
  })

  it('is not taken where the next draw needs the last token', async () => {
    const before = onDevice.stats().stepsAhead
    await all(onDevice, asks({ tokens: tokens(21, 32), presencePenalty: 1 }))
    expect(onDevice.stats().stepsAhead).toBe(before)
  })

  it('is thrown away when its token ended the answer, and the conversation goes on as if it had not been', async () => {
    const prompt = tokens(30, 41)
    const free = await all(here, asks({ tokens: prompt, maxTokens: 20 }))
    const stop = free.end.text.slice(4, 7)
    const stopped = await all(onDevice, asks({ tokens: prompt, maxTokens: 20, stop: [stop] }))
    expect(stopped.end.text).toBe(free.end.text.slice(0, free.end.text.indexOf(stop)))
    const next = [...prompt, ...stopped.end.tokens, 5, 6]
    const { events, end } = await all(onDevice, asks({ tokens: next }))
    // The last token of the answer was fed ahead and given back: it is read again, with the two new ones.
    expect(events[0]).toMatchObject({ done: next.length - 3 })
    expect(end.tokens).toEqual((await all(here, asks({ tokens: next }))).end.tokens)
  })

  it('survives a consumer that leaves and one that is cancelled', async () => {
    for await (const event of onDevice.complete(asks({ tokens: tokens(11, 51), maxTokens: 50 }))) if (event.type === 'token') break
    const cancel = new AbortController()
    let seen = 0
    for await (const event of onDevice.complete(asks({ tokens: tokens(12, 52), maxTokens: 50, signal: cancel.signal }))) {
      if (event.type === 'token' && ++seen === 4) cancel.abort()
      if (event.type === 'end') expect(event.tokens).toHaveLength(4)
    }
    const prompt = tokens(14, 53)
    expect((await all(onDevice, asks({ tokens: prompt }))).end.tokens).toEqual((await all(here, asks({ tokens: prompt }))).end.tokens)
  })

  it('does not run past the context', async () => {
    const prompt = tokens(250, 61)
    const { end } = await all(onDevice, asks({ tokens: prompt, maxTokens: 100 }))
    expect(end).toMatchObject({ reason: 'length', tokens: (await all(here, asks({ tokens: prompt, maxTokens: 100 }))).end.tokens })
    expect(end.tokens).toHaveLength(7)
  })
})

/** What is asked for an answer that is paid for: its log probabilities are recorded, so that it can be replayed. */
describe('an answer with the log probability of each token', () => {
  const vocab = 300
  it.each([
    ['greedy, on the device', onDevice, { temperature: 0 }, { stepsAhead: 8, bytesRead: 10 * 8 }],
    ['sampled, on the device', onDevice, { temperature: 0.8, topP: 0.9, seed: 4 }, { stepsAhead: 8, bytesRead: 10 * 8 }],
    ['greedy, where barriers are dear', here, { temperature: 0 }, { stepsAhead: 0, bytesRead: 10 * 8 }],
    ['sampled, where barriers are dear', here, { temperature: 0.8, topP: 0.9, seed: 4 }, { stepsAhead: 0, bytesRead: 10 * 4 * vocab }],
  ] as const)('%s: reads back no more than it must', async (_, engine, settings, expected) => {
    const request = asks({ tokens: tokens(20, 81), maxTokens: 10, ...settings })
    const silent = await all(engine, request)
    const before = engine.stats()
    const { end } = await all(engine, { ...request, logprobs: 0 })
    const after = engine.stats()
    expect(end.tokens).toEqual(silent.end.tokens)
    expect(end.tokens).toHaveLength(10)
    expect(after.readbacks - before.readbacks).toBe(10)
    const counted = { stepsAhead: after.stepsAhead - before.stepsAhead, bytesRead: after.bytesRead - before.bytesRead }
    expect(counted).toEqual(expected)
    expect(end.dispatches.perToken - silent.end.dispatches.perToken).toBe(expected.bytesRead === 80 ? 1 : 0)
    // Told beside the likeliest, they are told from logits that were read.
    const read = await all(here, { ...request, logprobs: 1 })
    expect(read.end.tokens).toEqual(end.tokens)
    for (const [i, logprob] of end.said.logprobs!.entries()) expect(Math.abs(logprob - read.end.said.logprobs![i])).toBeLessThan(1e-4)
  })

  it('shares its steps with others that tell nothing, or more', async () => {
    const requests = [0, 1, undefined, 5].map((logprobs, i) =>
      asks({
        tokens: tokens(7 + i, 90 + i),
        maxTokens: 10,
        temperature: 0.5 * i,
        seed: i,
        ...(logprobs === undefined ? {} : { logprobs }),
      }),
    )
    const alone = []
    for (const request of requests) alone.push((await all(here, request)).end)
    const together = await Promise.all(requests.map((request) => all(onDevice, request)))
    for (const [i, { end }] of together.entries()) {
      expect(end.tokens).toEqual(alone[i].tokens)
      expect(end.said.logprobs?.length ?? null).toBe(alone[i].said.logprobs?.length ?? null)
      for (const [at, logprob] of (end.said.logprobs ?? []).entries())
        expect(Math.abs(logprob - alone[i].said.logprobs![at])).toBeLessThan(1e-4)
    }
  })
})

describe('what the end tells', () => {
  it('is why it ended, what was used, and what was drawn under which seed', async () => {
    const request = asks({ tokens: tokens(10, 71), temperature: 1, maxTokens: 6, logprobs: 0 })
    const { end } = await all(here, request)
    expect(end).toMatchObject({ reason: 'length', promptTokens: 10 })
    expect(end.said).toMatchObject({ prompt: request.tokens, drawn: end.tokens, sampler: { temperature: 1 } })
    expect(end.said.logprobs).toHaveLength(6)
    const again = await all(onDevice, { ...request, seed: end.said.sampler.seed })
    expect(again.end.tokens).toEqual(end.tokens)
  })

  it('is `stop` with the end token drawn but not said, when the model ends by itself', async () => {
    const free = await all(here, asks({ tokens: tokens(10, 72), maxTokens: 4 }))
    // Id 2 ends an answer of this model; a bias makes it the only choice once the penalty has had its say.
    const { end } = await all(here, asks({ tokens: tokens(10, 72), maxTokens: 4, logitBias: { 2: 1000 } }))
    expect(end).toMatchObject({ reason: 'stop', tokens: [], text: '' })
    expect(end.said.drawn).toEqual([2])
    expect(free.end.said.drawn).toEqual(free.end.tokens)
  })

  it('tells log probabilities of the model itself, the same wherever they were drawn', async () => {
    const request = asks({ tokens: tokens(10, 73), temperature: 0.5, seed: 3, logprobs: 3, logitBias: { 50: 4 } })
    const [a, b] = [await all(here, request), await all(onDevice, request)]
    const told = (events: CompletionEvent[]) =>
      events.flatMap((event) => (event.type === 'token' && event.logprobs ? [event.logprobs] : []))
    expect(told(a.events)).toHaveLength(12)
    for (const [i, logprobs] of told(a.events).entries()) {
      expect(logprobs.top).toHaveLength(3)
      expect(logprobs.top.map(({ id }) => id)).toEqual(told(b.events)[i].top.map(({ id }) => id))
      expect(logprobs.own).toBeCloseTo(told(b.events)[i].own, 3)
      expect(logprobs.top[0].logprob).toBeGreaterThanOrEqual(logprobs.own)
    }
  })

  it('is refused when the settings contradict themselves', async () => {
    for (const settings of [
      { topP: 0 },
      { topK: 1.5 },
      { minP: 2 },
      { repetitionPenalty: 0 },
      { logprobs: 99 },
      { logitBias: { 9999: 1 } },
    ]) {
      await expect(all(here, asks(settings))).rejects.toMatchObject({ code: 'request_invalid' })
    }
  })
})
