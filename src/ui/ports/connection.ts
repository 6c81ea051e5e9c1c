// The wallet beside the page that a person connected: found again at the next visit without a prompt, watched while it is here.
// Not what it is used for (wallet/deposit.ts). Wallets announce themselves when asked, so one that does not is gone.
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { ConnectedWallet, OfferedWallet, WantedChain } from '../../wallet/injected-wallet.ts'
import { told } from './told.ts'

/** Wallets answer the question who is there at once; this is for slow ones, ms. */
const ANNOUNCED_MS = 1_500
const RECORD = 'connected'

interface KeptConnection {
  id: string
  name: string
  address: `0x${string}`
}

export interface ConnectionState {
  connected: ConnectedWallet | null
  gone: { name: string; error: OpenChatError } | null
}

export function openConnection(changed: () => void) {
  const records = indexedDbRecords().open<KeptConnection>('wallet')
  const state = told<ConnectionState>({ connected: null, gone: null })
  const offers = told<OfferedWallet[]>([])
  let looking = false
  let unwatch: (() => void) | null = null

  async function look(): Promise<void> {
    if (looking) return
    looking = true
    const { offeredWallets } = await import('../../wallet/injected-wallet.ts')
    offeredWallets((offer) => offers.set([...offers.value, offer]))
  }

  async function announced(id: string): Promise<OfferedWallet | null> {
    await look()
    return new Promise((resolve) => {
      const stop = offers.subscribe((list) => {
        const found = list.find((offer) => offer.id === id)
        if (found) setTimeout(() => done(found))
      })
      const timer = setTimeout(() => done(null), ANNOUNCED_MS)
      const done = (found: OfferedWallet | null) => {
        clearTimeout(timer)
        stop()
        resolve(found)
      }
    })
  }

  function lose(name: string): void {
    unwatch?.()
    unwatch = null
    const error = new OpenChatError('wallet_gone', `${name} is not here any more, or not with the account that was connected.`, {
      meta: { wallet: name },
      action: 'Connect it again, or disconnect it. Answers are still paid from the deposit.',
    })
    state.set({ connected: null, gone: { name, error } })
  }

  function hold(connected: ConnectedWallet): void {
    unwatch?.()
    unwatch = connected.watch(() => {
      lose(connected.name)
      changed()
    })
    state.set({ connected, gone: null })
  }

  return {
    state,
    offers,
    look,
    /** The connection of the last visit, or why there is none now. */
    async resume(): Promise<ConnectedWallet | null> {
      const kept = await records.get(RECORD)
      if (kept === undefined) return null
      const offered = await announced(kept.id)
      try {
        const { resumeWallet } = await import('../../wallet/injected-wallet.ts')
        const connected = offered && (await resumeWallet(offered, kept.address, new AbortController().signal))
        if (connected) hold(connected)
        else lose(kept.name)
      } catch (error) {
        state.set({ connected: null, gone: { name: kept.name, error: asOpenChatError(error) } })
      }
      return state.value.connected
    },
    async connect(id: string, chain: WantedChain, signal: AbortSignal): Promise<void> {
      const offered = await announced(id)
      if (offered === null)
        throw new OpenChatError('wallet_gone', 'That wallet is not here any more.', { action: 'Reload the page, or choose another.' })
      const { connectWallet } = await import('../../wallet/injected-wallet.ts')
      const connected = await connectWallet(offered, chain, signal)
      await records.set(RECORD, { id, name: connected.name, address: connected.address })
      hold(connected)
    },
    async disconnect(): Promise<void> {
      unwatch?.()
      unwatch = null
      await records.delete(RECORD)
      state.set({ connected: null, gone: null })
    },
  }
}
