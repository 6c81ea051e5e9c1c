// The wallet as the page sees it: opened behind the first paint, with its proofs in the chain worker. Where no chain is set
// up or none answers, the page goes on without, and says so. Opened again when the account, the connected wallet or the
// servers are others (keys.ts); callers ask for it each time and never keep it.
import { asOpenChatError, type OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { BudgetState } from '../../wallet/budget.ts'
import type { ConnectedWallet } from '../../wallet/injected-wallet.ts'
import type { Wallet } from '../../wallet/wallet.ts'
import type { ChainApi } from '../../workers/chain-api.ts'
import { openWorker } from '../../workers/rpc.ts'
import type { Assurance, WalletService, WalletState } from '../services.ts'
import { told } from './told.ts'

/** Between looks at the balance while the page is seen, ms. */
const LOOK_MS = 15_000

export interface WalletDesk {
  service: WalletService
  /** The wallet, once it is open. @throws settings_absent, rpc_unreachable … */
  wallet(): Promise<Wallet>
  /** The wallet when there is one. */
  maybe(): Promise<Wallet | null>
  /** Closes it and opens it anew, with what is chosen now. */
  reopen(): Promise<void>
  /** What gives the coin from the next opening on; null is the page's own key. */
  connected: ConnectedWallet | null
  /** Called at each opening, the next ones included. @returns stop */
  opened(listener: (wallet: Wallet) => void): () => void
  /** Says again what is left of the budget. */
  budgetChanged(): Promise<void>
}

/**
 * @param resume the wallet that was connected at the last visit, asked for before the first opening
 * @param painted it is opened after it, unless somebody asks before
 */
export function openWalletDesk(
  fee: bigint,
  onFailure: (error: OpenChatError) => void,
  resume: () => Promise<ConnectedWallet | null>,
  painted: Promise<void>,
): WalletDesk {
  const state = told<WalletState>({ state: 'opening' })
  const budget = told<BudgetState>({ limit: null, spent: 0n, left: null })
  const listeners = new Set<(wallet: Wallet) => void>()
  let opening: Promise<Wallet> | null = null
  let chain: ReturnType<typeof openWorker<ChainApi>> | null = null
  /** null: taken. */
  let resuming: Promise<ConnectedWallet | null> | null | undefined

  async function open(): Promise<Wallet> {
    const [{ lastSettings }, { openWallet }, { endpointStore }] = await Promise.all([
      import('../../wallet/settings.ts'),
      import('../../wallet/wallet.ts'),
      import('../../wallet/endpoints.ts'),
    ])
    if (resuming !== null) {
      resuming ??= resume()
      desk.connected = await resuming
    }
    resuming = null
    const records = indexedDbRecords()
    const settings = await endpointStore(records).over(await lastSettings(records))
    chain ??= openWorker<ChainApi>(new Worker(new URL('../../workers/chain.worker.ts', import.meta.url), { type: 'module' }))
    await chain.api.open({ chainId: settings.chainId, rpcUrls: [settings.rpcUrl, ...settings.rpcUrls] })
    const wallet = await openWallet({
      settings,
      records,
      client: chain.api,
      connected: desk.connected,
      onFailure: (error) => onFailure(asOpenChatError(error)),
    })
    // A receipt on its way moves money: the balance is read again when one has changed.
    wallet.ledger.outbox.subscribe(() => void look())
    for (const listener of listeners) listener(wallet)
    return wallet
  }

  function wallet(): Promise<Wallet> {
    if (opening !== null) return opening
    const tried = open()
    opening = tried
    tried.catch((error: unknown) => {
      if (opening !== tried) return
      opening = null
      state.set({ state: 'absent', error: asOpenChatError(error) })
    })
    return tried
  }

  async function look(): Promise<void> {
    try {
      const { deposits, address, payer, connected, settings } = await wallet()
      const { labelled } = await import('../../wallet/chain-values.ts')
      const { value, assurance } = labelled(await deposits.money())
      const { balance, sessionBalance: payerBalance, deposit, unlockAt, blockTime } = value
      state.set({
        state: 'ready',
        address,
        chain: `chain ${settings.chainId}`,
        balance,
        deposit,
        assurance: assurance as Assurance,
        payer,
        payerBalance,
        walletName: connected?.name ?? null,
        unlockAt,
        blockTime,
        faucet: settings.faucetUrl !== null,
      })
    } catch (error) {
      state.set({ state: 'absent', error: asOpenChatError(error) })
    }
  }

  async function budgetChanged(): Promise<void> {
    const open = await desk.maybe()
    if (open !== null) budget.set(await open.budget.state())
  }

  /** Then the page shows what came of it. */
  const deed =
    <A extends unknown[], T>(work: (wallet: Wallet, ...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      try {
        return await work(await wallet(), ...args)
      } finally {
        await look()
      }
    }

  const desk: WalletDesk = {
    connected: null,
    wallet,
    // Why there is none stands in the wallet's state, which the page shows.
    maybe: () => wallet().catch(() => null),
    async reopen() {
      const before = opening
      opening = null
      await before?.then(
        (held) => held.close(),
        // It never opened.
        () => undefined,
      )
      await look()
    },
    opened(listener) {
      listeners.add(listener)
      void opening?.then(listener, () => undefined)
      return () => listeners.delete(listener)
    },
    budgetChanged,
    service: {
      fee,
      subscribe: state.subscribe,
      deposit: deed(async ({ deposits }, wei: bigint) => {
        await deposits.fund()
        await deposits.add(wei)
      }),
      topUp: deed(({ deposits }) => deposits.topUp()),
      requestWithdrawal: deed(({ deposits }) => deposits.requestWithdrawal()),
      withdraw: deed(({ deposits }) => deposits.withdraw()),
      sweep: deed(({ deposits }, to: string) => deposits.sweep(to)),
      async earnings(signal) {
        const { state: chainState, address } = await wallet()
        const [{ readEarnings }, { labelled }] = await Promise.all([
          import('../../wallet/earnings.ts'),
          import('../../wallet/chain-values.ts'),
        ])
        const { value, assurance } = labelled(await readEarnings(chainState, address, signal))
        return { earnings: value, assurance: assurance as Assurance }
      },
      budget(listener) {
        void budgetChanged()
        return budget.subscribe(listener)
      },
      async setBudget(wei) {
        budget.set(await (await wallet()).budget.setLimit(wei))
      },
    },
  }

  void painted.then(look)
  setInterval(() => {
    if (document.visibilityState !== 'visible') return
    void look()
    // Another tab spends too, and midnight comes.
    void budgetChanged()
  }, LOOK_MS)
  return desk
}
