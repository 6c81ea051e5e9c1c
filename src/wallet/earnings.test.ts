import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hex } from '../attribution/types.ts'
import { readEarnings } from './earnings.ts'
import type { PinnedHeader, Proven } from './light-client/client.ts'
import type { BatchState } from './light-client/contract-state.ts'

const account: Hex = `0x${'aa'.repeat(20)}`
const pinned = { number: 5n, timestamp: 9n } as PinnedHeader
const proven = <T>(value: T): Proven<T> => ({
  value,
  assurance: 'pinned',
  anchor: { block: 5n, hash: `0x${'11'.repeat(32)}`, timestamp: 9n, hosts: ['node'] },
})

/** Payments by batch, from batch 1; `total` where the chain says another sum than theirs. */
function stateOf(paid: bigint[], total = paid.reduce((a, b) => a + b, 0n)) {
  let slots = 0
  return {
    slots: () => slots,
    pin: async () => pinned,
    totalPaid: async () => proven(total),
    batchCount: async () => proven(paid.length),
    claimedOf: async (_: unknown, batches: readonly number[]) => {
      slots += batches.length
      return batches.map((batch) => proven(paid[batch - 1]!))
    },
    batch: async (_: unknown, batch: number) => proven({ postedAt: 1_000 + batch } as BatchState),
  }
}

describe('earnings', () => {
  it('list every payment, newest first, and sum to what the chain says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt({ min: 0n, max: 9n }), { maxLength: 330 }), async (paid) => {
        const { value, assurance } = await readEarnings(stateOf(paid), account)
        const expected = paid.flatMap((wei, i) => (wei > 0n ? [{ batch: i + 1, wei, at: 1_001 + i }] : [])).reverse()
        expect(value.list).toEqual(expected)
        expect(value.list.reduce((sum, { wei }) => sum + wei, value.earlier)).toBe(value.total)
        expect([value.earlier, assurance]).toEqual([0n, 'pinned'])
      }),
      { numRuns: 60 },
    )
  })

  it('stop looking once all is found', async () => {
    const state = stateOf([...Array<bigint>(900).fill(0n), 5n])
    await readEarnings(state, account)
    expect(state.slots()).toBe(100)
  })

  it('say how much lies before what was looked at, and refuse sums that cannot be', async () => {
    const { value } = await readEarnings(stateOf([7n, ...Array<bigint>(2000).fill(0n)], 7n), account)
    expect(value).toEqual({ list: [], total: 7n, earlier: 7n })
    await expect(readEarnings(stateOf([7n, 7n], 9n), account)).rejects.toMatchObject({ code: 'rpc_lied' })
  })
})
