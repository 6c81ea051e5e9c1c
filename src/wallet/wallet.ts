// Everything of the chain that a page or a program uses, put together once: account, ledger, datanets, verification. The
// face of this room. Not loaded before a chain is wanted, and without side effects until `openWallet` is called.
import type { ChainValues } from '../attribution/verify.ts'
import type { RecordSpace } from '../storage/records.ts'
import { type Budget, createBudget } from './budget.ts'
import { type Burner, openBurner } from './burner.ts'
import { chainValues } from './chain-values.ts'
import { type Contributor, createContributor } from './contribute.ts'
import { type Curation, createCuration } from './curation.ts'
import { createDataAvailability, type DataAvailability } from './data-availability.ts'
import { createDatanetReader, type DatanetReader } from './datanets.ts'
import { createDeposits, type Deposits } from './deposit.ts'
import type { ConnectedWallet } from './injected-wallet.ts'
import { createLedger, type ProvenLedger } from './ledger.ts'
import { createLightClient, type LightClient } from './light-client/client.ts'
import { type ContractState, createContractState } from './light-client/contract-state.ts'
import { httpRpc } from './light-client/rpc.ts'
import type { WalletSettings } from './settings.ts'
import { createTransactions } from './transactions.ts'
import { createUses } from './uses.ts'
import { createValidatorClient, type ValidatorClient } from './validator-client.ts'

export interface Wallet {
  settings: WalletSettings
  /** Who pays, contributes and earns: the connected wallet's account, else the burner's. */
  address: `0x${string}`
  /** Who signs receipts, from the deposit made for it: always the burner. */
  payer: `0x${string}`
  burner: Burner
  connected: ConnectedWallet | null
  budget: Budget
  ledger: ProvenLedger
  deposits: Deposits
  datanets: DatanetReader
  contributor: Contributor
  curation: Curation
  uses: ReturnType<typeof createUses>
  /** Proven reads of the contracts. */
  state: ContractState
  validators: ValidatorClient
  availability: DataAvailability
  /** Chain values for one run of `verifySteps`. */
  chainValues(signal?: AbortSignal): ChainValues
  /** Ends the work of the outbox in this tab; what is in it stays. */
  close(): void
}

export interface WalletOptions {
  settings: WalletSettings
  records: RecordSpace
  /** A light client elsewhere, such as the chain worker's; by default one on this thread. */
  client?: LightClient
  passphrase?: string
  /** Gives the coin and contributes, in place of the burner. */
  connected?: ConnectedWallet | null
  /** Told of what ended the outbox's work, which only a broken store can. */
  onFailure?: (error: unknown) => void
}

/** A locked burner opens too; what needs its signature then throws. @throws `burner_damaged`, `storage_failed` */
export async function openWallet({ settings, records, client, passphrase, connected = null, onFailure }: WalletOptions): Promise<Wallet> {
  const urls = [settings.rpcUrl, ...settings.rpcUrls]
  const light = client ?? createLightClient({ chainId: settings.chainId, rpcs: urls.map((url) => httpRpc(url)) })
  const state = createContractState(light, settings.addresses)
  const burner = await openBurner(records, passphrase)
  const own = createTransactions(burner.account, settings.rpcUrl, settings.chainId)
  const transactions = connected ? createTransactions(connected, settings.rpcUrl, settings.chainId) : own
  const address = connected?.address ?? burner.address
  const availability = createDataAvailability(settings.daUrl)
  const validators = createValidatorClient(settings.validatorUrls)
  const deposits = createDeposits({
    payer: burner.address,
    settings,
    state,
    transactions: own,
    wallet: connected ? { address, transactions } : undefined,
  })
  const rpc = httpRpc(settings.rpcUrl)
  const datanets = createDatanetReader(state, rpc, availability)
  const fund = () => deposits.fund()
  const chain = `${settings.chainId}:${settings.deployment}`
  const contributor = createContributor({ chain, author: address, records, state, datanets, availability, transactions, fund })
  // Outside a page there is one process, and a channel would keep it alive.
  const channel = typeof document === 'undefined' ? undefined : new BroadcastChannel('open-chat/outbox')
  const ledger = createLedger({ burner, records, settings, state, validators, deposits, ...(channel ? { channel } : {}) })
  const closing = new AbortController()
  ledger.outbox.run(closing.signal).catch((error: unknown) => onFailure?.(error))
  return {
    settings,
    address,
    payer: burner.address,
    burner,
    connected,
    budget: createBudget(records),
    ledger,
    deposits,
    datanets,
    contributor,
    curation: createCuration({ address: settings.addresses.datanets, datanets, transactions, fund }),
    uses: createUses({ state, rpc, availability, datanets }),
    state,
    validators,
    availability,
    chainValues: (signal) => chainValues(state, validators, signal),
    close() {
      closing.abort()
      channel?.close()
    },
  }
}
