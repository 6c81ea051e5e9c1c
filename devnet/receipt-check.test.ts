// Each check of a validator refuses what it is for, and names itself; a true receipt passes with the shares it commits to.
import { describe, expect, it } from 'vitest'
import { nameHash } from '../src/attribution/contributions.ts'
import { parametersHash } from '../src/attribution/parameters.ts'
import type { Hex } from '../src/attribution/types.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import type { ChainView } from './chain-view.ts'
import { type CheckContext, checkReceipt } from './receipt-check.ts'
import { formText, parseSigned } from './receipt-form.ts'
import { AUTHORS, PARAMETERS, payerNamed, type ReceiptPlan, SEED, signedReceipt } from './receipts.testing.ts'

const contract: Hex = '0x00000000000000000000000000000000000000c0'
const head = nameHash('head')
const payer = payerNamed('payer')
const plan = (changed: Partial<ReceiptPlan> = {}): ReceiptPlan => ({ payer, nonce: 1n, contract, head, ...changed })

const absent = () => Promise.reject(new Error('not asked in this test'))
const chain: ChainView = {
  parametersHash: async () => parametersHash(PARAMETERS),
  contributions: async (datanet, n, commitment) =>
    datanet === 1n && n === 2 && commitment === head
      ? SEED.contributions.map((made, index) => ({
          ...made,
          datanet,
          index,
          author: made.account,
          licence: nameHash(made.licence),
          daCommitmentHash: ZERO_HASH,
          order: index + 1,
        }))
      : null,
  deposit: async () => PARAMETERS.fee,
  receiptAt: async () => null,
  batchOf: absent,
  batch: absent,
  batchCount: absent,
  daCommitment: absent,
  headersOf: absent,
  claimed: absent,
  now: absent,
  payable: absent,
}
const context: CheckContext = { domain: { chainId: 42069n, contract }, chain, parameters: PARAMETERS }
const check = async (changed: Partial<ReceiptPlan> = {}, other: Partial<CheckContext> = {}) =>
  checkReceipt(parseSigned(JSON.parse(formText(await signedReceipt(plan(changed))))), { ...context, ...other })
const span = {
  start: 4,
  length: 12,
  index: 0,
  document: 0,
  position: 20,
  count: 1,
  surprisal: 100n * 65_536n,
  amount: (PARAMETERS.fee * 2n) / 5n,
}

describe('a true receipt', () => {
  it.each([
    [0, AUTHORS[0]],
    [2, AUTHORS[0]],
    [3, AUTHORS[1]],
    [4, AUTHORS[1]],
  ])('pays the contributor of document %i', async (document, author) => {
    const { shares } = await check({ document })
    expect(shares).toHaveLength(2)
    expect(shares.find(({ account }) => account === author)?.amount).toBe((PARAMETERS.fee * 2n) / 5n)
    expect(shares.reduce((sum, { amount }) => sum + amount, 0n)).toBe(PARAMETERS.fee)
  })

  it('passes again when its nonce is taken by itself, deposit or not', async () => {
    const { id } = await check()
    const spent = { ...chain, receiptAt: async () => id, deposit: async () => 0n }
    expect((await check({}, { chain: spent })).id).toBe(id)
  })
})

const refusals: [string, Partial<ReceiptPlan>, Partial<CheckContext>?][] = [
  ['chain', { content: { chainId: 10n } }],
  ['chain', { content: { contract: '0x00000000000000000000000000000000000000c1' } }],
  ['header', { header: { nonce: 2n } }],
  ['header', { header: { fee: 5n } }],
  ['header', { header: { payer: AUTHORS[0] } }],
  ['channel', { content: { channel: head } }],
  ['signature', { content: { payer: AUTHORS[0] } }],
  ['parameters', { content: { parametersHash: head } }],
  ['parameters', {}, { parameters: { ...PARAMETERS, maxCount: 3 } }],
  ['fee', { content: { fee: PARAMETERS.fee * 2n } }],
  ['index', { head: nameHash('another head') }],
  ['index', { content: { indexes: [{ datanet: 1n, commitment: head, contributions: 1 }] } }],
  ['span', { content: { spans: [{ ...span, length: 7 }] } }],
  ['span', { content: { spans: [{ ...span, count: 65 }] } }],
  ['span', { content: { spans: [{ ...span, count: 0 }] } }],
  ['span', { content: { spans: [{ ...span, surprisal: 57n * 65_536n }] } }],
  ['eligible', { content: { retrieved: [] } }],
  ['amounts', { content: { spans: [{ ...span, amount: span.amount + 1n }], commons: PARAMETERS.fee - span.amount - 1n } }],
  ['amounts', { content: { totalSurprisal: 99n * 65_536n } }],
  ['corpus', {}, { corpus: async () => 'Paid span 0 does not stand there.' }],
  ['document', { document: 5 }],
  ['shares', { header: { sharesRoot: head } }],
  ['shares', { header: { shareCount: 3 } }],
  ['nonce', {}, { chain: { ...chain, receiptAt: async () => head } }],
]

it.each(refusals)('refuses for %s: %o', async (reason, changed, other) => {
  await expect(check(changed, other)).rejects.toMatchObject({ code: 'receipt_refused', meta: { reason } })
})

it('asks for a deposit that covers the fee', async () => {
  const chainView = { ...chain, deposit: async () => PARAMETERS.fee - 1n }
  await expect(check({}, { chain: chainView })).rejects.toMatchObject({ code: 'deposit_insufficient' })
})

it('refuses content that the header does not commit to, whichever byte was changed', async () => {
  const form = await signedReceipt(plan())
  for (let byte = 2; byte < form.content.length; byte += 40) {
    const changed =
      form.content.slice(0, byte) + ((Number.parseInt(form.content[byte], 16) + 1) % 16).toString(16) + form.content.slice(byte + 1)
    await expect(checkReceipt({ ...form, content: changed as Hex }, context)).rejects.toMatchObject({ code: 'receipt_invalid' })
  }
})

it.each([
  [{}],
  [{ header: 1 }],
  [null],
  [{ header: { nonce: '01' } }],
  [{ header: { nonce: '-1' } }],
  [{ header: { nonce: '18446744073709551616' } }],
])('names the field of a malformed form: %o', async (changed) => {
  const text = JSON.parse(formText(await signedReceipt(plan()))) as { header: object }
  const value =
    changed && 'header' in changed && typeof changed.header === 'object'
      ? { ...text, header: { ...text.header, ...changed.header } }
      : changed
  expect(() => parseSigned(value)).toThrow(expect.objectContaining({ code: 'receipt_invalid' }))
})
