// A contribution on the real chain and data-availability server, its program killed at each step: before, at and after the commit,
// the publication and the reveal. What it sent last is carried, its answer lost, and nothing after that is; then another program
// over the same records goes on. contribute.test.ts tries every call on a chain in memory.
// Proven here: each time exactly one commitment, one publication and one contribution, whatever was lost.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPublicClient, http } from 'viem'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Call, type MeddlingProxy, startMeddlingProxy } from '../e2e/meddling-proxy.ts'
import { memoryRecords } from '../src/storage/records.ts'
import { datanetsAbi } from '../src/wallet/contracts.generated.ts'
import type { Planned } from '../src/wallet/contribute.ts'
import { parseSettings } from '../src/wallet/settings.ts'
import { openWallet } from '../src/wallet/wallet.ts'
import { repository } from './compile.ts'
import { PARAMETERS, SEED } from './receipts.testing.ts'
import { type Devnet, startDevnet } from './start.ts'

let stateDir: string
let devnet: Devnet
const proxies: MeddlingProxy[] = []
const records = memoryRecords()

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'open-chat-killed-'))
  devnet = await startDevnet({ stateDir, contractsDir: join(repository, '.open-chat', 'contracts'), seeds: [SEED], parameters: PARAMETERS })
})
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()))
  await devnet?.stop()
  await rm(stateDir, { recursive: true, force: true })
})

const sends = ({ body }: Call) => body.includes('eth_sendRawTransaction')
const waits = ({ body }: Call) => body.includes('eth_getTransactionReceipt')
const puts = ({ path }: Call) => path.startsWith('/put/')

interface Step {
  name: string
  /** @param sent transactions so far */
  at: (call: Call, sent: number) => boolean
  /** Whether the server still gets it. */
  carried: boolean
}

const STEPS: Step[] = [
  { name: 'before the commit is sent', at: (call, sent) => sends(call) && sent === 0, carried: false },
  { name: 'as the commit is sent', at: (call, sent) => sends(call) && sent === 0, carried: true },
  { name: 'while the commit waits for its block', at: (call, sent) => waits(call) && sent === 1, carried: false },
  { name: 'before it is published', at: puts, carried: false },
  { name: 'as it is published', at: puts, carried: true },
  { name: 'before the reveal is sent', at: (call, sent) => sends(call) && sent === 1, carried: false },
  { name: 'as the reveal is sent', at: (call, sent) => sends(call) && sent === 1, carried: true },
  { name: 'while the reveal waits for its block', at: (call, sent) => waits(call) && sent === 2, carried: false },
]

const planOf = (word: string): Planned => ({
  datanet: 1n,
  licence: SEED.licence,
  documents: [
    {
      facts: { author: 'Ada', licence: SEED.licence, title: word, year: 1843 },
      text: `Words ${word}`,
      tokens: Uint16Array.from(word, (letter) => letter.charCodeAt(0)),
    },
  ],
})

/** Runs a program until it is killed: from then on nothing of it reaches a server. */
async function killed(planned: Planned, step: Step): Promise<void> {
  const [node, da] = await Promise.all([startMeddlingProxy(devnet.settings.rpcUrl), startMeddlingProxy(devnet.settings.daUrl)])
  proxies.push(node, da)
  const wallet = await openWallet({ settings: parseSettings({ ...devnet.settings, rpcUrl: node.url, daUrl: da.url }), records })
  // Coin is there, so that what is sent is the contribution's.
  await wallet.deposits.fund()
  let dead = false
  const death = new Promise<void>((die) => {
    let sent = 0
    for (const server of [node, da]) {
      server.behave = (call) => {
        if (dead) return 'stall'
        if (step.at(call, sent)) {
          dead = true
          // The server has it before anybody else goes on.
          setTimeout(die, 500)
          return step.carried ? 'lose' : 'stall'
        }
        if (sends(call)) sent++
        return 'pass'
      }
    }
  })
  const run = async () => {
    for await (const { stage } of wallet.contributor.contribute(planned, new AbortController().signal)) {
      if (stage === 'finished') throw new Error(`It came to its end and was not killed ${step.name}.`)
    }
  }
  const gone = run().catch((error: unknown) => {
    // However the calls of the dead fail, nobody is there to hear it.
    if (!dead) throw error
    return death
  })
  await Promise.race([death, gone])
  wallet.close()
}

const events = async () => {
  const client = createPublicClient({ transport: http(devnet.settings.rpcUrl) })
  const of = async (eventName: 'Committed' | 'Contributed') =>
    client.getContractEvents({ address: devnet.settings.addresses.datanets, abi: datanetsAbi, eventName, fromBlock: 0n })
  return { committed: (await of('Committed')).length, contributed: (await of('Contributed')).length }
}

it.each(STEPS)('killed $name: contributed exactly once', async (step) => {
  const before = await events()
  const planned = planOf(step.name)
  await killed(planned, step)

  const wallet = await openWallet({ settings: parseSettings(devnet.settings), records })
  const [waiting, ...others] = await wallet.contributor.unfinished()
  expect(waiting).toMatchObject({ datanet: 1n, title: step.name })
  expect(others).toEqual([])
  let contribution = -1
  for await (const event of wallet.contributor.resume(waiting!.key, new AbortController().signal)) {
    if (event.stage === 'finished') contribution = event.contribution
  }
  expect(await wallet.contributor.unfinished()).toEqual([])
  const after = await events()
  expect([after.committed - before.committed, after.contributed - before.contributed]).toEqual([1, 1])
  const { contributions } = await wallet.datanets.contributions(1n)
  expect(contribution).toBe(contributions.length - 1)
  expect(contributions.filter(({ author }) => author === wallet.address.toLowerCase())).toHaveLength(STEPS.indexOf(step) + 1)
  const [found] = await wallet.datanets.documents(contributions.at(-1)!, new AbortController().signal)
  expect(found!.facts.title).toBe(step.name)
  wallet.close()
})
