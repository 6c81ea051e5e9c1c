import { beforeEach, describe, expect, it } from 'vitest'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { type Contribution, contributionRoot, nameHash } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { verifyReceipt } from '../attribution/verify.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import type { FetchedContribution } from './attribution-api.ts'
import { AttributionDesk } from './attribution-desk.ts'

const BEES =
  'Bees find their way home by the sun. They tell each other by a dance where the flowers are. A hive in winter eats its honey slowly.'
const author: Hex = `0x${'ab'.repeat(20)}`
const facts = { author: 'Ada Keeper', licence: 'CC0-1.0', title: 'On bees', year: null }
const domain = { chainId: 42069n, contract: `0x${'c0'.repeat(20)}` as Hex }
const whole = new AbortController().signal

let desk: AttributionDesk

function contributionOf(text: string): FetchedContribution {
  const tokens = desk.shelf.tokens(text)
  const contribution: Contribution = {
    datanet: 5n,
    index: 0,
    author,
    root: contributionRoot([{ tokens, facts }]),
    documents: 1,
    tokens: tokens.length,
    licence: nameHash(facts.licence),
    daCommitmentHash: ZERO_HASH,
    order: 1,
  }
  return { contribution, documents: [{ text, facts }] }
}

beforeEach(async () => {
  const bytes = tinyModel({ type: 'F32', seed: 1 })
  const gguf = await readGguf({ bytes: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) })
  desk = new AttributionDesk(gguf, { model: { name: 'tiny', sha256: '11'.repeat(32) }, adapters: [] })
  desk.shelf.addContributions('5', [contributionOf(BEES)])
})

describe('a contributed text', () => {
  const quote = 'They tell each other by a dance where the flowers are.'
  const retrieved = async () => (await desk.retrieve('How do bees tell each other where flowers are?', ['5'], whole)).passages

  it('is retrieved for a question on it, at the tokens where it stands, and not for another', async () => {
    const [passage] = await retrieved()
    const tokens = desk.shelf
      .datanet('5')
      .tokensOf(0)
      .subarray(passage.start, passage.start + passage.length)
    expect(desk.tokenizer.decode([...tokens])).toBe(passage.text)
    expect(passage.entry.contributor).toBe(author)
    expect((await desk.retrieve('What is the capital of Japan?', ['5'], whole)).open).toBe(false)
  })

  it('credits its author for words taken from it, and nobody for words the visitor typed', async () => {
    const request = { answer: `From the record: ${quote}`, retrieved: await retrieved(), adapters: [], datanets: ['5'] }
    const taken = desk.trace({ ...request, prompt: 'Why?' })
    expect(taken.spans.map(({ from, to }) => request.answer.slice(from, to).trim())).toEqual([quote])
    expect(taken.shares.find(({ account }) => account === author)?.amount).toBeGreaterThan(taken.fee / 2n)
    const typed = desk.trace({ ...request, prompt: quote })
    expect(typed.spans).toEqual([])
    expect(typed.unpaid.map(({ reason }) => reason)).toContain('in_prompt')
  })

  it('is listed and not paid when it was neither retrieved nor learned from', async () => {
    const trace = desk.trace({ answer: quote, prompt: '', retrieved: [], adapters: [], datanets: ['5'] })
    expect(trace.spans).toEqual([])
    expect(trace.unpaid.map(({ reason }) => reason)).toEqual(['not_eligible'])
  })

  it('makes a receipt whose steps hold, chain and key aside', async () => {
    const request = { answer: `So: ${quote}`, prompt: 'Bees?', retrieved: await retrieved(), adapters: [], datanets: ['5'] }
    const payer: Hex = `0x${'de'.repeat(20)}`
    const draft = desk.draft({ ...request, trace: desk.trace(request), model: '11'.repeat(32), payer, nonce: 1n }, domain)
    const { contentHash, sharesRoot, shareCount, fee, content, salt } = draft
    const receipt = {
      header: { payer, channel: ZERO_HASH, nonce: 1n, content: contentHash, sharesRoot, shareCount, fee },
      content,
      signature: '0x' as Hex,
      owner: { answer: request.answer, prompt: request.prompt, salt },
    }
    expect(desk.needs(receipt, domain).accounts).toContain(author)
    const outcomes = new Map<string, string>()
    for await (const { id, status } of verifyReceipt(
      receipt,
      desk.verifyContext(domain, async () => payer, null),
    ))
      outcomes.set(id, status)
    expect([...outcomes].filter(([, status]) => status === 'failed')).toEqual([])
    expect(outcomes.get('spans')).toBe('ok')
    expect(outcomes.get('posted')).toBe('unknown')
  })

  it('is found again by an appraisal of the same words, with the root that was contributed', () => {
    const { root, duplicates } = desk.appraise([{ text: BEES, facts }])
    expect(duplicates).toMatchObject([{ of: 0, datanet: '5', title: 'On bees', share: 1 }])
    expect(root).toBe(desk.shelf.datanet('5').contributions[0].root)
  })

  it('is not retrieved once it is withdrawn, and is traced as before', async () => {
    const before = desk.trace({ answer: quote, prompt: '', retrieved: [], adapters: [], datanets: ['5'] })
    const head = desk.shelf.datanet('5').head()
    desk.shelf.setWithdrawn('5', [0])
    expect((await desk.retrieve('How do bees tell each other where flowers are?', ['5'], new AbortController().signal)).passages).toEqual(
      [],
    )
    expect(desk.shelf.offered('5')).toEqual([])
    expect(desk.trace({ answer: quote, prompt: '', retrieved: [], adapters: [], datanets: ['5'] })).toEqual(before)
    expect(desk.shelf.datanet('5').head()).toBe(head)
    desk.shelf.setWithdrawn('5', [])
    expect(
      (await desk.retrieve('How do bees tell each other where flowers are?', ['5'], new AbortController().signal)).passages,
    ).not.toEqual([])
  })
})

describe('marks while an answer streams', () => {
  it('end where the final spans end', async () => {
    const text = 'Indeed, they say: A hive in winter eats its honey slowly. So it is.'
    let marks: { from: number; to: number }[] = []
    for (let end = 1; end <= text.length; end++) marks = desk.live(text.slice(0, end), ['5'])
    expect(marks.map(({ from, to }) => text.slice(from, to).trim())).toEqual(['A hive in winter eats its honey slowly.'])
  })
})
