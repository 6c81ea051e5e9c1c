// Sends transactions of one account to the contracts, one after another, and waits until each is in a block. Nothing is
// read for show here: what a transaction returned is proven afterwards through the light client.
// Invariants: one in flight per tab (a second waits), so nonces do not collide; a revert names the contract's own error.
import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PrivateKeyAccount,
  type TransactionReceipt,
} from 'viem'
import { OpenChatError } from '../errors.ts'

export interface ContractCall {
  address: Hex
  abi: Abi
  functionName: string
  args: readonly unknown[]
  /** wei of native OPEN sent along. */
  value?: bigint
}

export interface Transactions {
  /** @throws `transaction_reverted`, `transaction_failed` */
  send(call: ContractCall): Promise<TransactionReceipt>
}

const RECEIPT_TIMEOUT_MS = 60_000
const POLL_MS = 500

export function createTransactions(account: PrivateKeyAccount, rpcUrl: string, chainId: number): Transactions {
  const chain = defineChain({
    id: chainId,
    name: 'Open Chat',
    nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
  const transport = http(rpcUrl, { timeout: 15_000, retryCount: 1 })
  const reader = createPublicClient({ chain, transport, pollingInterval: POLL_MS })
  const writer = createWalletClient({ chain, transport, account })
  let last: Promise<unknown> = Promise.resolve()

  async function send(call: ContractCall): Promise<TransactionReceipt> {
    try {
      const { request } = await reader.simulateContract({ ...call, account, value: call.value ?? 0n })
      const hash = await writer.writeContract(request)
      const receipt = await reader.waitForTransactionReceipt({ hash, timeout: RECEIPT_TIMEOUT_MS })
      if (receipt.status === 'success') return receipt
    } catch (cause) {
      throw typed(call, cause)
    }
    throw reverted(call, 'it ran and was undone')
  }

  return {
    send(call) {
      const next = last.then(() => send(call))
      last = next.catch(() => undefined)
      return next
    },
  }
}

function reverted(call: ContractCall, reason: string, cause?: unknown): OpenChatError {
  return new OpenChatError('transaction_reverted', `The contract refused ${call.functionName}: ${reason}.`, {
    meta: { call: call.functionName, reason },
    cause,
  })
}

function typed(call: ContractCall, cause: unknown): OpenChatError {
  const revert = cause instanceof BaseError ? cause.walk((error) => error instanceof ContractFunctionRevertedError) : null
  if (revert instanceof ContractFunctionRevertedError) {
    return reverted(call, revert.data?.errorName ?? revert.reason ?? 'no reason given', cause)
  }
  const reason = cause instanceof BaseError ? cause.shortMessage : String(cause)
  return new OpenChatError('transaction_failed', `The transaction ${call.functionName} could not be sent: ${reason}`, {
    meta: { call: call.functionName },
    action: 'Check the connection to the chain and try again.',
    cause,
  })
}
