// The ledger room's view of receipts, earnings and the budget: what was read last, and the verbs of the room. Nothing is computed
// about money here beyond sums; every number comes from a service with its assurance.
// Invariant: a list that could not be read is not shown as empty.
import type { BudgetState } from '../../wallet/budget.ts'
import type { Earnings } from '../../wallet/earnings.ts'
import { EVERYTHING, filterReceipts, type ReceiptFilter } from '../ledger/filter.ts'
import { flowsByDay } from '../ledger/flows.ts'
import type { Assurance, BatchView, ReceiptSummary, Services } from '../services.ts'

/** Batches shown, newest first. */
const MOST_BATCHES = 20

export class LedgerView {
  #services: Services
  #receipts = $state.raw<ReceiptSummary[] | null>(null)
  #unread = $state.raw<unknown>(null)
  #earnings = $state.raw<{ earnings: Earnings; assurance: Assurance } | null>(null)
  #earningsUnread = $state.raw<unknown>(null)
  #batches = $state.raw<BatchView[]>([])
  #batchesUnread = $state.raw<unknown>(null)
  #budget = $state.raw<BudgetState>({ limit: null, spent: 0n, left: null })
  #filter = $state.raw<ReceiptFilter>(EVERYTHING)
  #shown = $derived(filterReceipts(this.#receipts ?? [], this.#filter))
  #waiting = $derived((this.#receipts ?? []).filter(({ state, retryAt }) => state.state === 'signed' && retryAt !== null))
  #flows = $derived(flowsByDay(this.#receipts ?? [], this.#earnings?.earnings.list ?? []))
  #reading = false
  #again = false

  constructor(services: Services) {
    this.#services = services
  }

  get receipts(): ReceiptSummary[] | null {
    return this.#receipts
  }

  get unread(): unknown {
    return this.#unread
  }

  /** Receipts that pass the filter. */
  get shown(): ReceiptSummary[] {
    return this.#shown
  }

  /** Receipts that have not reached the chain. */
  get waiting(): ReceiptSummary[] {
    return this.#waiting
  }

  get earnings() {
    return this.#earnings
  }

  get earningsUnread(): unknown {
    return this.#earningsUnread
  }

  /** Those that hold a receipt of this browser, newest first. */
  get batches(): BatchView[] {
    return this.#batches
  }

  get batchesUnread(): unknown {
    return this.#batchesUnread
  }

  get flows() {
    return this.#flows
  }

  get budget(): BudgetState {
    return this.#budget
  }

  get filter(): ReceiptFilter {
    return this.#filter
  }

  narrow(change: Partial<ReceiptFilter>): void {
    this.#filter = { ...this.#filter, ...change }
  }

  showEverything(): void {
    this.#filter = EVERYTHING
  }

  /** Reads and follows until the returned function is called. */
  follow(): () => void {
    const cancel = new AbortController()
    const stopBudget = this.#services.wallet.budget((budget) => {
      this.#budget = budget
    })
    const stop = this.#services.receipts.changed(() => void this.read(cancel.signal))
    void this.read(cancel.signal)
    return () => {
      cancel.abort()
      stop()
      stopBudget()
    }
  }

  async retry(): Promise<void> {
    await this.#services.receipts.retry()
  }

  async again(receipt: ReceiptSummary): Promise<void> {
    await this.#services.receipts.again(receipt.id)
  }

  /** One reading at a time; what changed meanwhile is read once more. */
  async read(signal: AbortSignal): Promise<void> {
    this.#again = true
    if (this.#reading) return
    this.#reading = true
    while (this.#again && !signal.aborted) {
      this.#again = false
      await this.#readOnce(signal)
    }
    this.#reading = false
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    try {
      this.#receipts = await this.#services.receipts.list()
      this.#unread = null
    } catch (thrown) {
      this.#unread = thrown
    }
    try {
      this.#earnings = await this.#services.wallet.earnings(signal)
      this.#earningsUnread = null
    } catch (thrown) {
      if (!signal.aborted) this.#earningsUnread = thrown
    }
    try {
      const ids = [...new Set((this.#receipts ?? []).flatMap(({ state }) => ('batch' in state ? [state.batch] : [])))]
      const newest = ids.sort((a, b) => b - a).slice(0, MOST_BATCHES)
      this.#batches = await Promise.all(newest.map((batch) => this.#services.receipts.batch(batch)))
      this.#batchesUnread = null
    } catch (thrown) {
      this.#batchesUnread = thrown
    }
  }
}
