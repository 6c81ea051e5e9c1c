// Sends transactions of one account to the contracts, one after another, and waits until each is in a block. The account is a
// key of this page, or a wallet's, which then asks its person. Nothing is read for show here: what a transaction did is
// proven afterwards through the light client.
// Invariants: one in flight per tab (a second waits), so nonces do not collide; a revert names the contract's own error; a
// wallet's transaction counts only when the chain's node has its receipt.
import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  custom,
  defineChain,
  type Hex,
  http,
  type LocalAccount,
  type TransactionReceipt,
} from 'viem'
import { OpenChatError } from '../errors.ts'
import { type ConnectedWallet, ensureChain, walletError } from './injected-wallet.ts'

export interface ContractCall {
  address: Hex
  abi: Abi
  functionName: string
  args: readonly unknown[]
  /** wei of native OPEN sent along. */
  value?: bigint
}

export interface Transactions {
  /** @throws `transaction_reverted`, `transaction_failed`; with a wallet also `wallet_refused`, `wallet_wrong_chain` … */
  send(call: ContractCall): Promise<TransactionReceipt>
}

export interface CoinTransactions extends Transactions {
  /** Moves native OPEN. @throws the same */
  transfer(to: Hex, wei: bigint): Promise<TransactionReceipt>
  /** wei that a transfer costs at most. */
  transferCost(): Promise<bigint>
}

const RECEIPT_TIMEOUT_MS = 60_000
const POLL_MS = 500
const TRANSFER_GAS = 21_000n

/** @param signer a key of this page, or a connected wallet */
export function createTransactions(signer: LocalAccount | ConnectedWallet, rpcUrl: string, chainId: number): CoinTransactions {
  const chain = defineChain({
    id: chainId,
    name: 'Open Chat',
    nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
  const transport = http(rpcUrl, { timeout: 15_000, retryCount: 1 })
  const reader = createPublicClient({ chain, transport, pollingInterval: POLL_MS })
  const wallet = 'provider' in signer ? signer : null
  const account = wallet === null ? (signer as LocalAccount) : wallet.address
  const writer = createWalletClient({
    chain,
    account,
    transport: wallet === null ? transport : custom(wallet.provider as Parameters<typeof custom>[0], { retryCount: 0 }),
  })
  let last: Promise<unknown> = Promise.resolve()

  async function ready(): Promise<void> {
    if (wallet !== null) await ensureChain({ ...wallet, icon: null }, { chainId, rpcUrl }, new AbortController().signal)
  }

  async function mined(name: string, hash: Hex): Promise<TransactionReceipt> {
    if (!/^0x[0-9a-f]{64}$/i.test(hash)) {
      throw new OpenChatError('wallet_invalid', `${wallet?.name ?? 'The signer'} gave no transaction hash for ${name}.`, {
        action: 'Use another wallet; whether anything was sent shows in the balance.',
      })
    }
    const receipt = await reader.waitForTransactionReceipt({ hash, timeout: RECEIPT_TIMEOUT_MS })
    if (receipt.status !== 'success') throw reverted(name, 'it ran and was undone')
    return receipt
  }

  async function write(call: ContractCall): Promise<TransactionReceipt> {
    const { request } = await reader.simulateContract({ ...call, account, value: call.value ?? 0n })
    return mined(call.functionName, await writer.writeContract(request))
  }

  function inOrder(name: string, work: () => Promise<TransactionReceipt>): Promise<TransactionReceipt> {
    const next = last.then(async () => {
      try {
        await ready()
        return await work()
      } catch (cause) {
        throw typed(name, wallet, cause)
      }
    })
    last = next.catch(() => undefined)
    return next
  }

  return {
    send: (call) => inOrder(call.functionName, () => write(call)),
    transfer: (to, value) =>
      inOrder('transfer', async () => mined('transfer', await writer.sendTransaction({ account, to, value, chain }))),
    async transferCost() {
      const { maxFeePerGas } = await reader.estimateFeesPerGas()
      return TRANSFER_GAS * maxFeePerGas
    },
  }
}

function reverted(name: string, reason: string, cause?: unknown): OpenChatError {
  return new OpenChatError('transaction_reverted', `The contract refused ${name}: ${reason}.`, { meta: { call: name, reason }, cause })
}

function typed(name: string, wallet: ConnectedWallet | null, cause: unknown): OpenChatError {
  if (cause instanceof OpenChatError) return cause
  if (!(cause instanceof BaseError)) return wallet === null ? failed(name, String(cause), cause) : walletError(wallet.name, cause)
  const revert = cause.walk((error) => error instanceof ContractFunctionRevertedError)
  if (revert instanceof ContractFunctionRevertedError) {
    return reverted(name, revert.data?.errorName ?? revert.reason ?? 'no reason given', cause)
  }
  // A key that is locked throws our own error from inside viem.
  const ours = cause.walk((error) => error instanceof OpenChatError)
  if (ours instanceof OpenChatError) return ours
  const refusal = wallet && cause.walk((error) => (error as { code?: unknown }).code === 4001)
  if (wallet && refusal) return walletError(wallet.name, { code: 4001 })
  return failed(name, cause.shortMessage, cause)
}

const failed = (name: string, reason: string, cause: unknown) =>
  new OpenChatError('transaction_failed', `The transaction ${name} could not be sent: ${reason}`, {
    meta: { call: name },
    action: 'Check the connection to the chain and try again.',
    cause,
  })
