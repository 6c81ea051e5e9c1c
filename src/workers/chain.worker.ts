// The chain worker: proofs away from the page's own thread. It holds a light client and nothing else; keys, the outbox and
// everything of viem stay with the wallet on the page.
import { OpenChatError } from '../errors.ts'
import { createLightClient, type LightClient } from '../wallet/light-client/client.ts'
import { clockOffset } from '../wallet/light-client/clock.ts'
import { httpRpc } from '../wallet/light-client/rpc.ts'
import type { ChainApi } from './chain-api.ts'
import { expose } from './rpc.ts'

let client: LightClient | undefined

function opened(): LightClient {
  if (!client) throw new OpenChatError('settings_invalid', 'The chain worker was asked before it was told which chain.')
  return client
}

const api: ChainApi = {
  async open({ chainId, rpcUrls }) {
    const offset = await clockOffset(new URL('/', location.href).href)
    client = createLightClient({ chainId, rpcs: rpcUrls.map((url) => httpRpc(url)), now: () => (Date.now() + offset) / 1000 })
  },
  pin: (...args) => opened().pin(...args),
  readSlots: (...args) => opened().readSlots(...args),
  readBalance: (...args) => opened().readBalance(...args),
}

expose(api)
