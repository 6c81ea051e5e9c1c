import { describe, expect, it } from 'vitest'
import { receiptId, typedDataDigest } from '../attribution/receipt.ts'
import type { Hex } from '../attribution/types.ts'
import type { ReceiptDraft } from '../chat/ports.ts'
import { memoryRecords } from '../storage/records.ts'
import { openBurner } from './burner.ts'
import { chainValues, recoverSigner } from './chain-values.ts'
import { createLedger, type LedgerPorts } from './ledger.ts'
import type { PinnedHeader, Proven } from './light-client/client.ts'
import type { BatchState } from './light-client/contract-state.ts'
import { createValidatorClient, headerOf, receiptJson } from './validator-client.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const address: Hex = '0x5fbdb2315678afecb367f032d93f642f64180aa3'
const addresses = { wopen: address, datanets: address, attributions: address, payouts: address }
const settings = { chainId: 42069, deployment: 'a', addresses, faucetUrl: 'http://faucet/fund' }
const draft: ReceiptDraft = {
  content: Uint8Array.of(1, 2),
  contentHash: hash('ab'),
  sharesRoot: hash('cd'),
  shareCount: 2,
  fee: 9n,
  salt: hash('01'),
}
const pinned: PinnedHeader = {
  hash: hash('11'),
  parentHash: hash('12'),
  stateRoot: hash('13'),
  number: 5n,
  timestamp: 9n,
  chainId: 42069,
  hosts: ['node'],
}
const proven = <T>(value: T): Proven<T> => ({
  value,
  assurance: 'pinned',
  anchor: { block: 5n, hash: pinned.hash, timestamp: 9n, hosts: ['node'] },
})

const batch = { status: 'posted', windowEnd: 77, total: 9n, lineCount: 2, linesRoot: hash('ee') } as BatchState

function chain(held: { batchOf: number; batch: BatchState; paid: bigint }) {
  return {
    pin: async () => pinned,
    batchOf: async () => proven(held.batchOf),
    batch: async () => proven(held.batch),
    paid: async () => proven(held.paid),
    parametersHash: async () => proven(hash('aa')),
    headAt: async () => proven(hash('bb')),
  }
}

const unused = () => Promise.reject(new Error('not to be called'))

async function ledgerOver(held = { batchOf: 0, batch, paid: 0n }, records = memoryRecords()) {
  const ports: LedgerPorts = {
    burner: await openBurner(records),
    records,
    settings,
    state: chain(held),
    validators: { deliver: unused, lookUp: unused },
    deposits: {
      read: unused,
      money: unused,
      fund: unused,
      add: unused,
      ensure: unused,
      topUp: unused,
      requestWithdrawal: unused,
      withdraw: unused,
      sweep: unused,
    },
  }
  return createLedger(ports)
}

describe('ledger', () => {
  it('signs receipts that their id and digest agree with', async () => {
    const ledger = await ledgerOver()
    const receipt = await ledger.sign(draft, 3n)
    const header = headerOf(receipt)
    expect(receipt.id).toBe(receiptId(header))
    const digest = typedDataDigest(header, { chainId: 42069n, contract: address })
    expect(await recoverSigner(digest, receipt.signature)).toBe(await ledger.payer())
    await expect(ledger.sign({ ...draft, fee: 0n }, 4n)).rejects.toMatchObject({ code: 'receipt_invalid' })
  })

  it('hands each nonce out once, also to two tabs and after a restart', async () => {
    const records = memoryRecords()
    const tabs = [await ledgerOver(undefined, records), await ledgerOver(undefined, records)]
    const nonces = await Promise.all([...tabs, ...tabs].map((tab) => tab.nonce()))
    nonces.push(await (await ledgerOver(undefined, records)).nonce())
    expect(new Set(nonces).size).toBe(5)
    expect(nonces.every((nonce) => nonce > 0n)).toBe(true)
  })

  it.each([
    ['in no batch', { batchOf: 0, batch, paid: 0n }, null],
    ['posted', { batchOf: 4, batch, paid: 0n }, { state: 'posted', batch: 4, finalAt: 77 }],
    ['final', { batchOf: 4, batch: { ...batch, status: 'final' as const }, paid: 8n }, { state: 'final', batch: 4 }],
    ['paid', { batchOf: 4, batch: { ...batch, status: 'final' as const }, paid: 9n }, { state: 'paid', batch: 4 }],
    [
      'refuted',
      { batchOf: 4, batch: { ...batch, status: 'cancelled' as const }, paid: 0n },
      { state: 'refused', reason: expect.stringContaining('Batch 4') },
    ],
  ])('says from proven slots that a receipt is %s', async (_, held, state) => {
    const found = await (await ledgerOver(held)).status(hash('77'))
    expect(found?.value ?? null).toEqual(state)
    if (found) expect(found).toMatchObject({ assurance: 'pinned', anchor: { block: 5n } })
  })
})

