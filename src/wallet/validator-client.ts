// Talks to validators: hands them receipts, and asks where a batch's lines are. Not trusted: a receipt counts as posted when
// the chain's own slot says so (ledger.ts), and a line when its proof leads to the batch's root (attribution/verify).
// Invariant: handing over is idempotent: a receipt is named by its hash, so sending it again changes nothing.
import type { ReceiptHeader } from '../attribution/receipt.ts'
import type { Hex } from '../attribution/types.ts'
import { toHex, ZERO_HASH } from '../attribution/words.ts'
import type { SignedReceipt } from '../chat/ports.ts'
import { type ErrorWire, OpenChatError } from '../errors.ts'

/** `taken`: it will be posted. `unfunded`: first put more aside. `refused`: this receipt will never be. */
export type Delivery = { outcome: 'taken'; host: string } | { outcome: 'unfunded' } | { outcome: 'refused'; reason: string }

export interface ValidatorClient {
  /** Offers a receipt to one validator after another until one takes it. @throws `validator_unreachable` when none answers */
  deliver(receipt: SignedReceipt, signal?: AbortSignal): Promise<Delivery>
  /** What a validator says of a receipt, unchecked; null when none knows it. */
  lookUp(id: Hex, signal?: AbortSignal): Promise<unknown>
}

/** The signed struct of a receipt. Channels are not open yet, so payers pay from their deposit. */
export function headerOf({ payer, nonce, draft }: Pick<SignedReceipt, 'payer' | 'nonce' | 'draft'>): ReceiptHeader {
  const { contentHash, sharesRoot, shareCount, fee } = draft
  return { payer, channel: ZERO_HASH, nonce, content: contentHash, sharesRoot, shareCount, fee }
}

/** A receipt as JSON: integers as decimal strings, bytes as hex. What goes over the wire and into an exported file. */
export function receiptJson(receipt: SignedReceipt): string {
  const { nonce, fee, ...header } = headerOf(receipt)
  return JSON.stringify({
    header: { ...header, nonce: String(nonce), fee: String(fee) },
    content: toHex(receipt.draft.content),
    signature: receipt.signature,
  })
}

export function createValidatorClient(urls: string[], fetch = globalThis.fetch, timeoutMs = 15_000): ValidatorClient {
  async function ask(url: string, path: string, init: RequestInit, signal?: AbortSignal): Promise<{ ok: boolean; body: unknown }> {
    const timeout = AbortSignal.timeout(timeoutMs)
    const response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
      ...init,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    if (response.status >= 500) throw new Error(`it answered ${response.status}`)
    return { ok: response.ok, body: await response.json() }
  }

  /** The first answer that `take` accepts. */
  async function first<T>(take: (url: string) => Promise<T | null>, signal?: AbortSignal): Promise<T | null> {
    let failure: unknown
    let answered = false
    for (const url of urls) {
      try {
        const found = await take(url)
        answered = true
        if (found !== null) return found
      } catch (cause) {
        if (signal?.aborted) throw new OpenChatError('cancelled', 'Asking the validators was cancelled.', { cause })
        failure = cause
      }
    }
    if (answered) return null
    const hosts = urls.map((url) => new URL(url).host).join(', ')
    throw new OpenChatError('validator_unreachable', `No validator answered (${hosts || 'none is known'}).`, {
      meta: { hosts },
      action: 'The receipt stays in the outbox and is sent again by itself.',
      cause: failure,
    })
  }

  return {
    async deliver(receipt, signal) {
      let no: Delivery | undefined
      const taken = await first<Delivery>(async (url) => {
        const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: receiptJson(receipt) }
        const { ok, body } = await ask(url, '/receipts', init, signal)
        if (ok) return { outcome: 'taken', host: new URL(url).host }
        const { code, shortMessage, meta } = (body as { error?: Partial<ErrorWire> }).error ?? {}
        if (meta?.reason === 'full') throw new Error(shortMessage)
        if (code === 'deposit_insufficient') no = { outcome: 'unfunded' }
        else no ??= { outcome: 'refused', reason: shortMessage ?? 'no reason was given' }
        return null
      }, signal)
      return taken ?? no!
    },
    lookUp: (id, signal) =>
      first(async (url) => {
        const { ok, body } = await ask(url, `/receipts/${id}`, {}, signal)
        return ok ? body : null
      }, signal),
  }
}
