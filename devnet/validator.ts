// A validator: takes signed receipts over HTTP, checks them, batches them under its bond, finalises, pays. Any key with a bond
// can run one; nobody has to believe what it says, for every state it names is provable on chain.
// Invariants: "taken" is said only after the receipt is on disk; the same receipt twice is one receipt; a page that asks again
// gets the state the chain has now.
// Routes: `POST /receipts` `{ header, content, signature }` (receipt-form.ts); `GET /receipts/0x…`; see docs/chain.md.
import { join } from 'node:path'
import type { PrivateKeyAccount } from 'viem'
import type { AttributionParameters } from '../src/attribution/parameters.ts'
import type { Hex } from '../src/attribution/types.ts'
import { asOpenChatError, OpenChatError } from '../src/errors.ts'
import { createDataAvailability } from '../src/wallet/data-availability.ts'
import { CHAIN_ID } from './anvil.ts'
import { reader, sender } from './chain.ts'
import { chainView } from './chain-view.ts'
import type { DevnetAddresses } from './deploy.ts'
import { serveHttp } from './http.ts'
import { type CheckContext, type CorpusCheck, checkReceipt } from './receipt-check.ts'
import { type CheckedForm, parseSigned } from './receipt-form.ts'
import { openReceiptStore } from './receipt-store.ts'
import { createSettlement } from './settlement.ts'

const ROUND_MS = 500
const MAX_WAITING = 10_000
const DA_TIMEOUT_MS = 5_000

export interface ValidatorOptions {
  rpcUrl: string
  daUrl: string
  addresses: DevnetAddresses
  account: PrivateKeyAccount
  parameters: AttributionParameters
  /** Its memory; outlives it. */
  folder: string
  port?: number
  /** Looks spans up in the corpus, where this validator holds it. */
  corpus?: CorpusCheck
  /** Told what a round could not do; it is tried again. */
  report?: (error: OpenChatError) => void
}

export interface Validator {
  url: string
  close(): Promise<void>
}

/** What `GET /receipts/:id` answers. Amounts are decimal wei. */
export interface ReceiptStatus {
  id: Hex
  state: 'queued' | 'posted' | 'final' | 'paid' | 'cancelled'
  batch?: number
  /** Unix seconds from which the batch may be finalised. */
  finalAt?: number
  /** Where the whole batch is published. */
  daCommitment?: Hex
  shares: { account: Hex; amount: string }[]
  /** The receipt's lines with their proofs against the batch's root. */
  lines?: { index: number; account: Hex; receiptId: Hex; amount: string; runningTotal: string; proof: Hex[] }[]
}

export async function startValidator(options: ValidatorOptions): Promise<Validator> {
  const { rpcUrl, daUrl, addresses, account, parameters, corpus } = options
  const store = await openReceiptStore(join(options.folder, 'receipts'))
  const chain = chainView(reader(rpcUrl), addresses)
  const settlement = createSettlement({
    chain,
    sender: sender(rpcUrl, account),
    store,
    da: createDataAvailability(daUrl, fetch, DA_TIMEOUT_MS),
    addresses,
  })
  const domain = { chainId: BigInt(CHAIN_ID), contract: addresses.attributions.toLowerCase() as Hex }
  const bell = createBell()
  let stopped = false
  const context: CheckContext = { domain, chain, parameters, ...(corpus ? { corpus } : {}) }

  async function status({ id, shares }: CheckedForm): Promise<ReceiptStatus> {
    const told = shares.map((share) => ({ account: share.account, amount: String(share.amount) }))
    const batch = await chain.batchOf(id)
    if (batch === 0) return { id, state: 'queued', shares: told }
    const view = await chain.batch(batch)
    // A stranger's batch may be published badly; its state is told all the same.
    const contents = await settlement.contents(batch, view).catch(() => null)
    const own =
      contents?.lines.flatMap((line, index) => (line.receiptId === id ? [{ line, index, proof: contents.tree.proof(index) }] : [])) ?? []
    const claims = await Promise.all(own.map(({ line }) => chain.claimed(batch, line.account)))
    const paid = view.status === 'final' && own.length > 0 && own.every(({ line }, i) => claims[i] >= line.runningTotal)
    return {
      id,
      state: paid ? 'paid' : view.status === 'none' ? 'queued' : view.status,
      batch,
      finalAt: view.windowEnd,
      daCommitment: await chain.daCommitment(batch),
      shares: told,
      lines: own.map(({ line, index, proof }) => ({
        ...line,
        index,
        amount: String(line.amount),
        runningTotal: String(line.runningTotal),
        proof,
      })),
    }
  }

  const server = await serveHttp(
    {
      'POST /receipts': async ({ json }) => {
        const form = parseSigned(await json())
        const before = store.get(form.id)
        if (before) return { body: await status(before) }
        if (store.all().length >= MAX_WAITING)
          throw new OpenChatError('receipt_refused', 'This validator takes no more receipts.', { meta: { reason: 'full' } })
        const checked = await checkReceipt(form, context)
        await store.add(checked)
        bell.ring()
        return { status: 202, body: await status(checked) }
      },
      'GET /receipts/': async ({ rest }) => {
        const form = store.get(rest.toLowerCase() as Hex)
        if (!form) throw new OpenChatError('not_found', `This validator has no receipt ${rest.slice(0, 80)}.`, { action: 'Post it again.' })
        return { body: await status(form) }
      },
    },
    options.port,
  )

  const rounds = (async () => {
    while (!stopped) {
      await settlement.round().catch((error: unknown) => {
        if (!stopped) options.report?.(asOpenChatError(error))
      })
      // A receipt rings at once; else it looks twice a second for windows that have passed.
      if (!stopped) await bell.wait(settlement.idle() ? 4 * ROUND_MS : ROUND_MS)
    }
  })()

  return {
    url: server.url,
    async close() {
      stopped = true
      bell.ring()
      await server.close()
      await rounds
    },
  }
}

/** Something to wait for with a limit: a ring during work is heard at the next wait. */
function createBell(): { ring(): void; wait(ms: number): Promise<void> } {
  let rung = false
  let wake = () => {}
  return {
    ring() {
      rung = true
      wake()
    },
    async wait(ms) {
      if (!rung) {
        await new Promise<void>((next) => {
          const timer = setTimeout(next, ms)
          wake = () => {
            clearTimeout(timer)
            next()
          }
        })
      }
      rung = false
    },
  }
}
