// What the chain worker offers, as types: a light client on another thread.
import type { LightClient } from '../wallet/light-client/client.ts'

export interface ChainApi extends LightClient {
  /** Chooses the chain; to be called first, and again when the settings change. Asks the page's server for the time. */
  open(settings: { chainId: number; rpcUrls: string[] }): Promise<void>
}
