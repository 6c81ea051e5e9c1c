// Answers with guesses are the answers without: greedy and sampled, whoever guesses, beside others, and the cache they leave behind.
// On a tiny random model; how much time guesses save is bench/drafts.ts's question.
import { afterAll, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice, usual } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { promptProposer } from './prompt-proposer.ts'
import type { CompletionEvent, CompletionRequest, Proposer } from './types.ts'

const device = await openTestDevice()
const load = () => loadEngine({ device, source: memorySource(tinyModel({ type: 'Q8_0', seed: 3, contextTokens: 256 })), ...usual(device) })
const engine = await load()
await engine.addAdapter('a', tinyAdapter({ seed: 5 }))
afterAll(() => engine.dispose())

type End = Extract<CompletionEvent, { type: 'end' }>

async function say(request: Partial<CompletionRequest>): Promise<End> {
  let end: CompletionEvent | undefined
  for await (const event of engine.complete({ maxTokens: 40, temperature: 0, ...request })) end = event
  return end as End
}

/** Guesses what was said before, but every `wrong`th token, at once and without looking for a match. */
function knowing(prompt: number[], answer: number[], wrong: number): Proposer {
  const text = [...prompt, ...answer]
  return {
    propose: (tokens, most) =>
      text.slice(tokens.length, tokens.length + most).map((id, i) => ((tokens.length + i) % wrong === 0 ? (id + 1) % 300 : id)),
  }
}

const prompts = Array.from({ length: 24 }, (_, i) => Array.from({ length: 4 + 5 * i }, (_, j) => (j * 101 + 13 * i) % 300))

describe('the text is the same', () => {
  it('for 24 prompts, greedy, whoever guesses', async () => {
    let accepted = 0
    for (const [i, tokens] of prompts.entries()) {
      const adapter = i % 3 === 0 ? 'a' : null
      const plain = await say({ tokens, adapter })
      for (const drafts of [promptProposer, knowing(tokens, plain.tokens, 5), knowing(tokens, plain.tokens, 1)]) {
        const drafted = await say({ tokens, adapter, drafts })
        expect(drafted.tokens).toEqual(plain.tokens)
        expect(drafted.text).toBe(plain.text)
        expect(drafted.reason).toBe(plain.reason)
        accepted += drafted.drafts.accepted
      }
    }
    expect(accepted).toBeGreaterThan(24)
  })

  it.each([
    { temperature: 0.9, topP: 0.9, seed: 5 },
    { temperature: 1.2, topK: 30, minP: 0.01, seed: 6 },
    { temperature: 0.7, seed: 7, logprobs: 2 },
  ])('sampled with %o', async (settings) => {
    const tokens = prompts[6]
    const plain = await say({ tokens, ...settings })
    const drafted = await say({ tokens, ...settings, drafts: knowing(tokens, plain.tokens, 7) })
    expect(drafted.tokens).toEqual(plain.tokens)
    expect(drafted.drafts.accepted).toBeGreaterThan(0)
    expect(drafted.said.drawn).toEqual(plain.said.drawn)
    const told = drafted.said.logprobs ?? []
    expect(told.every((logprob, i) => Math.abs(logprob - plain.said.logprobs![i]) < 1e-3)).toBe(true)
    expect(await engine.replay(drafted.said)).toMatchObject({ said: true })
  })

  it('with penalties, which no guess may run ahead of', async () => {
    const settings = { tokens: prompts[3], repetitionPenalty: 1.3 }
    const plain = await say(settings)
    const drafted = await say({ ...settings, drafts: knowing(prompts[3], plain.tokens, 99) })
    expect(drafted.tokens).toEqual(plain.tokens)
    expect(drafted.drafts.passes).toBe(0)
  })

  it('beside answers that are not drafted, up to the last token of the context, and cut by a stop string', async () => {
    const requests: Partial<CompletionRequest>[] = [
      { tokens: prompts[23], maxTokens: 400 },
      { tokens: prompts[4], adapter: 'a' },
      { tokens: prompts[5], maxTokens: 7 },
    ]
    const plain = await Promise.all(requests.map(say))
    const stop = [plain[1].text.slice(9, 12)]
    const stopped = await say({ ...requests[1], stop })
    const together = await Promise.all([
      ...requests.map((request, i) => say({ ...request, drafts: knowing(prompts[[23, 4, 5][i]], plain[i].tokens, 6) })),
      say({ ...requests[1], stop, drafts: knowing(prompts[4], plain[1].tokens, 50) }),
      say({ tokens: prompts[9] }),
    ])
    for (const [i, { tokens }] of plain.entries()) expect(together[i].tokens).toEqual(tokens)
    expect(together[3]).toMatchObject({ text: stopped.text, reason: stopped.reason })
    expect(plain[0].reason).toBe('length')
    expect(together[4].tokens).toEqual((await say({ tokens: prompts[9] })).tokens)
  })
})

it('leaves a cache that the next question finds and may trust', async () => {
  const tokens = prompts[7]
  const first = await say({ tokens })
  const drafted = await say({ tokens, drafts: knowing(tokens, first.tokens, 4) })
  const next = [...tokens, ...drafted.tokens, 17, 23]
  const after = await say({ tokens: next })
  const fresh = await load()
  let end: CompletionEvent | undefined
  for await (const event of fresh.complete({ tokens: next, maxTokens: 40, temperature: 0 })) end = event
  expect(after.tokens).toEqual((end as End).tokens)
  fresh.dispose()
})
