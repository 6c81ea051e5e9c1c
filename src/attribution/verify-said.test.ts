// A record of what was drawn: kept and read back whole, refused when it is broken, and judged against the receipt it is kept with.
import { beforeAll, describe, expect, it } from 'vitest'
import { parseReceiptFile, writeReceiptFile } from './receipt-file.ts'
import type { ReplayFindings, Utterance } from './types.ts'
import { parseUtterance } from './utterance.ts'
import { answerText, promptText, type SmallWorld, smallWorld } from './verify.testing.ts'
import type { OwnerReceipt } from './verify.ts'
import { judgeReplay, replayAsk } from './verify-said.ts'

const said: Utterance = {
  prompt: [1, 5, 9],
  drawn: [7, 8, 2],
  logprobs: [-0.5, -1.25, -0.00001],
  sampler: { temperature: 0.7, topP: 0.9, seed: 4_000_000_000, logitBias: { 12: -3 } },
  begin: 'In short:',
  stop: ['\n\n'],
}
const found: ReplayFindings = {
  ...{ said: true, tokens: 3, refused: 0, first: null, worstOff: 0.0001, tolerance: 0.005 },
  promptText: `<|im_start|>user\nSource: x\n\nQuestion: ${promptText}<|im_end|>\n<|im_start|>assistant\nIn short:`,
  text: answerText.slice('In short:'.length),
}

let world: SmallWorld
let receipt: OwnerReceipt
beforeAll(async () => {
  world = await smallWorld()
  receipt = { ...world.receipt, owner: { ...world.receipt.owner!, said } }
})

describe('the file', () => {
  it('keeps it, and nothing else changes', () => {
    expect(parseReceiptFile(writeReceiptFile(receipt))).toEqual(receipt)
  })

  it.each([
    ['a token that is none', { ...said, drawn: [7, 8.5, 2] }],
    ['a log probability too few', { ...said, logprobs: [-1] }],
    ['no seed', { ...said, sampler: { temperature: 1 } }],
    ['a setting of another kind', { ...said, sampler: { ...said.sampler, topK: '5' } }],
    ['no prompt', { ...said, prompt: undefined }],
  ])('refuses %s', (_, broken) => {
    expect(() => parseUtterance(broken)).toThrow(TypeError)
    const file = writeReceiptFile({ ...receipt, owner: { ...receipt.owner!, said: broken as Utterance } })
    expect(() => parseReceiptFile(file)).toThrow(expect.objectContaining({ code: 'receipt_invalid' }))
  })
})

describe('the judgement', () => {
  it('asks for the model and adapters that are signed', () => {
    expect(replayAsk(world.receipt)).toBeNull()
    const ask = replayAsk(receipt)!
    expect(ask.said).toEqual(said)
    expect(ask.adapters).toHaveLength(1)
  })

  it('says that nothing was recorded', () => {
    expect(judgeReplay(world.receipt, null)).toMatchObject({ status: 'unknown', detail: expect.stringContaining('Not recorded') })
  })

  it('accepts what the model says again, up to a stop string', () => {
    expect(judgeReplay(receipt, found).status).toBe('ok')
    expect(judgeReplay(receipt, { ...found, text: `${found.text}\n\nMore` }).status).toBe('ok')
  })

  it.each([
    ['other words', { text: `${found.text.slice(0, -1)}?` }],
    ['words beyond the answer', { text: `${found.text} And more.` }],
    ['another question', { promptText: 'Something else. In short:' }],
    ['another beginning', { promptText: `${promptText} At length:` }],
    ['a token it does not draw', { refused: 1, first: { at: 1, id: 8, rank: 3, gap: 0.4, reason: 'draw' as const } }],
    ['another log probability', { refused: 3, first: { at: 0, id: 7, rank: 0, gap: 0, reason: 'logprob' as const } }],
  ])('refuses %s', (_, change) => {
    expect(judgeReplay(receipt, { ...found, ...change }).status).toBe('failed')
  })
})
