// The wallet as the page sees it: opened behind the first paint, with its proofs in the chain worker. Where no chain is set
// up or none answers, the page goes on without, and says so.
import { asOpenChatError, type OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { Wallet } from '../../wallet/wallet.ts'
import type { ChainApi } from '../../workers/chain-api.ts'
import { openWorker } from '../../workers/rpc.ts'
import type { WalletService, WalletState } from '../services.ts'
import { told } from './told.ts'

/** Between looks at the balance while the page is seen, ms. */
const LOOK_MS = 15_000

export interface WalletDesk {
  service: WalletService
  /** The wallet, once it is open. @throws settings_absent, rpc_unreachable … */
  wallet(): Promise<Wallet>
  /** The wallet when there is one. */
  maybe(): Promise<Wallet | null>
}

export function openWalletDesk(fee: bigint, onFailure: (error: OpenChatError) => void): WalletDesk {
  const state = told<WalletState>({ state: 'opening' })
  let opening: Promise<Wallet> | null = null

  async function open(): Promise<Wallet> {
    const [{ loadSettings }, { openWallet }] = await Promise.all([import('../../wallet/settings.ts'), import('../../wallet/wallet.ts')])
    const settings = await loadSettings()
    const { api } = openWorker<ChainApi>(new Worker(new URL('../../workers/chain.worker.ts', import.meta.url), { type: 'module' }))
    await api.open({ chainId: settings.chainId, rpcUrls: [settings.rpcUrl, ...settings.rpcUrls] })
    return openWallet({ settings, records: indexedDbRecords(), client: api, onFailure: (error) => onFailure(asOpenChatError(error)) })
  }

  function wallet(): Promise<Wallet> {
    opening ??= open().catch((error: unknown) => {
      opening = null
      state.set({ state: 'absent', error: asOpenChatError(error) })
      throw error
    })
    return opening
  }

  async function look(): Promise<void> {
    try {
      const { state: chain, address, settings } = await wallet()
      const { labelled } = await import('../../wallet/chain-values.ts')
      const pinned = await chain.pin()
      const balance = labelled(await chain.balance(pinned, address))
      const deposit = await chain.deposit(pinned, address)
      const assurance = balance.assurance as Extract<WalletState, { state: 'ready' }>['assurance']
      state.set({ state: 'ready', address, chain: `chain ${settings.chainId}`, balance: balance.value, deposit: deposit.value, assurance })
    } catch (error) {
      state.set({ state: 'absent', error: asOpenChatError(error) })
    }
  }

  void look()
  // A receipt on its way moves money: the balance is read again when one has changed.
  void wallet().then(
    ({ ledger }) => ledger.outbox.subscribe(() => void look()),
    // Said by `look`.
    () => undefined,
  )
  setInterval(() => {
    if (document.visibilityState === 'visible') void look()
  }, LOOK_MS)

  return {
    wallet,
    // Why there is none stands in the wallet's state, which the page shows.
    maybe: () => wallet().catch(() => null),
    service: {
      fee,
      subscribe: state.subscribe,
      async deposit(wei) {
        const { deposits } = await wallet()
        await deposits.fund()
        await deposits.add(wei)
        await look()
      },
    },
  }
}
