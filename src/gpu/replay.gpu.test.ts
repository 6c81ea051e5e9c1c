// What the engine says it says again, whatever the settings; what it did not say is refused. On tiny random models, whose next
// tokens lie closer together than a trained model's; how often is counted by bench/replay.ts on the default model.
import { afterAll, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice, usual } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import type { CompletionRequest, Engine, Utterance } from './types.ts'

const device = await openTestDevice()
const load = (type: 'Q8_0' | 'Q4_1') =>
  loadEngine({ device, source: memorySource(tinyModel({ type, seed: 3, contextTokens: 256 })), ...usual(device) })
const engine = await load('Q8_0')
const other = await load('Q4_1')
const adapter = tinyAdapter({ rank: 4, seed: 5 })
for (const each of [engine, other]) await each.addAdapter('a', adapter)
await engine.addAdapter('b', tinyAdapter({ rank: 4, seed: 6 }))
await engine.addAdapter('stronger', { ...adapter, config: adapter.config.replace('"lora_alpha":4', '"lora_alpha":4.4') })
afterAll(() => {
  engine.dispose()
  other.dispose()
})

const prompt = Array.from({ length: 30 }, (_, i) => (i * 101 + 7) % 300)

async function sayOn(on: Engine, request: Partial<CompletionRequest>): Promise<Utterance> {
  for await (const event of on.complete({ tokens: prompt, maxTokens: 24, temperature: 0, logprobs: 0, ...request })) {
    if (event.type === 'end') return event.said
  }
  throw new Error('an answer has an end')
}

const kinds: [string, Partial<CompletionRequest>][] = [
  ['greedy', {}],
  ['greedy under an adapter', { adapter: 'a' }],
  ['sampled', { temperature: 0.8, topP: 0.9, seed: 11 }],
  ['sampled under an adapter', { temperature: 1, topK: 40, minP: 0.02, seed: 12, adapter: 'a' }],
  [
    'sampled with penalties',
    { temperature: 0.9, repetitionPenalty: 1.2, presencePenalty: 0.4, frequencyPenalty: 0.2, logitBias: { 70: -3 }, seed: 13 },
  ],
]

describe.each(kinds)('%s', (_, request) => {
  const adapter = request.adapter ?? null

  it('is said again, also by an engine that has never seen the prompt', async () => {
    const said = await sayOn(engine, request)
    expect(said.drawn.length).toBeGreaterThan(0)
    expect(said.logprobs).toHaveLength(said.drawn.length)
    const found = await engine.replay(said, { adapter })
    expect(found).toMatchObject({ said: true, tokens: said.drawn.length, refused: 0, first: null })
    expect(found.fed).toBeLessThan(prompt.length)
    const fresh = await load('Q8_0')
    await fresh.addAdapter('a', tinyAdapter({ rank: 4, seed: 5 }))
    expect(await fresh.replay(said, { adapter })).toMatchObject({ said: true, fed: prompt.length + said.drawn.length - 1 })
    fresh.dispose()
  })

  it('is refused with a token changed, from another quantisation, and under another adapter', async () => {
    const said = await sayOn(engine, request)
    const drawn = said.drawn.with(3, (said.drawn[3] + 1) % 90)
    expect(await engine.replay({ ...said, drawn }, { adapter })).toMatchObject({ said: false })
    expect(await other.replay(said, { adapter })).toMatchObject({ said: false })
    expect(await engine.replay(said, { adapter: 'b' })).toMatchObject({ said: false })
    if (adapter !== null) {
      expect(await engine.replay(said, { adapter: 'stronger' })).toMatchObject({ said: false, first: { reason: expect.any(String) } })
      expect(await engine.replay(said)).toMatchObject({ said: false })
    }
  })
})

it('reads a few numbers a position, and more of none that fits, where barriers are cheap; and judges alike where they are dear', async () => {
  const requests = [...kinds.map(([, request]) => request), { temperature: 1.4, seed: 21 }]
  const found = []
  for (const decodeVariant of ['lanes', 'thread-1'] as const) {
    const judge = await loadEngine({
      device,
      source: memorySource(tinyModel({ type: 'Q8_0', seed: 3, contextTokens: 256 })),
      decodeVariant,
    })
    await judge.addAdapter('a', adapter)
    const all = []
    for (const request of requests) {
      const said = await sayOn(engine, request)
      const options = { adapter: request.adapter ?? null }
      const before = judge.stats().bytesRead
      all.push(await judge.replay(said, options))
      const each = (judge.stats().bytesRead - before) / said.drawn.length
      // What was found of the token and of its interval, and its log probability; or the vocabulary.
      expect(each).toBe(decodeVariant === 'lanes' ? 20 : 4 * judge.vocab)
      all.push(await judge.replay({ ...said, sampler: { ...said.sampler, seed: 5 } }, options))
    }
    found.push(all)
    judge.dispose()
  }
  const [onDevice, here] = found
  for (const [i, { worstGap, worstOff, first, refused }] of onDevice.entries()) {
    expect([first?.at, first?.reason, refused]).toEqual([here[i].first?.at, here[i].first?.reason, here[i].refused])
    expect(worstGap).toBeCloseTo(here[i].worstGap, 3)
    expect(worstOff).toBeCloseTo(here[i].worstOff!, 3)
  }
  expect(onDevice.filter(({ said }) => !said).length).toBeGreaterThan(2)
})

it('refuses another seed and other settings, also where no log probability was told', async () => {
  const said = { ...(await sayOn(engine, { temperature: 0.8, topP: 0.9, seed: 11 })), logprobs: null }
  expect(await engine.replay(said)).toMatchObject({ said: true, worstOff: null })
  expect(await engine.replay({ ...said, sampler: { ...said.sampler, seed: 10 } })).toMatchObject({ said: false, first: { reason: 'draw' } })
  expect(await engine.replay({ ...said, sampler: { ...said.sampler, temperature: 0 } })).toMatchObject({ said: false })
})

it('tells what was in the record that cannot be replayed', async () => {
  const said = await sayOn(engine, {})
  await expect(engine.replay({ ...said, drawn: [] })).rejects.toMatchObject({ code: 'utterance_invalid' })
  await expect(engine.replay({ ...said, logprobs: [0] })).rejects.toMatchObject({ code: 'utterance_invalid' })
  await expect(engine.replay(said, { adapter: 'nobody' })).rejects.toMatchObject({ code: 'adapter_unknown' })
})
