// Wallets that live in the browser beside the page (EIP-6963) and are spoken to by EIP-1193. Nothing they say is believed: types
// are checked, silence ends, and a chain is the right one only when the wallet says so after being asked to change.
// Not the page's own key (burner.ts), and no wallet signs receipts: it puts coin aside for the key that does.
// Invariants: nothing is prompted without a deed of the person; `resume` never prompts; a refusal is an ordinary answer.
// Sources: EIP-6963, EIP-1193 (4001), EIP-3326 (wallet_switchEthereumChain, 4902), EIP-3085 (wallet_addEthereumChain).
import { requestProviders } from 'mipd'
import type { Hex } from '../attribution/types.ts'
import { OpenChatError } from '../errors.ts'

export interface Eip1193 {
  request(call: { method: string; params?: unknown }): Promise<unknown>
  on?(event: string, listener: (value: never) => void): unknown
  removeListener?(event: string, listener: (value: never) => void): unknown
}

export interface OfferedWallet {
  /** Reverse domain name: the same at each visit. */
  id: string
  name: string
  /** A data: URL of an image; null where it is something else. */
  icon: string | null
  provider: Eip1193
}

export interface WantedChain {
  chainId: number
  rpcUrl: string
}

export interface ConnectedWallet {
  id: string
  name: string
  address: Hex
  provider: Eip1193
  /** Told once when the account, the chain or the wallet is another. @returns stop */
  watch(listener: () => void): () => void
}

export interface Patience {
  /** For answers that need no person, ms. */
  silentMs: number
  /** For answers that a person gives, ms. */
  promptMs: number
}

const PATIENCE: Patience = { silentMs: 5_000, promptMs: 120_000 }
const REFUSED = 4001
const UNKNOWN_CHAIN = 4902

/** Tells of each wallet that announces itself, once. @returns stop */
export function offeredWallets(listener: (wallet: OfferedWallet) => void): () => void {
  const seen = new Set<string>()
  const stop = requestProviders((detail: unknown) => {
    const { info, provider } = (detail ?? {}) as { info?: Record<string, unknown>; provider?: Partial<Eip1193> }
    const { rdns, name, icon } = info ?? {}
    if (typeof rdns !== 'string' || typeof name !== 'string' || typeof provider?.request !== 'function' || seen.has(rdns)) return
    seen.add(rdns)
    const picture = typeof icon === 'string' && icon.startsWith('data:image/') ? icon : null
    listener({ id: rdns, name: name.slice(0, 60), icon: picture, provider: provider as Eip1193 })
  })
  return stop ?? (() => undefined)
}

/**
 * Asks for an account, and for the right chain.
 * @throws `wallet_refused`, `wallet_wrong_chain`, `wallet_invalid`, `wallet_silent`, `cancelled`
 */
export async function connectWallet(
  offered: OfferedWallet,
  chain: WantedChain,
  signal: AbortSignal,
  patience: Patience = PATIENCE,
): Promise<ConnectedWallet> {
  const ask = asker(offered, signal, patience)
  try {
    const address = accountOf(offered, await ask('eth_requestAccounts', [], 'prompt'))
    if (address === null) throw refused(offered.name)
    await changeChain(offered, chain, ask)
    return connected(offered, address)
  } catch (error) {
    throw walletError(offered.name, error)
  }
}

/** The connection of an earlier visit, without a prompt; null where the wallet no longer gives this account. */
export async function resumeWallet(
  offered: OfferedWallet,
  address: Hex,
  signal: AbortSignal,
  patience: Patience = PATIENCE,
): Promise<ConnectedWallet | null> {
  const given = accountOf(offered, await asker(offered, signal, patience)('eth_accounts', [], 'silent'))
  return given === address ? connected(offered, given) : null
}

/** Whether the wallet is on this chain; asks it to change where it is not. @throws as {@link connectWallet} */
export async function ensureChain(
  wallet: OfferedWallet,
  chain: WantedChain,
  signal: AbortSignal,
  patience: Patience = PATIENCE,
): Promise<void> {
  await changeChain(wallet, chain, asker(wallet, signal, patience))
}

type Ask = (method: string, params: unknown[], who: 'silent' | 'prompt') => Promise<unknown>

function asker({ name, provider }: Pick<OfferedWallet, 'name' | 'provider'>, signal: AbortSignal, patience: Patience): Ask {
  return (method, params, who) =>
    new Promise((resolve, reject) => {
      const ms = who === 'prompt' ? patience.promptMs : patience.silentMs
      const timer = setTimeout(() => reject(silent(name, ms)), ms)
      const stop = () => reject(new OpenChatError('cancelled', `Waiting for ${name} was stopped.`))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      Promise.resolve()
        .then(() => provider.request({ method, params }))
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer)
          signal.removeEventListener('abort', stop)
        })
    })
}

