import { describe, expect, test } from 'vitest'
import type { Passage, Trace } from '../attribution/types.ts'
import { type AnswerEvent, type AnswerRequest, answer, measure, type Ports } from './answer.ts'
import type { ChatRequest, Engine, Ledger, Speaker, TraceRequest } from './ports.ts'
import { QUOTE_BEGIN } from './prompt.ts'

const passage = { datanet: '2', document: 0, start: 0, length: 3, text: 'Blue ships sail.', entry: { author: 'A' } } as unknown as Passage
const usage = { promptTokens: 1, completionTokens: 1, firstTokenMs: 1, tokensPerSecond: 1, dispatchesPerToken: 1 }
const request: AnswerRequest = {
  question: 'Why?',
  history: [],
  datanets: ['1', '2'],
  askWithSources: true,
  payContributors: false,
  quotingAdapters: { '1': 'speech', '2': 'law' },
  adapter: 'auto',
  temperature: 0,
}

/** Ports that remember what they were asked; one paid span in every trace. */
function ports({
  found = [passage],
  voice = {},
  contextTokens,
}: {
  found?: Passage[]
  voice?: Partial<Speaker>
  contextTokens?: number
} = {}) {
  const chats: ChatRequest[] = []
  const traces: TraceRequest[] = []
  const signed: string[] = []
  let retrievals = 0
  const engine: Engine = {
    voice: { engine: 'local', model: 'Small', modelDigest: 'b1', ...voice },
    ...(contextTokens === undefined ? {} : { contextTokens }),
    count: async (messages) => messages.reduce((sum, { content }) => sum + content.length, 0),
    async *chat(asked) {
      chats.push(asked)
      yield { type: 'token', text: ' said' }
      yield { type: 'end', reason: 'stop', usage }
    },
  }
  const ledger = {
    payer: async () => '0x1',
    nonce: async () => 0n,
    sign: async () => ({ id: '0xaa' }),
    post: async () => void signed.push('posted'),
  } as unknown as Ledger
  const all: Ports = {
    engine,
    tracer: {
      retrieve: async () => {
        retrievals++
        return { open: found.length > 0, score: 1, threshold: 0, passages: found }
      },
      live: async () => [],
      trace: async (asked) => {
        traces.push(asked)
        return { spans: [{ index: 0, document: 0 }], documents: {} } as unknown as Trace
      },
      draft: async ({ model }) => {
        signed.push(model)
        return {} as never
      },
    },
    ledger,
  }
  const run = async (change: Partial<AnswerRequest> = {}) => {
    const events: AnswerEvent[] = []
    for await (const event of answer({ ...request, ...change }, all, new AbortController().signal)) events.push(event)
    return events
  }
  return { run, chats, traces, signed, retrievals: () => retrievals, engine }
}

describe('which adapter speaks', () => {
  test('auto: that of the datanet of the best passage; without a source none', async () => {
    const sourced = ports()
    await sourced.run()
    expect(sourced.chats[0]).toMatchObject({ adapter: 'law', begin: QUOTE_BEGIN })
    expect(sourced.traces[0].adapters).toEqual(['law'])
    const plain = ports({ found: [] })
    await plain.run()
    expect(plain.chats[0]).toMatchObject({ adapter: null, begin: '' })
    const unknown = ports()
    await unknown.run({ quotingAdapters: {} })
    expect(unknown.chats[0].adapter).toBeNull()
  })

  test('a chosen one speaks with and without a source, null is the backbone alone, and other engines have none', async () => {
    for (const [adapter, found, spoke] of [
      ['mine', [passage], 'mine'],
      ['mine', [], 'mine'],
      [null, [passage], null],
    ] as const) {
      const { run, chats } = ports({ found: [...found] })
      await run({ adapter })
      expect(chats[0].adapter).toBe(spoke)
    }
    const remote = ports({ voice: { engine: 'remote', modelDigest: null } })
    const events = await remote.run({ adapter: 'mine' })
    expect(remote.chats[0].adapter).toBeNull()
    expect(events.find((event) => event.type === 'generated')).toMatchObject({
      speaker: { engine: 'remote', model: 'Small', adapter: null },
    })
  })
})

test('an attached text takes the place of sources, is read by the model, and is never paid', async () => {
  const { run, chats, traces, retrievals } = ports()
  const events = await run({ attachments: [{ name: 'notes.txt', text: 'Red ships.' }], system: 'Be brief.', ownWords: ['mine'] })
  expect(retrievals()).toBe(0)
  expect(events.some((event) => event.type === 'retrieved')).toBe(false)
  expect(chats[0].messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'notes.txt:\nRed ships.\n\nWhy?' },
  ])
  for (const words of ['Red ships.', 'Be brief.', 'mine', 'Why?']) expect(traces[0].prompt).toContain(words)
})

test('a system prompt does not stand before a quoted source, which has its own', async () => {
  const { run, chats } = ports()
  await run({ system: 'Be brief.' })
  expect(JSON.stringify(chats[0].messages)).not.toContain('Be brief.')
})

test('what is announced before sending is what is left out', async () => {
  const history = [
    { role: 'user' as const, content: 'x'.repeat(100) },
    { role: 'assistant' as const, content: 'y'.repeat(100) },
  ]
  const { run, chats, engine } = ports({ found: [], contextTokens: 300 })
  const said = await measure({ ...request, history }, engine)
  const events = await run({ history })
  expect(said.droppedTurns).toBe(1)
  expect(events.find((event) => event.type === 'begun')).toMatchObject({ context: said })
  expect(chats[0].messages).toEqual([{ role: 'user', content: 'Why?' }])
})

test('sampling numbers and stops reach the engine as they are', async () => {
  const { run, chats } = ports({ found: [] })
  const penalties = { minP: 0.05, repetitionPenalty: 1.1, presencePenalty: 0.5, frequencyPenalty: -0.5 }
  await run({ temperature: 0.7, topP: 0.9, topK: 40, seed: 7, maxTokens: 12, stop: ['END'], ...penalties })
  expect(chats[0]).toMatchObject({ temperature: 0.7, top_p: 0.9, top_k: 40, seed: 7, max_tokens: 12, stop: ['END'] })
  expect(chats[0]).toMatchObject({ min_p: 0.05, repetition_penalty: 1.1, presence_penalty: 0.5, frequency_penalty: -0.5 })
})

test('a receipt names the backbone’s digest; without one nothing is signed', async () => {
  const local = ports()
  await local.run({ payContributors: true })
  expect(local.signed).toEqual(['b1', 'posted'])
  const remote = ports({ voice: { engine: 'remote', modelDigest: null } })
  await remote.run({ payContributors: true })
  expect(remote.signed).toEqual([])
})
