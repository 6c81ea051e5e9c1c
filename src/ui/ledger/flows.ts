// What came in and what went out, by local day. Spent counts receipts that were not refused, on the day they were signed; earned
// counts proven payments, on the day their batch was posted (block time). Pure.
import type { Earning } from '../../wallet/earnings.ts'
import type { ReceiptSummary } from '../services.ts'

export interface DayFlow {
  /** Local, yyyy-mm-dd. */
  day: string
  /** wei */
  earned: bigint
  spent: bigint
}

/** Days drawn at most, ending with the last one that has a flow. */
const MOST_DAYS = 366

/** @param at ms since the epoch */
export function dayOf(at: number): string {
  const date = new Date(at)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
}

/** Every day from the first flow to the last, oldest first; empty without flows. */
export function flowsByDay(receipts: readonly ReceiptSummary[], earnings: readonly Earning[]): DayFlow[] {
  const days = new Map<string, DayFlow>()
  const at = (ms: number): DayFlow => {
    const day = dayOf(ms)
    const flow = days.get(day) ?? { day, earned: 0n, spent: 0n }
    days.set(day, flow)
    return flow
  }
  for (const { at: ms, fee, state } of receipts) if (state.state !== 'refused') at(ms).spent += fee
  for (const { at: s, wei } of earnings) at(1000 * s).earned += wei
  const known = [...days.keys()].sort()
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined) return []
  const flows: DayFlow[] = []
  // Noon, so that a day that is 23 or 25 hours long is still one step.
  for (let noon = new Date(`${last}T12:00`); flows.length < MOST_DAYS && dayOf(+noon) >= first; noon.setDate(noon.getDate() - 1)) {
    flows.push(days.get(dayOf(+noon)) ?? { day: dayOf(+noon), earned: 0n, spent: 0n })
  }
  return flows.reverse()
}
