// How much may be spent on answers in one day, in this browser, between all its tabs. Not the deposit, which is the chain's own
// limit: a budget is a promise to oneself, counted when a receipt is about to be signed.
// Invariants: what is reserved never exceeds the limit, also between tabs; a crash between reserving and signing counts too
// much, never too little; a day is the person's own, by the local clock; a clock set back to an earlier day frees nothing.
import type { RecordSpace } from '../storage/records.ts'

interface KeptBudget {
  /** wei a day; null for none. */
  limit: bigint | null
  /** Local date, yyyy-mm-dd, that `spent` is of. */
  day: string
  /** wei */
  spent: bigint
}

export interface BudgetState {
  limit: bigint | null
  spent: bigint
  /** wei; null without a limit. */
  left: bigint | null
}

export interface Budget {
  state(): Promise<BudgetState>
  setLimit(wei: bigint | null): Promise<BudgetState>
  /** Counts `wei` in, unless it would exceed the limit. @returns whether it was counted */
  reserve(wei: bigint): Promise<boolean>
  /** What was reserved was not spent. */
  release(wei: bigint): Promise<void>
}

const RECORD = 'day'

/** @param today local date, yyyy-mm-dd */
export function createBudget(records: RecordSpace, today: () => string = localDay): Budget {
  const store = records.open<KeptBudget>('budget')

  function now(kept: KeptBudget | undefined): KeptBudget {
    const held = kept ?? { limit: null, day: '', spent: 0n }
    const day = today()
    return day > held.day ? { ...held, day, spent: 0n } : held
  }

  return {
    state: async () => stateOf(now(await store.get(RECORD))),
    setLimit: async (limit) => stateOf(await store.update(RECORD, (kept) => ({ ...now(kept), limit }))),
    async reserve(wei) {
      let counted = false
      await store.update(RECORD, (kept) => {
        const held = now(kept)
        counted = held.limit === null || held.spent + wei <= held.limit
        return counted ? { ...held, spent: held.spent + wei } : held
      })
      return counted
    },
    async release(wei) {
      await store.update(RECORD, (kept) => {
        const held = now(kept)
        return { ...held, spent: held.spent > wei ? held.spent - wei : 0n }
      })
    },
  }
}

function stateOf({ limit, spent }: KeptBudget): BudgetState {
  return { limit, spent, left: limit === null ? null : spent < limit ? limit - spent : 0n }
}

function localDay(): string {
  const now = new Date()
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
}
