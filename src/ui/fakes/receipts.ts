// Receipts for specs and for work on looks: some in every state, beside those of answers asked on the fake page.
// Knob in the query: `receipts`, how many there are from before.
import type { Hex } from '../../attribution/types.ts'
import type { ReceiptState } from '../../chat/ports.ts'
import type { Assurance, BatchView, ReceiptSummary } from '../services.ts'

const DAY_MS = 86_400_000
const hash = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`

const TROUBLE = { code: 'validator_unreachable', shortMessage: 'No validator answered (127.0.0.1:8601).', meta: {} }

/** The i-th receipt from before: one waits, one was refused, the rest are somewhere on their way. */
export function earlierReceipts(count: number, fee: bigint): ReceiptSummary[] {
  const words = ['navy', 'Monroe Doctrine', 'gold standard', 'railroads', 'census']
  const states: ReceiptState[] = [
    { state: 'signed' },
    { state: 'posted', batch: 7, finalAt: Math.floor(Date.now() / 1000) + 3600 },
    { state: 'refused', reason: 'The nonce was used.' },
    { state: 'final', batch: 6 },
    { state: 'paid', batch: 5 },
  ]
  return Array.from({ length: count }, (_, i) => {
    const state = states[Math.min(i, 4)]!
    const excerpt = `From the record: on the ${words[i % words.length]}, the address of ${1900 + i} says`
    return {
      id: hash(0xabc000 + i),
      at: Date.now() - i * DAY_MS,
      fee: fee * BigInt(1 + (i % 3)),
      excerpt,
      text: `${excerpt} what it says.\nWhat about the ${words[i % words.length]}?`,
      datanets: [i % 4 === 3 ? '2' : '1'],
      state,
      trouble: state.state === 'signed' ? TROUBLE : null,
      retryAt: state.state === 'signed' ? Date.now() + 30_000 : null,
    }
  })
}

export function fakeBatch(batch: number, assurance: Assurance): BatchView {
  const now = Math.floor(Date.now() / 1000)
  return {
    batch,
    poster: `0x${'9a'.repeat(20)}`,
    status: batch === 7 ? 'posted' : 'final',
    postedAt: now - 600,
    windowEnd: batch === 7 ? now + 3600 : now - 60,
    lineCount: 9,
    receiptCount: 4,
    openDemands: 0,
    total: 4n * 10n ** 15n,
    bond: 10n ** 17n,
    linesRoot: hash(1),
    daCommitmentHash: hash(2),
    parametersHash: hash(3),
    assurance,
  }
}
