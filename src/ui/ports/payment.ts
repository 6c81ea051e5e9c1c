// Whether and how one answer is paid for: the ledger when there is one, its key is open and today's budget allows it; else the
// reason, which is said after the answer, because none of it may cost the answer. Not the paying itself (wallet/ledger.ts).
// Invariant: what was reserved of the budget is given back unless a receipt was signed.

import type { Ledger } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import type { Budget } from '../../wallet/budget.ts'
import { open } from '../format.ts'

interface PayingWallet {
  burner: { locked: boolean }
  budget: Budget
  ledger: Ledger
}

/** What it needs of the wallet's desk. */
export interface PaymentPorts {
  wallet(): Promise<PayingWallet>
  maybe(): Promise<PayingWallet | null>
  budgetChanged(): Promise<void>
}

export interface Payment {
  /** null: the answer is traced and nobody is paid. */
  ledger: Ledger | null
  /** A receipt was signed. */
  signed(): void
  /** After the answer. @throws why nobody was paid, when somebody would have been */
  close(): Promise<void>
  /** Also when the answer broke off. */
  release(): Promise<void>
}

const NOBODY: Payment = { ledger: null, signed: () => undefined, close: async () => undefined, release: async () => undefined }

export async function openPayment(desk: PaymentPorts, wanted: boolean, fee: bigint): Promise<Payment> {
  if (!wanted) return NOBODY
  const wallet = await desk.maybe()
  if (wallet === null) return { ...NOBODY, close: async () => void (await desk.wallet()) }
  if (wallet.burner.locked) {
    return refused('burner_locked', 'The account of this browser is locked, so this answer paid nobody.', 'Unlock it in Settings.')
  }
  if (!(await wallet.budget.reserve(fee))) {
    const { limit } = await wallet.budget.state()
    const sentence = `Today's budget of ${open(limit ?? 0n)} OPEN is spent, so this answer paid nobody.`
    return refused('budget_spent', sentence, 'Raise it in the Ledger, or wait for tomorrow.')
  }
  await desk.budgetChanged()
  let spent = false
  let waiting = true
  return {
    ledger: wallet.ledger,
    signed() {
      spent = true
    },
    close: async () => undefined,
    async release() {
      if (spent || !waiting) return
      waiting = false
      await wallet.budget.release(fee)
      await desk.budgetChanged()
    },
  }
}

function refused(code: string, sentence: string, action: string): Payment {
  return {
    ...NOBODY,
    async close() {
      throw new OpenChatError(code, sentence, { action })
    },
  }
}
