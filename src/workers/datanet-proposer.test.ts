// Guesses of a datanet that stands in another thread: a real index behind a real port, and the steps of an answer over a model
// that recites. What a guess saves in time is bench/drafts.ts's question; here passes are counted.
import { afterEach, describe, expect, it } from 'vitest'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { contributionRoot, nameHash } from '../attribution/contributions.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { greedy } from '../gpu/model/draw.ts'
import { Speculation } from '../gpu/speculate.ts'
import { AttributionDesk } from './attribution-desk.ts'
import { type Continue, DatanetProposer } from './datanet-proposer.ts'
import { type DraftSource, vocabularyMark } from './draft-source.ts'
import { expose, wrap } from './rpc.ts'

const SPEECH =
  'We hold the harbour open for every ship that comes in peace. Its lamps are lit by people who never sail, and its bread is baked by hands that never rest.'
const OTHER = 'We hold the harbour open for every boat. Nobody else writes it so.'

const bytes = tinyModel({ type: 'F32', seed: 1 })
const gguf = await readGguf({ bytes: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) })
const desk = new AttributionDesk(gguf, { model: { name: 'tiny', sha256: '11'.repeat(32) }, adapters: [] })
for (const [id, text] of [
  ['7', SPEECH],
  ['8', OTHER],
] as const) {
  const facts = { author: 'Ada Keeper', licence: 'CC0-1.0', title: 'On harbours', year: null }
  const tokens = desk.shelf.tokens(text)
  const contribution = {
    ...{ datanet: BigInt(id), index: 0, author: `0x${'ab'.repeat(20)}` as const, root: contributionRoot([{ tokens, facts }]) },
    ...{ documents: 1, tokens: tokens.length, licence: nameHash(facts.licence), daCommitmentHash: ZERO_HASH, order: 1 },
  }
  desk.shelf.addContributions(id, [{ contribution, documents: [{ text, facts }] }])
}
const vocabulary = vocabularyMark((text) => desk.tokenizer.encode(text))
const encode = (text: string) => desk.tokenizer.encode(text)

const open: MessagePort[] = []
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

/** The desk behind a port, as the gpu worker asks it. */
function served(asked = { times: 0 }): DraftSource {
  const { port1, port2 } = new MessageChannel()
  open.push(port1, port2)
  const source: DraftSource = {
    async continuation(...about) {
      asked.times++
      return desk.continuation(...about)
    },
  }
  expose(source, port1)
  return wrap<DraftSource>(port2).api
}

/** An answer that recites `text` after `prompt`. @returns passes of the model and what was guessed */
async function recite(text: readonly number[], prompt: readonly number[], ask: Continue) {
  let fed = 0
  let ahead = 0
  const truth = [...prompt, ...text]
  const sequence = { adapter: '', tokens: [...prompt], pages: [] }
  let asked: Promise<unknown> = Promise.resolve()
  const heard: Continue = (...about) => {
    const answer = ask(...about)
    asked = answer
    return answer
  }
  // A pass takes longer than a message between two workers.
  const pass = async () => {
    await asked
    fed++
  }
  const speculation = new Speculation({
    ...{ sequence, proposer: new DatanetProposer(heard), prompt, contextTokens: 100_000, now: () => fed * 10 },
    sampler: { draw: () => greedy, foresees: true },
    runner: {
      async step({ token, more }) {
        sequence.tokens.push(token)
        if (more) ahead++
        await pass()
        return { id: truth[sequence.tokens.length]! }
      },
      async guess(_, token, guesses) {
        sequence.tokens.push(token)
        await pass()
        const at = sequence.tokens.length
        const wrong = guesses.findIndex((guess, i) => guess !== truth[at + i])
        const right = wrong < 0 ? guesses.length : wrong
        sequence.tokens.push(...guesses.slice(0, right))
        return Array.from({ length: right + 1 }, (_, i) => ({ id: truth[at + i]! }))
      },
    },
  })
  let token = text[0]!
  const said = [token]
  while (said.length < text.length) {
    token = (await speculation.step(token, text.length - said.length)).id
    said.push(token)
  }
  expect(said).toEqual(text)
  return { fed, ahead, ...speculation.counts }
}