describe('validator client', () => {
  const replies = (answers: Record<string, { status: number; body: unknown } | 'dead'>) => {
    const asked: string[] = []
    const fetch = (async (url: string, init?: RequestInit) => {
      asked.push(`${init?.method ?? 'GET'} ${url}`)
      const answer = answers[new URL(url).host]
      if (answer === 'dead') throw new TypeError('fetch failed')
      return new Response(JSON.stringify(answer.body), { status: answer.status })
    }) as typeof globalThis.fetch
    return {
      asked,
      client: createValidatorClient(
        Object.keys(answers).map((host) => `http://${host}/`),
        fetch,
      ),
    }
  }
  const error = (code: string, shortMessage: string, meta = {}) => ({ error: { code, shortMessage, meta } })

  it('hands a receipt to the first that takes it', async () => {
    const receipt = await (await ledgerOver()).sign(draft, 3n)
    const { client, asked } = replies({
      a: 'dead',
      b: { status: 500, body: {} },
      c: { status: 202, body: {} },
      d: { status: 202, body: {} },
    })
    expect(await client.deliver(receipt)).toEqual({ outcome: 'taken', host: 'c' })
    expect(asked).toEqual(['POST http://a/receipts', 'POST http://b/receipts', 'POST http://c/receipts'])
    expect(JSON.parse(receiptJson(receipt))).toMatchObject({
      content: '0x0102',
      header: { nonce: '3', fee: '9', shareCount: 2, channel: hash('00') },
    })
  })

  it('tells no money from no, and no from nobody there', async () => {
    const receipt = await (await ledgerOver()).sign(draft, 3n)
    const no = { status: 422, body: error('receipt_refused', 'The nonce is taken.', { reason: 'nonce' }) }
    const poor = { status: 402, body: error('deposit_insufficient', 'Too little.') }
    const full = { status: 422, body: error('receipt_refused', 'Full.', { reason: 'full' }) }
    expect(await replies({ a: no }).client.deliver(receipt)).toEqual({ outcome: 'refused', reason: 'The nonce is taken.' })
    expect(await replies({ a: no, b: poor }).client.deliver(receipt)).toEqual({ outcome: 'unfunded' })
    for (const answers of [{ a: 'dead' as const }, { a: full }, {}]) {
      await expect(replies(answers).client.deliver(receipt)).rejects.toMatchObject({ code: 'validator_unreachable' })
    }
    expect(await replies({ a: { status: 404, body: error('not_found', 'No.') } }).client.lookUp(hash('77'))).toBeNull()
  })
})

describe('chain values of a verification', () => {
  const line = { index: 1, account: address, receiptId: hash('77'), amount: '4', runningTotal: '9', proof: [hash('01')] }
  const values = (held: { batchOf: number; batch: BatchState }, told: unknown) =>
    chainValues(chain({ ...held, paid: 0n }), { lookUp: async () => told })

  it('carry the label of what they rest on', async () => {
    const found = await values({ batchOf: 4, batch }, null).batchOf(hash('77'))
    expect(found).toMatchObject({
      value: { batch: 4, lineCount: 2 },
      assurance: { level: 'pinned', label: expect.stringContaining('block 5, as served by node') },
    })
    expect((await values({ batchOf: 0, batch }, null).batchOf(hash('77'))).value).toBeNull()
    expect((await values({ batchOf: 4, batch: { ...batch, status: 'cancelled' } }, null).batchOf(hash('77'))).value).toBeNull()
  })

  it('take a line as told, and none that is malformed or of another batch', async () => {
    const of = (told: unknown) => values({ batchOf: 4, batch }, told).lineOf(4, address, hash('77'))
    expect(await of({ batch: 4, lines: [line] })).toMatchObject({ index: 1, line: { amount: 4n, runningTotal: 9n } })
    for (const told of [
      null,
      { batch: 5, lines: [line] },
      { batch: 4 },
      { batch: 4, lines: [{ ...line, amount: -1 }] },
      { batch: 4, lines: [{ ...line, proof: ['x'] }] },
    ]) {
      expect(await of(told)).toBeNull()
    }
  })
})
