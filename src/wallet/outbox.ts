// Receipts on their way: each is written down before anyone hears that it was accepted, and is carried on until the chain
// itself says that it is paid. Not the chain's truth and not a signer; it knows two verbs, `deliver` and `status`.
// Invariants: what `add` resolved for survives a reload or a crash at any point; delivering twice is harmless because a
// receipt is named by its hash; a state only comes from the proven chain, `refused` excepted; one tab at a time works
// (Web Locks), all tabs see (BroadcastChannel); a clock that is set back delays nothing by more than the longest retry.
import type { ReceiptState, SignedReceipt } from '../chat/ports.ts'
import { asOpenChatError, type ErrorWire, toWire } from '../errors.ts'
import type { Records } from '../storage/records.ts'
import type { Delivery } from './validator-client.ts'

export interface OutboxEntry {
  receipt: SignedReceipt
  /** The deployment it was signed for. */
  chain: string
  state: ReceiptState
  /** ms since the epoch, of `add`. */
  at: number
  /** ms since the epoch of the last delivery, 0 before the first. */
  sentAt: number
  /** Failed tries since the last success. */
  attempts: number
  /** ms since the epoch; not looked at before. */
  retryAt: number
  /** Why it has not gone further, for people. */
  trouble: ErrorWire | null
  /** Nothing more can happen to it. */
  done: boolean
}

export interface OutboxPorts {
  records: Records<OutboxEntry>
  /** Entries of another deployment are kept and left alone. */
  chain: string
  deliver(receipt: SignedReceipt): Promise<Delivery>
  /** Puts aside what a receipt needs. */
  fund(receipt: SignedReceipt): Promise<void>
  /** What the chain proves of a receipt; null while it is in no batch. */
  status(receipt: SignedReceipt): Promise<ReceiptState | null>
  /** Between tabs; absent where there is one process. */
  channel?: BroadcastChannel
  now?: () => number
}

export interface Outbox {
  /** Kept when it resolves. The same receipt again changes nothing. */
  add(receipt: SignedReceipt): Promise<void>
  get(id: string): Promise<OutboxEntry | undefined>
  /** Newest first. */
  list(): Promise<OutboxEntry[]>
  /** One step for every entry that is due. */
  pass(): Promise<void>
  /** Makes everything that waits due now, in whichever tab works. */
  retry(): Promise<void>
  /** Offers a refused one anew, since validators may think better of it; any other is left as it is. */
  again(id: string): Promise<void>
  /** Works until aborted; waits while another tab does. */
  run(signal: AbortSignal): Promise<void>
  /** Called with each entry that changed, in any tab. @returns stop */
  subscribe(listener: (entry: OutboxEntry) => void): () => void
}

/** Between looks at the chain for a receipt that is on its way, ms. */
export const LOOK_MS = 2_000
const LONGEST_RETRY_MS = 60_000
/** Time a validator has to batch what it took, before it is offered again. */
const PATIENCE_MS = 20_000

export function createOutbox({ records, chain, deliver, fund, status, channel, now = Date.now }: OutboxPorts): Outbox {
  const listeners = new Set<(entry: OutboxEntry) => void>()
  let rung = false
  let wake = () => {}
  const ring = () => {
    rung = true
    wake()
  }

  const tell = (entry: OutboxEntry) => {
    for (const listener of listeners) listener(entry)
  }
  channel?.addEventListener('message', async ({ data }: MessageEvent<string>) => {
    const entry = await records.get(data)
    if (entry) tell(entry)
    ring()
  })

  async function save(entry: OutboxEntry): Promise<void> {
    await records.set(entry.receipt.id, entry)
    tell(entry)
    channel?.postMessage(entry.receipt.id)
  }

  /** Entries of this chain that are still on their way. */
  const open = async () => (await records.entries()).map(([, entry]) => entry).filter((entry) => !entry.done && entry.chain === chain)

  /** What became of an entry by one look at the chain and, where that knows nothing of it, one delivery. */
  async function step(entry: OutboxEntry): Promise<OutboxEntry> {
    const onward = { ...entry, attempts: 0, trouble: null, retryAt: now() + LOOK_MS }
    try {
      const state = await status(entry.receipt)
      if (state) return { ...onward, state, done: state.state === 'paid' }
      const since = now() - entry.sentAt
      if (entry.sentAt > 0 && since >= 0 && since < PATIENCE_MS) return { ...onward, state: { state: 'signed' } }
      let delivery = await deliver(entry.receipt)
      if (delivery.outcome === 'unfunded') {
        await fund(entry.receipt)
        delivery = await deliver(entry.receipt)
      }
      if (delivery.outcome === 'refused') return { ...onward, state: { state: 'refused', reason: delivery.reason }, done: true }
      return { ...onward, state: { state: 'signed' }, sentAt: now() }
    } catch (error) {
      const attempts = entry.attempts + 1
      const retryAt = now() + Math.min(LONGEST_RETRY_MS, 500 * 2 ** attempts)
      return { ...entry, attempts, retryAt, trouble: toWire(asOpenChatError(error)) }
    }
  }

  /** ms until it may be looked at; a time further off than any wait was written under another clock. */
  function wait({ retryAt }: OutboxEntry): number {
    const left = retryAt - now()
    return left > LONGEST_RETRY_MS ? 0 : Math.max(0, left)
  }

  async function pass(): Promise<void> {
    for (const entry of await open()) if (wait(entry) === 0) await save(await step(entry))
  }

  /** Until an entry is due or something is added; a ring during a pass is heard here. */
  async function rest(signal: AbortSignal): Promise<void> {
    const due = (await open()).map(wait)
    if (!rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = due.length > 0 ? setTimeout(resolve, Math.min(...due)) : undefined
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
        signal.addEventListener('abort', wake, { once: true })
      })
      signal.removeEventListener('abort', wake)
    }
    rung = false
  }

  async function work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pass()
      if (!signal.aborted) await rest(signal)
    }
  }

  return {
    async add(receipt) {
      const fresh: OutboxEntry = {
        chain,
        receipt,
        state: { state: 'signed' },
        at: now(),
        sentAt: 0,
        attempts: 0,
        retryAt: now(),
        trouble: null,
        done: false,
      }
      tell(await records.update(receipt.id, (held) => held ?? fresh))
      channel?.postMessage(receipt.id)
      ring()
    },
    get: (id) => records.get(id),
    list: async () => (await records.entries()).map(([, entry]) => entry).sort((a, b) => b.at - a.at),
    pass,
    async retry() {
      for (const { receipt } of await open()) {
        const due = await records.update(receipt.id, (held) => ({ ...held!, retryAt: 0, sentAt: 0 }))
        channel?.postMessage(receipt.id)
        tell(due)
      }
      ring()
    },
    async again(id) {
      const held = await records.get(id)
      if (held?.chain !== chain || held.state.state !== 'refused' || !held.done) return
      await save({ ...held, state: { state: 'signed' }, sentAt: 0, attempts: 0, retryAt: 0, trouble: null, done: false })
      ring()
    },
    async run(signal) {
      const locks = globalThis.navigator?.locks
      if (!locks) return work(signal)
      // An aborted wait for the lock is the ordinary end of a tab that never was first.
      await locks
        .request('open-chat/outbox', { signal }, () => work(signal))
        .catch((error: unknown) => {
          if (!signal.aborted) throw error
        })
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
