// One round of a validator: post what waits, finalise what is due, push the payments of what is final. Not a server.
// Invariants: a round may die anywhere and the next one does the rest, because each step asks the chain what is done:
// `batchOf` for receipts, the batch's status for finality, `claimed` for payments. A batch is published before it is posted.
// Everything about a posted batch is read back from DA, so a restarted validator and a stranger know the same.
import type { Hex } from 'viem'
import { receiptId } from '../src/attribution/receipt.ts'
import type { Line } from '../src/attribution/receipt-shares.ts'

import { asOpenChatError, type OpenChatError } from '../src/errors.ts'
import { attributionsAbi, payoutsAbi } from '../src/wallet/contracts.generated.ts'
import type { DataAvailability } from '../src/wallet/data-availability.ts'
import { type BatchContents, bundleBytes, contentsOf, openBundle } from './batch-bundle.ts'
import type { Sender } from './chain.ts'
import type { BatchView, ChainView } from './chain-view.ts'
import { BOND, type DevnetAddresses } from './deploy.ts'
import type { CheckedForm } from './receipt-form.ts'
import type { ReceiptStore } from './receipt-store.ts'

const MAX_RECEIPTS = 256

export interface SettlementContext {
  chain: ChainView
  sender: Sender
  store: ReceiptStore
  da: DataAvailability
  addresses: DevnetAddresses
}

export interface Settlement {
  /** Posts, finalises, pays. @throws what DA or the chain refused; a later round tries again */
  round(): Promise<void>
  /** Whether every batch known is final and paid, and nothing waits. */
  idle(): boolean
  contents(batch: number, view: BatchView): Promise<BatchContents>
}

export function createSettlement({ chain, sender, store, da, addresses }: SettlementContext): Settlement {
  const posted = new Set<Hex>()
  const settled = new Set<number>()
  const known = new Map<number, BatchContents>()
  let looked = 0
  let waiting = false

  async function contents(batch: number, view: BatchView): Promise<BatchContents> {
    const cached = known.get(batch)
    if (cached) return cached
    const opened = openBundle(await da.get(await chain.daCommitment(batch)), view)
    known.set(batch, opened)
    return opened
  }

  /** Receipts that are in no batch and whose payers can pay for them all. */
  async function payable(): Promise<CheckedForm[]> {
    const chosen: CheckedForm[] = []
    const spent = new Map<Hex, bigint>()
    for (const form of store.all()) {
      if (posted.has(form.id) || chosen.length === MAX_RECEIPTS) continue
      if ((await chain.batchOf(form.id)) !== 0) {
        posted.add(form.id)
        continue
      }
      const { payer, fee, nonce } = form.header
      const before = spent.get(payer) ?? 0n
      const doubled = chosen.some(({ header }) => header.payer === payer && header.nonce === nonce)
      if (doubled || !(await chain.payable({ ...form.header, fee: fee + before }))) continue
      spent.set(payer, before + fee)
      chosen.push(form)
    }
    return chosen
  }

  async function post(): Promise<void> {
    const receipts = await payable()
    if (receipts.length === 0) return
    const bytes = bundleBytes(receipts)
    const daCommitment = await da.put(bytes)
    const { tree } = contentsOf(receipts)
    const args = [receipts.map(({ header }) => header), receipts.map(({ signature }) => signature), tree.root, tree.count, daCommitment]
    await sender.call({ address: addresses.attributions, abi: attributionsAbi, functionName: 'post', args, value: BOND })
    for (const { id } of receipts) posted.add(id)
  }

  async function settle(batch: number, now: number): Promise<void> {
    let view = await chain.batch(batch)
    if (view.status === 'posted' && now >= view.windowEnd && view.openDemands === 0) {
      await sender.call({ address: addresses.attributions, abi: attributionsAbi, functionName: 'finalise', args: [BigInt(batch)] })
      view = { ...view, status: 'final' }
    }
    if (view.status === 'cancelled') {
      await takeBack(batch)
      settled.add(batch)
    }
    if (view.status !== 'final') return
    const due = await unclaimed(batch, await contents(batch, view))
    if (due.length > 0) {
      await sender.call({ address: addresses.payouts, abi: payoutsAbi, functionName: 'claimMany', args: [BigInt(batch), due] })
    }
    settled.add(batch)
  }

  /** A refuted batch: its fees go back to the payers, and our own receipts wait again. From events: its bundle may be a lie. */
  async function takeBack(batch: number): Promise<void> {
    const headers = await chain.headersOf(batch)
    const held = await Promise.all(headers.map((header) => chain.batchOf(receiptId(header))))
    const due = headers.filter((_, i) => held[i] === batch)
    if (due.length > 0) {
      await sender.call({ address: addresses.attributions, abi: attributionsAbi, functionName: 'refund', args: [BigInt(batch), due] })
    }
    for (const header of headers) posted.delete(receiptId(header))
  }

  /** The last line of every account that has not been paid all of it. */
  async function unclaimed(batch: number, { lines, tree }: BatchContents) {
    const due: { index: bigint; line: Line; proof: Hex[] }[] = []
    for (const [i, line] of lines.entries()) {
      if (lines[i + 1]?.account === line.account) continue
      if ((await chain.claimed(batch, line.account)) < line.runningTotal) due.push({ index: BigInt(i), line, proof: tree.proof(i) })
    }
    return due
  }

  return {
    contents,
    idle: () => !waiting && settled.size === looked,
    async round() {
      waiting = store.all().some(({ id }) => !posted.has(id))
      const failures: OpenChatError[] = []
      await post().catch((error: unknown) => failures.push(asOpenChatError(error)))
      looked = await chain.batchCount()
      const now = await chain.now()
      for (let batch = 1; batch <= looked; batch++) {
        if (!settled.has(batch)) await settle(batch, now).catch((error: unknown) => failures.push(asOpenChatError(error)))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
