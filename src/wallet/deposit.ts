// Puts OPEN aside in `Attributions` for the answers that one key signs, and takes it back. The coin comes from that key's own
// account, and that from a faucet where the chain has one, or from a connected wallet. Not a payment channel.
// With a wallet the key is a session key: one transaction of the wallet opens it, the deposit is its cap, and no answer asks again.
// Invariants: what is there is read with proof before anything is sent, so a call after a crash adds nothing twice knowingly; a
// wallet is asked only by a deed of its person (`add`, `requestWithdrawal`), never by the outbox.
import type { Abi, Hex } from 'viem'
import { OpenChatError } from '../errors.ts'
import { attributionsAbi } from './contracts.generated.ts'
import type { Proven } from './light-client/client.ts'
import type { ContractState } from './light-client/contract-state.ts'
import type { WalletSettings } from './settings.ts'
import type { CoinTransactions } from './transactions.ts'

/** wei kept back for gas: some transactions' worth at the few gwei an L2 asks. */
const GAS_RESERVE = 10n ** 16n

export interface Money {
  /** wei of native OPEN of the account that pays. */
  balance: bigint
  /** wei of native OPEN of the key that signs; the same where that pays itself. */
  sessionBalance: bigint
  deposit: bigint
  /** Block time, s, from which the deposit may be taken back; 0 while nobody asked. */
  unlockAt: number
  /** Time of the block all this stands in, s. */
  blockTime: number
}

export interface Deposits {
  /** Proven: wei of native OPEN held, and put aside. */
  read(): Promise<{ balance: bigint; deposit: bigint }>
  money(): Promise<Proven<Money>>
  /** Sees to it that the account holds coin for some transactions. @throws `balance_insufficient`, `faucet_failed` */
  fund(): Promise<void>
  /** Moves `wei` from the balance into the deposit. @throws `balance_insufficient` */
  add(wei: bigint): Promise<void>
  /** Sees to it that at least `needed` is put aside, adding `topUp` when it is not. @throws `balance_insufficient`, `faucet_failed`, `deposit_spent` */
  ensure(needed: bigint, topUp: bigint): Promise<void>
  /** Asks the faucet. @throws `faucet_absent`, `faucet_failed` */
  topUp(): Promise<void>
  /** Begins the delay after which the deposit may be taken back. */
  requestWithdrawal(): Promise<void>
  /** Takes the whole deposit back. @throws `transaction_reverted` before its time */
  withdraw(): Promise<void>
  /** Moves all native OPEN of this browser's key, but the gas, elsewhere. @throws `balance_insufficient`, `address_invalid` */
  sweep(to: string): Promise<bigint>
}

export interface DepositPorts {
  /** Whose deposit it is: who signs the receipts. */
  payer: Hex
  settings: Pick<WalletSettings, 'addresses' | 'faucetUrl'>
  state: Pick<ContractState, 'pin' | 'balance' | 'deposit' | 'escrow'>
  /** Of the payer. */
  transactions: CoinTransactions
  /** Who gives the coin, where it is not the payer. */
  wallet?: { address: Hex; transactions: CoinTransactions } | undefined
  fetch?: typeof globalThis.fetch
}

export function createDeposits(ports: DepositPorts): Deposits {
  const { payer, settings, state, transactions, wallet, fetch = globalThis.fetch } = ports
  const source = wallet ?? { address: payer, transactions }
  const { attributions } = settings.addresses
  let ensuring: Promise<void> = Promise.resolve()

  async function read() {
    const pinned = await state.pin()
    const [balance, deposit] = [await state.balance(pinned, source.address), await state.deposit(pinned, payer)]
    return { balance: balance.value, deposit: deposit.value }
  }

  async function money(): Promise<Proven<Money>> {
    const pinned = await state.pin()
    const balance = await state.balance(pinned, source.address)
    const session = wallet ? await state.balance(pinned, payer) : balance
    const { value: escrow } = await state.escrow(pinned, payer)
    const value = {
      balance: balance.value,
      sessionBalance: session.value,
      deposit: escrow.balance,
      unlockAt: escrow.unlockAt,
      blockTime: Number(pinned.timestamp),
    }
    return { ...balance, value }
  }

  async function askFaucet(address: Hex): Promise<void> {
    const url = settings.faucetUrl
    if (!url) return
    let reason: string
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ address }),
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
    await askFaucet(source.address)
    const { balance } = await read()
    if (balance < GAS_RESERVE) throw insufficient(source.address, balance, GAS_RESERVE)
  }

  async function add(wei: bigint): Promise<void> {
    const { balance } = await read()
    if (balance < wei + GAS_RESERVE) throw insufficient(source.address, balance, wei + GAS_RESERVE)
    await source.transactions.send({ ...call('deposit', [payer]), value: wei })
  }

  const call = (functionName: string, args: unknown[]) => ({ address: attributions, abi: attributionsAbi as Abi, functionName, args })

  async function ensureNow(needed: bigint, topUp: bigint): Promise<void> {
    const held = await read()
    if (held.deposit >= needed) return
    if (wallet) {
      throw new OpenChatError('deposit_spent', 'The deposit that your wallet made for answers is used up.', {
        meta: { deposit: String(held.deposit), needed: String(needed) },
        action: 'Deposit more in the Ledger; the receipt waits until then.',
      })
    }
    const wei = topUp > needed ? topUp : needed
    if (held.balance < wei + GAS_RESERVE) await askFaucet(payer)
    await add(wei)
  }

  /** The key that signs takes its deposit back itself, so it needs a little coin of its own. */
  async function gasForPayer(): Promise<void> {
    const held = (await state.balance(await state.pin(), payer)).value
    if (held >= GAS_RESERVE / 2n) return
    if (wallet) await wallet.transactions.transfer(payer, GAS_RESERVE)
    else await fund()
  }

  return {
    read,
    money,
    fund,
    add,
    ensure(needed, topUp) {
      const next = ensuring.then(() => ensureNow(needed, topUp))
      ensuring = next.catch(() => undefined)
      return next
    },
    async topUp() {
      if (!settings.faucetUrl) {
        throw new OpenChatError('faucet_absent', 'This chain has no faucet.', {
          meta: { address: source.address },
          action: 'Send OPEN to the account.',
        })
      }
      await askFaucet(source.address)
    },
    async requestWithdrawal() {
      await gasForPayer()
      await transactions.send(call('requestWithdrawal', []))
    },
    async withdraw() {
      await gasForPayer()
      await transactions.send(call('withdraw', [(await read()).deposit]))
    },
    async sweep(to) {
      const target = to.trim().toLowerCase()
      if (!/^0x[0-9a-f]{40}$/.test(target) || target === payer) {
        throw new OpenChatError('address_invalid', 'That is no address that funds can be moved to.', {
          action: 'Enter 0x and 40 hex digits of another account.',
        })
      }
      const held = (await state.balance(await state.pin(), payer)).value
      // Twice, because the base fee may rise before it is in a block.
      const wei = held - 2n * (await transactions.transferCost())
      if (wei <= 0n) throw insufficient(payer, held, held - wei)
      await transactions.transfer(target as Hex, wei)
      return wei
    },
  }
}

const insufficient = (account: Hex, balance: bigint, needed: bigint) =>
  new OpenChatError('balance_insufficient', `The account ${account} holds ${balance} wei of OPEN; ${needed} wei are needed.`, {
    meta: { payer: account, balance: String(balance), needed: String(needed) },
    action: 'Send OPEN to this account.',
  })
