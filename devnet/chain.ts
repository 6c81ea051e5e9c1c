// viem's clients for the devnet's servers: one key, one nonce counter, one transaction after another. Not for the page.
// Invariants: a sender's transactions are sent in order and each is waited for, so a process that is killed has at most one
// in flight; a revert names the contract's own error.
import {
  type Abi,
  BaseError,
  type Chain,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PrivateKeyAccount,
  type PublicClient,
  type TransactionReceipt,
} from 'viem'
import { OpenChatError } from '../src/errors.ts'
import { CHAIN_ID } from './anvil.ts'

const POLL_MS = 50

function devnetChain(rpcUrl: string): Chain {
  return defineChain({
    id: CHAIN_ID,
    name: 'Open Chat devnet',
    nativeCurrency: { name: 'OPEN', symbol: 'OPEN', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  })
}

export const reader = (rpcUrl: string): PublicClient =>
  createPublicClient({ chain: devnetChain(rpcUrl), transport: http(rpcUrl, { retryCount: 1 }), pollingInterval: POLL_MS, cacheTime: 0 })

interface Call {
  address: Hex
  abi: Abi
  functionName: string
  args: readonly unknown[]
  value?: bigint
}

export interface Sender {
  account: PrivateKeyAccount
  /** Simulates, sends and waits. @throws `transaction_reverted` with `meta.reason`, the contract's error by name */
  call(call: Call): Promise<TransactionReceipt>
  transfer(to: Hex, value: bigint): Promise<TransactionReceipt>
  deploy(abi: Abi, bytecode: Hex, args: readonly unknown[]): Promise<Hex>
}

export function sender(rpcUrl: string, account: PrivateKeyAccount): Sender {
  const client = reader(rpcUrl)
  const wallet = createWalletClient({ account, chain: devnetChain(rpcUrl), transport: http(rpcUrl), cacheTime: 0 })
  let last: Promise<unknown> = Promise.resolve()
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work)
    // Its caller hears of the failure; the queue only goes on.
    last = next.catch(() => {})
    return next
  }
  const mined = async (hash: Hex): Promise<TransactionReceipt> => {
    const receipt = await client.waitForTransactionReceipt({ hash, timeout: 20_000 })
    if (receipt.status !== 'success') throw reverted('A transaction', 'unknown', hash)
    return receipt
  }
  return {
    account,
    call: (call) =>
      inOrder(async () => {
        try {
          const { request } = await client.simulateContract({ ...call, account, value: call.value ?? 0n })
          return await mined(await wallet.writeContract(request))
        } catch (error) {
          throw asReverted(call.functionName, error)
        }
      }),
    transfer: (to, value) => inOrder(async () => mined(await wallet.sendTransaction({ to, value }))),
    deploy: (abi, bytecode, args) =>
      inOrder(async () => {
        const { contractAddress } = await mined(await wallet.deployContract({ abi, bytecode, args }))
        if (!contractAddress) throw reverted('Deploying', 'no contract', bytecode.slice(0, 18))
        return contractAddress
      }),
  }
}

const reverted = (what: string, reason: string, cause: unknown): OpenChatError =>
  new OpenChatError('transaction_reverted', `${what} was refused by the contract: ${reason}.`, { meta: { reason }, cause })

function asReverted(functionName: string, error: unknown): unknown {
  if (!(error instanceof BaseError)) return error
  const revert = error.walk((inner) => inner instanceof ContractFunctionRevertedError)
  if (!(revert instanceof ContractFunctionRevertedError)) {
    return new OpenChatError('chain_unreachable', `${functionName} could not be sent: ${error.shortMessage}`, { cause: error })
  }
  const args = revert.data?.args?.map(String).join(', ') ?? ''
  return reverted(functionName, `${revert.data?.errorName ?? revert.reason ?? 'no reason'}(${args})`, error)
}