async function changeChain(offered: OfferedWallet, chain: WantedChain, ask: Ask): Promise<void> {
  const is = async () => chainOf(offered, await ask('eth_chainId', [], 'silent')) === chain.chainId
  if (await is()) return
  const chainId = `0x${chain.chainId.toString(16)}`
  try {
    await ask('wallet_switchEthereumChain', [{ chainId }], 'prompt')
  } catch (error) {
    if (codeOf(error) !== UNKNOWN_CHAIN) throw wrongChain(offered, chain, error)
    const nativeCurrency = { name: 'OPEN', symbol: 'OPEN', decimals: 18 }
    const added = { chainId, chainName: `Open Chat ${chain.chainId}`, rpcUrls: [chain.rpcUrl], nativeCurrency }
    await ask('wallet_addEthereumChain', [added], 'prompt').catch((cause: unknown) => {
      throw wrongChain(offered, chain, cause)
    })
  }
  if (!(await is())) throw wrongChain(offered, chain)
}

function connected(offered: OfferedWallet, address: Hex): ConnectedWallet {
  const { id, name, provider } = offered
  return {
    id,
    name,
    address,
    provider,
    watch(listener) {
      const moved = (accounts: unknown) => {
        if (!Array.isArray(accounts) || String(accounts[0]).toLowerCase() !== address) listener()
      }
      const events = [
        ['accountsChanged', moved],
        ['disconnect', listener],
      ] as const
      for (const [event, told] of events) provider.on?.(event, told)
      return () => {
        for (const [event, told] of events) provider.removeListener?.(event, told)
      }
    },
  }
}

/** The first account, lower case; null for an empty list. */
function accountOf({ name }: OfferedWallet, answer: unknown): Hex | null {
  if (!Array.isArray(answer)) throw invalid(name, 'a list of accounts', answer)
  if (answer.length === 0) return null
  const [first] = answer as unknown[]
  if (typeof first !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(first)) throw invalid(name, 'an account', first)
  return first.toLowerCase() as Hex
}

function chainOf({ name }: OfferedWallet, answer: unknown): number {
  if (typeof answer !== 'string' || !/^0x[0-9a-fA-F]{1,13}$/.test(answer)) throw invalid(name, 'a chain id', answer)
  return Number(answer)
}

/** An error's code, also where a wallet wrapped it. */
function codeOf(error: unknown): number | null {
  const { code, data } = (error ?? {}) as { code?: unknown; data?: { originalError?: { code?: unknown } } }
  if (data?.originalError?.code === UNKNOWN_CHAIN) return UNKNOWN_CHAIN
  return typeof code === 'number' ? code : null
}

/** What a wallet threw, typed. */
export function walletError(name: string, error: unknown): OpenChatError {
  if (error instanceof OpenChatError) return error
  if (codeOf(error) === REFUSED) return refused(name, error)
  const { message } = (error ?? {}) as { message?: unknown }
  return new OpenChatError(
    'wallet_failed',
    `${name} failed: ${typeof message === 'string' ? message.slice(0, 200) : 'no reason was given'}.`,
    {
      meta: { wallet: name },
      action: 'Look at the wallet itself, then try again.',
      cause: error,
    },
  )
}

const refused = (name: string, cause?: unknown) =>
  new OpenChatError('wallet_refused', `${name} was told no, so nothing was done.`, {
    meta: { wallet: name },
    action: 'Try again if it was not meant.',
    cause,
  })

const silent = (name: string, ms: number) =>
  new OpenChatError('wallet_silent', `${name} said nothing for ${Math.round(ms / 1000)} s.`, {
    meta: { wallet: name },
    action: 'Open the wallet and look whether it waits for you, then try again.',
  })

const invalid = (name: string, expected: string, got: unknown) =>
  new OpenChatError('wallet_invalid', `${name} gave ${JSON.stringify(got)?.slice(0, 60) ?? 'nothing'} where ${expected} was expected.`, {
    meta: { wallet: name, expected },
    action: 'Use another wallet; nothing of its answer was used.',
  })

const wrongChain = ({ name }: OfferedWallet, { chainId }: WantedChain, cause?: unknown) =>
  cause instanceof OpenChatError
    ? cause
    : new OpenChatError('wallet_wrong_chain', `${name} is not on chain ${chainId} and did not change to it.`, {
        meta: { wallet: name, expected: chainId },
        action: `Choose chain ${chainId} in the wallet, then try again.`,
        cause,
      })
