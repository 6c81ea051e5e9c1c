// Money: what is held, deposited, earned. See services.ts for what holds of all of it.
import type { Hex } from '../../attribution/types.ts'
import type { OpenChatError } from '../../errors.ts'
import type { BudgetState } from '../../wallet/budget.ts'
import type { Earnings } from '../../wallet/earnings.ts'
import type { Assurance } from './receipts.ts'

export type WalletState =
  | { state: 'opening' }
  /** No chain is reachable; chat and tracing still work. */
  | { state: 'absent'; error: OpenChatError }
  | {
      state: 'ready'
      address: Hex
      chain: string
      /** wei of OPEN held, and of OPEN deposited for answers. */
      balance: bigint
      deposit: bigint
      assurance: Assurance
      /** Who signs receipts: the key of this browser. `address` is another where a wallet is connected. */
      payer: Hex
      /** wei of OPEN that the payer itself holds. */
      payerBalance: bigint
      /** Name of the connected wallet. */
      walletName: string | null
      /** Block time, s, from which the deposit may be taken back; 0 while nobody asked. */
      unlockAt: number
      /** Time of the block that all this is proven in, s. */
      blockTime: number
      /** Whether this chain gives coin away. */
      faucet: boolean
    }

export interface WalletService {
  subscribe(listener: (state: WalletState) => void): () => void
  /** Fee of one answer, wei. */
  readonly fee: bigint
  /** Moves OPEN from the balance into the deposit that pays for answers. */
  deposit(wei: bigint, signal: AbortSignal): Promise<void>
  /** Asks the chain's faucet. @throws faucet_absent, faucet_failed */
  topUp(): Promise<void>
  /** Begins the delay after which `withdraw` gives the whole deposit back. */
  requestWithdrawal(): Promise<void>
  withdraw(): Promise<void>
  /** Moves all coin of this browser's key, but the gas, to another account. @returns wei moved */
  sweep(to: string): Promise<bigint>
  /** What this account was paid for its words: proven, and complete by its own sum. */
  earnings(signal: AbortSignal): Promise<{ earnings: Earnings; assurance: Assurance }>
  budget(listener: (state: BudgetState) => void): () => void
  /** wei a day; null for none. */
  setBudget(wei: bigint | null): Promise<void>
}
