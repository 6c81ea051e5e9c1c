// The ledger port of an answer: who pays, which nonce, the signature, and the outbox that carries the receipt to the chain
// and back. What it says of a receipt's state is proven through the light client, never a validator's word.
// Invariants: a nonce is handed out once per payer and contract, also between tabs and after a crash (a gap, never a
// double); `post` returns when the receipt is written down.
import { receiptId } from '../attribution/receipt.ts'
import type { Hex } from '../attribution/types.ts'
import type { Ledger, ReceiptDraft, ReceiptState, SignedReceipt } from '../chat/ports.ts'
import { OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'
import type { Burner } from './burner.ts'
import type { Deposits } from './deposit.ts'
import type { Proven } from './light-client/client.ts'
import type { ContractState } from './light-client/contract-state.ts'
import { createOutbox, type Outbox, type OutboxEntry } from './outbox.ts'
import type { WalletSettings } from './settings.ts'
import { headerOf, type ValidatorClient } from './validator-client.ts'

/** Answers that one deposit is made for, when there is too little. */
const ANSWERS_PER_DEPOSIT = 100n

export interface ProvenLedger extends Ledger {
  outbox: Outbox
  /** What the chain proves of a receipt now; null while it is in no batch. */
  status(id: Hex): Promise<Proven<ReceiptState> | null>
}

export interface LedgerPorts {
  burner: Burner
  records: RecordSpace
  settings: Pick<WalletSettings, 'chainId' | 'addresses' | 'deployment'>
  state: Pick<ContractState, 'pin' | 'batchOf' | 'batch' | 'paid'>
  validators: ValidatorClient
  deposits: Deposits
  channel?: BroadcastChannel
}

export function createLedger({ burner, records, settings, state, validators, deposits, channel }: LedgerPorts): ProvenLedger {
  const domain = { chainId: BigInt(settings.chainId), contract: settings.addresses.attributions }
  const nonces = records.open<bigint>('nonces')
  const nonceKey = `${settings.chainId}:${domain.contract}:${burner.address}`

  async function status(id: Hex): Promise<Proven<ReceiptState> | null> {
    const pinned = await state.pin()
    const { value: batch } = await state.batchOf(pinned, id)
    if (batch === 0) return null
    const held = await state.batch(pinned, batch)
    const of = (value: ReceiptState): Proven<ReceiptState> => ({ ...held, value })
    if (held.value.status === 'cancelled') {
      return of({ state: 'refused', reason: `Batch ${batch}, which carried it, was refuted; its fee goes back to the deposit.` })
    }
    if (held.value.status !== 'final') return of({ state: 'posted', batch, finalAt: held.value.windowEnd })
    // Every line of the batch is paid exactly when the sum paid is its total: no list of lines is needed to know.
    const { value: paid } = await state.paid(pinned, batch)
    return of(paid === held.value.total ? { state: 'paid', batch } : { state: 'final', batch })
  }

  const outbox = createOutbox({
    records: records.open<OutboxEntry>('outbox'),
    chain: `${settings.chainId}:${settings.deployment}`,
    deliver: (receipt) => validators.deliver(receipt),
    fund: ({ draft }) => deposits.ensure(draft.fee, draft.fee * ANSWERS_PER_DEPOSIT),
    status: async ({ id }) => (await status(id))?.value ?? null,
    ...(channel === undefined ? {} : { channel }),
  })

  return {
    outbox,
    status,
    payer: async () => burner.address,
    nonce: () => nonces.update(nonceKey, (last) => (last ?? 0n) + 1n),
    async sign(draft: ReceiptDraft, nonce: bigint): Promise<SignedReceipt> {
      const header = headerOf({ payer: burner.address, nonce, draft })
      if (draft.fee <= 0n) throw new OpenChatError('receipt_invalid', `A receipt pays a positive fee, this one ${draft.fee} wei.`)
      return { id: receiptId(header), payer: burner.address, nonce, draft, signature: await burner.signReceipt(header, domain) }
    },
    post: (receipt) => outbox.add(receipt),
  }
}
