// Once the pipelines were made that answers may come to need, no answer makes another: under an adapter of whatever modules, sampled,
// with guesses, several at once, replayed, over a long prompt. And while somebody answers at most the one under way is made.
// Counted, never timed.
import { afterEach, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { openTestDevice } from '../device.testing.ts'
import { type EngineOptions, loadEngine } from '../engine.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { loraModules } from '../formats/peft.ts'
import type { CompletionRequest, Engine, Proposer } from '../types.ts'

const open: Engine[] = []
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose()
})

async function load(options: Partial<EngineOptions>): Promise<Engine> {
  const device = await openTestDevice()
  const engine = await loadEngine({ device, source: memorySource(tinyModel({ type: 'Q4_1', seed: 3 })), contextTokens: 1280, ...options })
  open.push(engine)
  await engine.addAdapter('whole', tinyAdapter({ rank: 4, seed: 5, modules: [...loraModules] }))
  return engine
}

const tokens = (count: number, seed = 7) => Array.from({ length: count }, (_, i) => (i * 101 + seed) % 300)

async function ended(engine: Engine, request: Partial<CompletionRequest>) {
  for await (const event of engine.complete({ tokens: tokens(9), maxTokens: 4, temperature: 0, ...request }))
    if (event.type === 'end') return event
  throw new Error('The completion did not end.')
}

it.each([
  ['lanes', 'staged-32x32'],
  ['thread-1', 'thread-4'],
] as const)('no answer makes one, with %s and %s', async (decodeVariant, prefillVariant) => {
  const engine = await load({ decodeVariant, prefillVariant })
  const atLoad = engine.stats().pipelines
  await engine.makePipelines()
  const made = engine.stats().pipelines
  expect(made).toBeGreaterThan(atLoad)
  const makes = async (what: string, work: () => Promise<unknown>) => {
    await work()
    expect([what, engine.stats().pipelines]).toEqual([what, made])
  }

  await makes('an adapter', () => ended(engine, { tokens: tokens(80), adapter: 'whole' }))
  for (const [i, module] of loraModules.entries()) {
    const name = `only ${module}`
    await engine.addAdapter(name, tinyAdapter({ rank: 2, seed: 20 + i, modules: [module] }))
    await makes(name, () => ended(engine, { adapter: name }))
  }
  const settings = { temperature: 0.8, topP: 0.9, presencePenalty: 0.5, logprobs: 2, seed: 3 }
  await makes('a draw', () => ended(engine, settings))
  await makes('several at once', () =>
    Promise.all([3, 4, 5].map((i) => ended(engine, { tokens: tokens(20, i), adapter: i > 3 ? 'whole' : null }))),
  )
  const told = tokens(40, 9)
  const guessed = (await ended(engine, { tokens: told, maxTokens: 12, adapter: 'whole' })).tokens
  const right: Proposer = { propose: (said, most) => guessed.slice(said.length - told.length).slice(0, most) }
  let drafted = 0
  await makes('guesses', async () => {
    drafted = (await ended(engine, { tokens: told, maxTokens: 12, adapter: 'whole', drafts: right })).drafts.drafted
  })
  expect(drafted).toBeGreaterThan(0)
  await makes('a replay', async () => {
    const { said } = await ended(engine, { tokens: told, maxTokens: 20, logprobs: 0, presencePenalty: 0.5, adapter: 'whole' })
    expect((await engine.replay(said, { adapter: 'whole' })).said).toBe(true)
  })
  await makes('many keys', () => ended(engine, { tokens: tokens(1040, 11) }))
})

it('while somebody answers only the one under way is made, and the rest afterwards', async () => {
  const engine = await load({ decodeVariant: 'thread-1' })
  const before = engine.stats().pipelines
  const making = engine.makePipelines()
  let tokensSeen = 0
  for await (const event of engine.complete({ tokens: tokens(30), maxTokens: 20, temperature: 0 })) {
    if (event.type === 'token') tokensSeen++
    // Time enough for several to be made, if they were made beside answers.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(engine.stats().pipelines).toBeLessThanOrEqual(before + 1)
  }
  expect(tokensSeen).toBe(20)
  await making
  expect(engine.stats().pipelines).toBeGreaterThan(before + 5)
})

it('ends with the engine', async () => {
  const engine = await load({ decodeVariant: 'thread-1' })
  const before = engine.stats().pipelines
  const making = engine.makePipelines()
  engine.dispose()
  await making
  expect(engine.stats().pipelines).toBeLessThanOrEqual(before + 1)
})
