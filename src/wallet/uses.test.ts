import { type Abi, encodeAbiParameters, encodeEventTopics } from 'viem'
import { describe, expect, it } from 'vitest'
import { bundleBytes } from '../../devnet/batch-bundle.ts'
import type { CheckedForm } from '../../devnet/receipt-form.ts'
import { AUTHORS, payerNamed, signedReceipt } from '../../devnet/receipts.testing.ts'
import { decodeContent } from '../attribution/receipt-codec.ts'
import { aggregateShares, batchLines, linesTree } from '../attribution/receipt-shares.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex, uintWord, utf8 } from '../attribution/words.ts'
import { attributionsAbi } from './contracts.generated.ts'
import { keccakCommitment } from './data-availability.ts'
import type { DatanetHistory, ListedContribution } from './datanet-journal.ts'
import type { PinnedHeader } from './light-client/client.ts'
import type { BatchState } from './light-client/contract-state.ts'
import { createUses } from './uses.ts'

const contract: Hex = `0x${'c0'.repeat(20)}`
const head: Hex = `0x${'11'.repeat(32)}`
const whole = new AbortController().signal
const proven = <T>(value: T) => ({
  value,
  assurance: 'pinned' as const,
  anchor: { block: 5n, hash: head, timestamp: 9n, hosts: ['node'] },
})

async function receipts(): Promise<CheckedForm[]> {
  const forms = await Promise.all([
    signedReceipt({ payer: payerNamed('x'), nonce: 1n, contract, head }),
    signedReceipt({ payer: payerNamed('x'), nonce: 2n, contract, head, document: 4 }),
  ])
  return forms.map((form) => {
    const { spans, commons } = decodeContent(fromHex(form.content))
    const author = AUTHORS[spans[0]!.document < 3 ? 0 : 1]
    const payments = [
      ...spans.map(({ amount }) => ({ account: author, amount })),
      { account: `0x${'cc'.repeat(20)}` as Hex, amount: commons },
    ]
    return { ...form, shares: aggregateShares(payments) }
  })
}

/** One batch of two receipts, as chain, node and DA tell of it; each may be made to lie. */
async function world(change: { bytes?: (text: string) => string; commitment?: Hex; claimed?: bigint } = {}) {
  const forms = await receipts()
  const honest = bundleBytes(forms)
  const bytes = utf8((change.bytes ?? ((text) => text))(new TextDecoder().decode(honest)))
  const commitment = keccakCommitment(honest)
  const { root: linesRoot, count: lineCount } = linesTree(batchLines(forms))
  const batch = { status: 'posted', postedAt: 77, linesRoot, lineCount, daCommitmentHash: toHex(keccak(fromHex(commitment))) } as BatchState
  let fetched = 0
  const contributions = AUTHORS.map((author, index) => ({ index, author, documents: 3 - index }) as ListedContribution)
  const uses = createUses({
    state: {
      addresses: { wopen: contract, datanets: contract, attributions: contract, payouts: contract },
      pin: async () => ({ number: 5n }) as PinnedHeader,
      batchCount: async () => proven(1),
      batch: async () => proven(batch),
      claimedOf: async () => [proven(change.claimed ?? 0n)],
    },
    rpc: {
      host: 'node',
      request: async () => [batchPosted(change.commitment ?? commitment)],
    },
    availability: {
      get: async () => {
        fetched++
        return bytes
      },
    },
    datanets: { list: async () => proven([{ id: 1n, contributions } as unknown as DatanetHistory]) },
  })
  return { uses, forms, fetched: () => fetched }
}

/** The event as a node serves it; what is not read here is zero. */
function batchPosted(daCommitment: Hex) {
  const event = attributionsAbi.find((item) => item.type === 'event' && item.name === 'BatchPosted')!
  const inputs = 'inputs' in event ? event.inputs.filter((input) => !('indexed' in input && input.indexed)) : []
  const zero = (type: string): unknown =>
    type === 'bytes' ? daCommitment : type === 'bytes32' ? head : type.startsWith('uint') ? 0n : contract
  const data = encodeAbiParameters(
    inputs,
    inputs.map(({ type }) => zero(type)),
  )
  const [topic] = encodeEventTopics({ abi: attributionsAbi as Abi, eventName: 'BatchPosted' })
  return { topics: [topic, toHex(uintWord(1)), toHex(uintWord(BigInt(contract)))], data }
}

describe('uses of an account’s words', () => {
  it('are told by receipt and contribution, on the way until they are paid, and a batch is fetched once', async () => {
    const { uses, forms, fetched } = await world()
    const { value } = await uses.of(AUTHORS[0], whole)
    const amount = forms[0]!.shares.find(({ account }) => account === AUTHORS[0])!.amount
    expect(value).toEqual({
      list: [
        {
          receiptId: forms[0]!.id,
          batch: 1,
          at: 77,
          datanet: 1n,
          contribution: 0,
          quotes: 1,
          tokens: expect.any(Number),
          amount,
          paid: false,
        },
      ],
      unread: [],
    })
    expect((await uses.of(AUTHORS[1], whole)).value.list).toMatchObject([{ receiptId: forms[1]!.id, contribution: 1 }])
    expect(fetched()).toBe(1)
    expect((await (await world({ claimed: 5n })).uses.of(AUTHORS[0], whole)).value.list).toMatchObject([{ paid: true }])
  })

  it('of an account that contributed nothing are none, without a batch being read', async () => {
    const { uses, fetched } = await world()
    expect((await uses.of(contract, whole)).value).toEqual({ list: [], unread: [] })
    expect(fetched()).toBe(0)
  })

  it.each<[string, Parameters<typeof world>[0], string]>([
    ['another share', { bytes: (text) => text.replace(/"amount":"(\d)/, '"amount":"9$1') }, 'bundle_invalid'],
    [
      'a receipt left out',
      { bytes: (text) => JSON.stringify({ ...JSON.parse(text), receipts: JSON.parse(text).receipts.slice(1) }) },
      'bundle_invalid',
    ],
    ['another content', { bytes: (text) => text.replace(/"content":"0x01/g, '"content":"0x02') }, 'bundle_invalid'],
    ['no JSON', { bytes: () => '{' }, 'bundle_invalid'],
    ['another publication', { commitment: keccakCommitment(Uint8Array.of(1)) }, 'rpc_lied'],
  ])('are not told from a batch with %s; that it could not be read is', async (_, change, code) => {
    const { uses } = await world(change)
    const { value } = await uses.of(AUTHORS[0], whole)
    expect(value.list).toEqual([])
    expect(value.unread).toMatchObject([{ batch: 1, error: { code } }])
  })
})
