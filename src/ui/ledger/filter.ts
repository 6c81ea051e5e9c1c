// Which receipts are shown: by state, datanet, days, least amount and words. Pure; every part that is empty lets all pass.
import type { ReceiptSummary } from '../services.ts'
import { weiOf } from './amount.ts'
import { dayOf } from './flows.ts'

export type ShownState = 'signed' | 'posted' | 'final' | 'paid' | 'refused'
export const SHOWN_STATES: readonly ShownState[] = ['signed', 'posted', 'final', 'paid', 'refused']

export interface ReceiptFilter {
  state: ShownState | ''
  datanet: string
  /** Local days, yyyy-mm-dd, both included. */
  from: string
  to: string
  /** OPEN as typed. */
  least: string
  /** All of them must stand in the answer or the question, in any case. */
  words: string
}

export const EVERYTHING: ReceiptFilter = { state: '', datanet: '', from: '', to: '', least: '', words: '' }

export function filterReceipts(receipts: readonly ReceiptSummary[], filter: ReceiptFilter): ReceiptSummary[] {
  const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean)
  const least = weiOf(filter.least) ?? 0n
  return receipts.filter((receipt) => {
    const day = dayOf(receipt.at)
    const text = receipt.text.toLowerCase()
    return (
      (filter.state === '' || receipt.state.state === filter.state) &&
      (filter.datanet === '' || receipt.datanets.includes(filter.datanet)) &&
      (filter.from === '' || day >= filter.from) &&
      (filter.to === '' || day <= filter.to) &&
      receipt.fee >= least &&
      words.every((word) => text.includes(word))
    )
  })
}
