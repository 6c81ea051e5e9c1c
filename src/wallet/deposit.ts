// Puts OPEN aside in `Attributions` for the answers of one payer, from its own balance, and that from a faucet where the
// chain has one. Not a payment channel.
// Invariant: what is there is read with proof before anything is sent, so a call after a crash adds nothing twice knowingly.
import type { Abi, Hex } from 'viem'
import { OpenChatError } from '../errors.ts'
import { attributionsAbi } from './contracts.generated.ts'
import type { ContractState } from './light-client/contract-state.ts'
import type { WalletSettings } from './settings.ts'
import type { Transactions } from './transactions.ts'

/** wei kept back for gas: some transactions' worth at the few gwei an L2 asks. */
const GAS_RESERVE = 10n ** 16n

export interface Deposits {
  /** Proven: wei of native OPEN held, and put aside. */
  read(): Promise<{ balance: bigint; deposit: bigint }>
  /** Sees to it that the account holds coin for some transactions. @throws `balance_insufficient`, `faucet_failed` */
  fund(): Promise<void>
  /** Moves `wei` from the balance into the deposit. @throws `balance_insufficient` */
  add(wei: bigint): Promise<void>
  /** Sees to it that at least `needed` is put aside, adding `topUp` when it is not. @throws `balance_insufficient`, `faucet_failed` */
  ensure(needed: bigint, topUp: bigint): Promise<void>
}

export interface DepositPorts {
  payer: Hex
  settings: Pick<WalletSettings, 'addresses' | 'faucetUrl'>
  state: Pick<ContractState, 'pin' | 'balance' | 'deposit'>
  transactions: Transactions
  fetch?: typeof globalThis.fetch
}

export function createDeposits({ payer, settings, state, transactions, fetch = globalThis.fetch }: DepositPorts): Deposits {
  let ensuring: Promise<void> = Promise.resolve()

  async function read() {
    const pinned = await state.pin()
    const [balance, deposit] = [await state.balance(pinned, payer), await state.deposit(pinned, payer)]
    return { balance: balance.value, deposit: deposit.value }
  }

  async function askFaucet(): Promise<void> {
    const url = settings.faucetUrl
    if (!url) return
    let reason: string
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ address: payer }),
        signal: AbortSignal.timeout(30_000),
      })
      if (response.ok) return
      reason = `it answered ${response.status}`
    } catch (cause) {
      reason = cause instanceof Error ? cause.message : String(cause)
    }
    throw new OpenChatError('faucet_failed', `The faucet gave nothing: ${reason}.`, { action: 'Try again in a minute.' })
  }

  async function fund(): Promise<void> {
    if ((await read()).balance >= GAS_RESERVE) return
    await askFaucet()
    const { balance } = await read()
    if (balance < GAS_RESERVE) throw insufficient(balance, GAS_RESERVE)
  }

  const insufficient = (balance: bigint, needed: bigint) =>
    new OpenChatError('balance_insufficient', `The account ${payer} holds ${balance} wei of OPEN; ${needed} wei are needed.`, {
      meta: { payer, balance: String(balance), needed: String(needed) },
      action: 'Send OPEN to this account.',
    })

  async function add(wei: bigint): Promise<void> {
    const { balance } = await read()
    if (balance < wei + GAS_RESERVE) throw insufficient(balance, wei + GAS_RESERVE)
    const { attributions: address } = settings.addresses
    await transactions.send({ address, abi: attributionsAbi as Abi, functionName: 'deposit', args: [payer], value: wei })
  }

  async function ensureNow(needed: bigint, topUp: bigint): Promise<void> {
    const held = await read()
    if (held.deposit >= needed) return
    const wei = topUp > needed ? topUp : needed
    if (held.balance < wei + GAS_RESERVE) await askFaucet()
    await add(wei)
  }

  return {
    read,
    fund,
    add,
    ensure(needed, topUp) {
      const next = ensuring.then(() => ensureNow(needed, topUp))
      ensuring = next.catch(() => undefined)
      return next
    },
  }
}
