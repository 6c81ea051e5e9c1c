// What an account was paid for its words, batch by batch, from proven slots alone: no log is believed or needed. Not what it may
// still be paid: that stands in batches whose window is open.
// Invariant: the sum of what is listed and of `earlier` is `Payouts.totalPaid`, itself proven; a node can hide nothing.
import type { Hex } from '../attribution/types.ts'
import { OpenChatError } from '../errors.ts'
import type { Proven } from './light-client/client.ts'
import type { ContractState } from './light-client/contract-state.ts'

export interface Earning {
  batch: number
  wei: bigint
  /** When the batch was posted, block time, s. */
  at: number
}

export interface Earnings {
  /** Newest first. */
  list: Earning[]
  /** wei, ever. */
  total: bigint
  /** wei of batches before the ones that were looked at. */
  earlier: bigint
}

/** Batches looked at, newest first, and how many slots one proof is asked for. */
const MOST_BATCHES = 2_000
const SLOTS_A_PROOF = 100

type EarningState = Pick<ContractState, 'pin' | 'batchCount' | 'claimedOf' | 'batch' | 'totalPaid'>

/** @throws `rpc_lied` where the slots do not add up, and what the light client throws */
export async function readEarnings(state: EarningState, account: Hex, signal?: AbortSignal): Promise<Proven<Earnings>> {
  const pinned = await state.pin(signal)
  const paid = await state.totalPaid(pinned, account)
  const count = (await state.batchCount(pinned)).value
  const list: Earning[] = []
  let left = paid.value
  const last = Math.max(1, count - MOST_BATCHES + 1)
  for (let top = count; top >= last && left > 0n; top -= SLOTS_A_PROOF) {
    const batches = Array.from({ length: Math.min(SLOTS_A_PROOF, top - last + 1) }, (_, i) => top - i)
    const claims = await state.claimedOf(pinned, batches, account, signal)
    for (const [i, { value: wei }] of claims.entries()) {
      if (wei === 0n) continue
      const { postedAt } = (await state.batch(pinned, batches[i]!)).value
      list.push({ batch: batches[i]!, wei, at: postedAt })
      left -= wei
    }
  }
  if (left < 0n) throw new OpenChatError('rpc_lied', `The payments of ${account} exceed what the chain says it was paid in all.`)
  return { ...paid, value: { list, total: paid.value, earlier: left } }
}