describe('guesses of a datanet', () => {
  it('carry an answer on where the prompt has nothing', async () => {
    const source = served()
    const ask: Continue = (tokens, most) => source.continuation(vocabulary, tokens, ['7'], most)
    const text = encode(SPEECH)
    const alone = await recite(text, encode('Say it.'), async () => ({ matched: 0, tokens: [] }))
    expect(alone.accepted).toBe(0)
    const drafted = await recite(text, encode('Say it.'), ask)
    expect(drafted.accepted / drafted.drafted).toBeGreaterThan(0.9)
    expect(drafted.fed).toBeLessThan(alone.fed / 4)
  })

  it('follow the chosen datanets only, and only in their own vocabulary', async () => {
    const source = served()
    const end = encode('We hold the harbour open for every')
    const goesOn = async (...[vocabulary, datanets]: [string, string[]]) => {
      const { tokens } = await source.continuation(vocabulary, end, datanets, 8)
      return desk.tokenizer.decode(tokens)
    }
    expect(SPEECH).toContain(`every${await goesOn(vocabulary, ['7'])}`)
    expect(OTHER).toContain(`every${await goesOn(vocabulary, ['8'])}`)
    expect(await goesOn(vocabulary, [])).toBe('')
    expect(await goesOn(vocabulary, ['unknown'])).toBe('')
    expect(await goesOn('1,2,3', ['7'])).toBe('')
  })

  it('come after those of the prompt', async () => {
    const asked = { times: 0 }
    const source = served(asked)
    const proposer = new DatanetProposer((tokens, most) => source.continuation(vocabulary, tokens, ['7'], most))
    const said = encode(SPEECH)
    expect(proposer.propose([...said, 1, ...said.slice(0, 20)], 5, 4)).toEqual(said.slice(20, 25))
    expect(asked.times).toBe(0)
  })

  it('are dropped when the answer takes another way, and asked for again', async () => {
    const said = encode(SPEECH)
    const ends: number[][] = []
    const proposer = new DatanetProposer(async (tokens, most) => {
      ends.push(tokens)
      return desk.continuation(vocabulary, tokens, ['7'], most)
    })
    const later = () => new Promise((resolve) => setTimeout(resolve))
    expect(proposer.propose(said.slice(0, 20), 5, 4)).toEqual([])
    await later()
    expect(proposer.propose(said.slice(0, 22), 5, 4)).toEqual(said.slice(22, 27))
    expect(proposer.propose([...said.slice(0, 22), 9], 5, 4)).toEqual([])
    await later()
    expect(ends).toHaveLength(2)
    expect(proposer.propose([...said.slice(0, 22), 9, ...said.slice(30, 33)], 5, 4)).toEqual([])
  })

  it('never come from an end that is too short, a worker that fails or one that is silent', async () => {
    const short = new DatanetProposer(async () => ({ matched: 5, tokens: [5, 6] }))
    const broken = new DatanetProposer(() => Promise.reject(new Error('gone')))
    const silent = new DatanetProposer(() => new Promise(() => {}))
    const enough = new DatanetProposer(async () => ({ matched: 6, tokens: [5, 6] }))
    expect(enough.propose([1, 2, 3], 3, 4)).toEqual([])
    await new Promise((resolve) => setTimeout(resolve))
    expect(enough.propose([1, 2, 3], 3, 4)).toEqual([5, 6])
    for (const proposer of [short, broken, silent]) {
      for (let i = 0; i < 3; i++) {
        expect(proposer.propose([1, 2, 3], 3, 4)).toEqual([])
        await new Promise((resolve) => setTimeout(resolve))
      }
    }
  })
})

it('an answer that no datanet holds makes no pass with guesses, and its steps run ahead', async () => {
  const asked = { times: 0 }
  const source = served(asked)
  const text = Array.from({ length: 200 }, (_, i) => 3 + ((i * i * 7 + i) % 251))
  const plain = await recite(text, [1], (tokens, most) => source.continuation(vocabulary, tokens, ['7', '8'], most))
  expect(plain).toMatchObject({ fed: 199, passes: 0 })
  expect(plain.ahead).toBeGreaterThan(190)
  expect(asked.times).toBeGreaterThan(100)
})
