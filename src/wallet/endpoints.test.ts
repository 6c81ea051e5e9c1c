// The look at each server before it is kept, against real ones: the devnet's own, and a server that has nothing and knows nothing.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startDaServer } from '../../devnet/da-server.ts'
import { type HttpServer, serveHttp } from '../../devnet/http.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import { type EndpointCheck, testEndpoints } from './endpoints.ts'
import { parseSettings } from './settings.ts'

let folder: string
let da: HttpServer
let validator: HttpServer
let stranger: HttpServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'open-chat-da-'))
  da = await startDaServer({ folder })
  validator = await serveHttp({
    'GET /receipts/': async () => {
      throw new OpenChatError('not_found', 'No such receipt.')
    },
  })
  stranger = await serveHttp({
    'GET /': async () => ({ status: 404, body: Buffer.from('<h1>Not found</h1>') }),
  })
})
afterAll(async () => {
  await Promise.all([da.close(), validator.close(), stranger.close()])
  await rm(folder, { recursive: true })
})

const address = `0x${'11'.repeat(20)}`
const settings = () =>
  parseSettings({
    chainId: 31337,
    rpcUrl: stranger.url,
    daUrl: da.url,
    validatorUrls: [validator.url],
    addresses: { wopen: address, datanets: address, attributions: address, payouts: address },
    deployment: ZERO_HASH,
  })

async function looks(daUrl: string, validatorUrl: string): Promise<Record<EndpointCheck['kind'], string>> {
  const endpoints = { rpcUrl: stranger.url, rpcUrls: [], daUrl, validatorUrls: [validatorUrl] }
  const checks = await testEndpoints(settings(), endpoints)
  return Object.fromEntries(checks.map(({ kind, ok, detail }) => [kind, `${ok}: ${detail}`])) as Record<EndpointCheck['kind'], string>
}

it('passes a server of commitments and one of receipts', async () => {
  const { da: said, validator: saidToo, rpc } = await looks(da.url, validator.url)
  expect(said).toBe('true: It answers as expected.')
  expect(saidToo).toBe('true: It answers as expected.')
  expect(rpc).toMatch(/^false: /)
})

it('takes no server that merely has nothing', async () => {
  const { da: said, validator: saidToo } = await looks(stranger.url, stranger.url)
  expect(said).toBe('false: It answers, but not as a data-availability server does.')
  expect(saidToo).toBe('false: It answers, but not as a validator does.')
})

it('says when nobody is there', async () => {
  const gone = await serveHttp({})
  await gone.close()
  expect((await looks(gone.url, validator.url)).da).toBe('false: It cannot be reached.')
})
