import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryRecords } from '../storage/records.ts'
import { createBudget } from './budget.ts'

describe('budget a day', () => {
  it('counts without a limit, and frees the next day only', async () => {
    let day = '2026-11-21'
    const budget = createBudget(memoryRecords(), () => day)
    expect(await budget.reserve(5n)).toBe(true)
    expect(await budget.state()).toEqual({ limit: null, spent: 5n, left: null })
    expect(await budget.setLimit(7n)).toEqual({ limit: 7n, spent: 5n, left: 2n })
    expect(await budget.reserve(3n)).toBe(false)
    expect(await budget.reserve(2n)).toBe(true)
    // A clock an hour back over midnight must not give the day anew.
    day = '2026-11-20'
    expect(await budget.reserve(1n)).toBe(false)
    day = '2026-11-22'
    expect(await budget.state()).toEqual({ limit: 7n, spent: 0n, left: 7n })
    await budget.setLimit(null)
    expect(await budget.reserve(100n)).toBe(true)
  })

  it('never exceeds the limit between tabs, whatever is reserved and released', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: 0n, max: 50n }),
        fc.array(fc.tuple(fc.nat(2), fc.bigInt({ min: 1n, max: 20n })), { maxLength: 20 }),
        async (limit, deeds) => {
          const records = memoryRecords()
          const tabs = [0, 1, 2].map(() => createBudget(records, () => '2026-11-21'))
          await tabs[0]!.setLimit(limit)
          const done = await Promise.all(deeds.map(async ([tab, wei]) => ((await tabs[tab]!.reserve(wei)) ? wei : 0n)))
          const sum = done.reduce((a, b) => a + b, 0n)
          expect(sum <= limit).toBe(true)
          expect((await tabs[1]!.state()).spent).toBe(sum)
          await Promise.all(done.filter((wei) => wei > 0n).map((wei) => tabs[2]!.release(wei)))
          expect((await tabs[0]!.state()).spent).toBe(0n)
        },
      ),
      { numRuns: 100 },
    )
  })
})
