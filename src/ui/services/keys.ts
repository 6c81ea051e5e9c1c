// Keys, other wallets, the servers that are asked. See services.ts for what holds of all of it.
import type { Hex } from '../../attribution/types.ts'
import type { OpenChatError } from '../../errors.ts'
import type { KeyState } from '../../wallet/burner.ts'
import type { EndpointCheck, Endpoints } from '../../wallet/endpoints.ts'

export interface WalletOffer {
  /** Reverse domain name. */
  id: string
  name: string
  /** A data: URL of an image, or null. */
  icon: string | null
}

export type KeyView =
  | { state: 'opening' }
  | { state: 'absent'; error: OpenChatError }
  | {
      state: 'ready'
      key: KeyState
      connected: (WalletOffer & { address: Hex }) | null
      /** The wallet of an earlier visit that is not here any more, or not with its account. */
      gone: { name: string; error: OpenChatError } | null
    }

export interface KeyService {
  subscribe(listener: (view: KeyView) => void): () => void
  /** The passphrase where that is the lock; a passkey is asked for. @throws burner_locked, passkey_refused */
  unlock(passphrase?: string): Promise<void>
  /** In every tab. */
  lock(): Promise<void>
  /** What opens the key from now on. @throws passkey_unavailable, passkey_refused */
  protect(by: { kind: 'device' } | { kind: 'passkey' } | { kind: 'passphrase'; passphrase: string }): Promise<void>
  /** @throws burner_locked, key_without_phrase */
  phrase(): Promise<string>
  keyFile(passphrase: string): Promise<string>
  confirmBackup(): Promise<void>
  /** Another account becomes this browser's; the present one is put aside. @returns its address. @throws phrase_invalid, key_file_invalid … */
  restore(from: { phrase: string } | { file: string; passphrase: string } | { aside: Hex } | 'fresh'): Promise<Hex>
  /**
   * A new account with a recovery phrase, and the coin of the present one moved to it; that one is put aside, its deposit with it.
   * When the coin cannot be moved, the present one stays. @returns wei moved, 0 when it held none. @throws burner_locked, rpc_unreachable …
   */
  moveToPhrase(): Promise<{ address: Hex; moved: bigint }>
  /** Wallets in this browser; each announces itself when it is there. */
  wallets(listener: (offers: WalletOffer[]) => void): () => void
  /** @throws wallet_refused, wallet_wrong_chain, wallet_invalid, wallet_silent, wallet_failed */
  connect(id: string, signal: AbortSignal): Promise<void>
  disconnect(): Promise<void>
  /** `chosen`: by the person, in place of those of the page. */
  endpoints(): Promise<{ endpoints: Endpoints; chosen: boolean; chainId: number }>
  /** Looks at each; keeps them when all are well. */
  tryEndpoints(endpoints: Endpoints): Promise<EndpointCheck[]>
  resetEndpoints(): Promise<void>
  /** Ends every tab's work and deletes everything this page keeps on this machine. The page begins anew. */
  eraseAll(): void
}
