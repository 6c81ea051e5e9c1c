// Data availability of the devnet: the routes of OP's alt-DA server in keccak mode, over one folder. Not a promise to keep
// anything: DA shows that data was published (chain.md "Data availability").
// Invariants: what is stored under a commitment hashes to it; a file appears whole or not at all.
// Source: Optimism's alt-DA specification: `POST /put/<hex>` and `GET /get/<hex>`, commitment = 0x00 ‖ keccak256(body).
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keccak, toHex } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import { type HttpServer, serveHttp } from './http.ts'

const MAX_BYTES = 16 * 2 ** 20

/** How a request is made to fail, in tests of those who use a DA layer. */
export type DaFailure = 'stall' | 'refuse' | 'lie' | null

export interface DaServerOptions {
  folder: string
  port?: number
  /** Asked once per request; absent outside tests. */
  failure?: (kind: 'put' | 'get') => DaFailure
}

export async function startDaServer({ folder, port = 0, failure = () => null }: DaServerOptions): Promise<HttpServer> {
  await mkdir(folder, { recursive: true })
  const closing = new AbortController()
  const fail = async (kind: 'put' | 'get') => {
    const how = failure(kind)
    if (how === 'refuse') throw new OpenChatError('da_refused', 'The DA server was told to refuse.')
    if (how === 'stall') await new Promise((_, reject) => closing.signal.addEventListener('abort', reject, { once: true }))
    return how
  }
  const server = await serveHttp(
    {
      'POST /put/': async ({ rest, body }) => {
        const hash = hashOf(rest)
        await fail('put')
        const bytes = await body(MAX_BYTES)
        const got = toHex(keccak(bytes)).slice(2)
        if (got !== hash) {
          throw new OpenChatError('request_invalid', `The body hashes to ${got}, the commitment says ${hash}.`, {
            meta: { got, expected: hash },
          })
        }
        const part = join(folder, `${hash}.${process.pid}.${Math.random().toString(36).slice(2)}.part`)
        await writeFile(part, bytes)
        await rename(part, join(folder, hash))
        return { body: Buffer.from(`00${hash}`, 'hex') }
      },
      'GET /get/': async ({ rest }) => {
        const hash = hashOf(rest)
        const how = await fail('get')
        const bytes = await readFile(join(folder, hash)).catch((cause: unknown) => {
          throw new OpenChatError('not_found', `Nothing is stored under 0x00${hash}.`, { cause })
        })
        if (how === 'lie') bytes[0] ^= 1
        return { body: bytes }
      },
    },
    port,
  )
  return {
    url: server.url,
    close: () => {
      closing.abort()
      return server.close()
    },
  }
}

function hashOf(path: string): string {
  const match = /^0x00([0-9a-f]{64})$/.exec(path)
  if (!match)
    throw new OpenChatError('request_invalid', `"${path.slice(0, 80)}" is not a keccak commitment: 0x00 and 64 lower-case hex digits.`)
  return match[1]
}
