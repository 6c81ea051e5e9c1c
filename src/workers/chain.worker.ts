// The chain worker: proofs away from the page's own thread. It holds a light client and nothing else; keys, the outbox and
// everything of viem stay with the wallet on the page.
import { OpenChatError } from '../errors.ts'
import { createLightClient, type LightClient } from '../wallet/light-client/client.ts'
import { httpRpc } from '../wallet/light-client/rpc.ts'
import { expose } from './rpc.ts'

let client: LightClient | undefined

function opened(): LightClient {
  if (!client) throw new OpenChatError('settings_invalid', 'The chain worker was asked before it was told which chain.')
  return client
}

const api = {
  /** Chooses the chain; to be called first, and again when the settings change. */
  open(settings: { chainId: number; rpcUrls: string[] }): void {
    client = createLightClient({ chainId: settings.chainId, rpcs: settings.rpcUrls.map((url) => httpRpc(url)) })
  },
  pin: (...args) => opened().pin(...args),
  readSlots: (...args) => opened().readSlots(...args),
  readBalance: (...args) => opened().readBalance(...args),
} satisfies LightClient & { open(settings: { chainId: number; rpcUrls: string[] }): void }

export type ChainApi = typeof api

expose(api)
