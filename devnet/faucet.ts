// Gives a little native OPEN to new accounts of the devnet, so that a burner can pay for gas and deposits. Not a thing any real
// chain has; its coin was set by `anvil_setBalance` and is worth nothing.
// Invariants: an account gets coin only while it holds less than one grant's half; grants are counted and end.
import { isAddress, type PrivateKeyAccount } from 'viem'
import { OpenChatError } from '../src/errors.ts'
import { reader, sender } from './chain.ts'
import { type HttpServer, serveHttp } from './http.ts'

/** wei: 10 OPEN, some 10,000 answers. */
const GRANT = 10n ** 19n
const MAX_GRANTS = 10_000

/** `POST /fund` `{ address }` → `{ granted: wei, balance: wei }` as decimal strings. */
export function startFaucet(options: { rpcUrl: string; account: PrivateKeyAccount; port?: number }): Promise<HttpServer> {
  const client = reader(options.rpcUrl)
  const giver = sender(options.rpcUrl, options.account)
  let grants = 0
  // One at a time, so that two requests of one account see each other's grant.
  let last: Promise<unknown> = Promise.resolve()
  async function fund(address: unknown): Promise<{ granted: bigint; balance: bigint }> {
    if (typeof address !== 'string' || !isAddress(address, { strict: false })) {
      throw new OpenChatError('request_invalid', 'Name the account to fund: { "address": "0x…" }.')
    }
    const balance = await client.getBalance({ address })
    if (balance >= GRANT / 2n) return { granted: 0n, balance }
    if (grants >= MAX_GRANTS)
      throw new OpenChatError('faucet_limited', `This faucet has given its ${MAX_GRANTS} grants.`, { action: 'Restart the devnet.' })
    grants++
    await giver.transfer(address, GRANT)
    return { granted: GRANT, balance: await client.getBalance({ address }) }
  }
  return serveHttp(
    {
      'POST /fund': async ({ json }) => {
        const { address } = await json()
        const next = last.then(() => fund(address))
        // Its caller hears of the failure; the queue only goes on.
        last = next.catch(() => {})
        return { body: await next }
      },
    },
    options.port,
  )
}
