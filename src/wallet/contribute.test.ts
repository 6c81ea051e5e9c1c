import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contributionRoot } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import { memoryRecords, type RecordSpace } from '../storage/records.ts'
import { createContributor, type Planned } from './contribute.ts'
import { encodeBundle } from './contribution-bundle.ts'
import { keccakCommitment } from './data-availability.ts'
import type { AccessEntry, DatanetHistory, ListedContribution, Submission } from './datanet-journal.ts'
import type { PinnedHeader } from './light-client/client.ts'
import type { Transactions } from './transactions.ts'

const AUTHOR: Hex = `0x${'ab'.repeat(20)}`
const address: Hex = `0x${'02'.repeat(20)}`
const addresses = { wopen: address, datanets: address, attributions: address, payouts: address }
const plan: Planned = {
  datanet: 7n,
  licence: 'CC0-1.0',
  documents: [{ facts: { author: 'Ada', licence: 'CC0-1.0', title: 'Notes', year: 1843 }, text: 'Words', tokens: Uint16Array.of(1, 2, 3) }],
}

class Killed extends Error {}

/** The contract's rules for commit and reveal, a DA server, and a process that dies after so many outside effects. */
class World {
  block = 1
  order = 0
  readonly commits = new Map<Hex, { order: number; blockNumber: number; revealed: boolean }>()
  readonly listed: ListedContribution[] = []
  readonly published = new Set<Hex>()
  open = true
  reviewed = false
  readonly access = new Map<Hex, AccessEntry>()
  readonly submissions: Submission[] = []
  steps = Number.POSITIVE_INFINITY

  async effect<T>(work: () => T): Promise<T> {
    if (this.steps-- <= 0) throw new Killed()
    const result = work()
    this.block++
    if (this.steps-- <= 0) throw new Killed()
    return result
  }

  history(): DatanetHistory {
    const named = { id: 7n, name: 'Bees', licence: 'CC0-1.0', description: '', curator: address, head: address }
    const { open, reviewed, access, submissions } = this
    return { ...named, open, reviewed, access, submissions, contributions: this.listed }
  }

  contributor(records: RecordSpace) {
    const proven = <T>(value: T) => ({
      value,
      assurance: 'pinned' as const,
      anchor: { block: 1n, hash: address, timestamp: 1n, hosts: [] },
    })
    const transactions: Transactions = {
      send: ({ functionName, args }) =>
        this.effect(() => {
          if (functionName === 'commit') this.commit(args[0] as Hex)
          else this.reveal(args[0] as bigint, args[1] as { root: Hex; daCommitment: Hex }, args[2] as Hex)
          return { transactionHash: '0x77' } as unknown as Awaited<ReturnType<Transactions['send']>>
        }),
    }
    return createContributor({
      chain: 'here',
      author: AUTHOR,
      records,
      transactions,
      fund: async () => undefined,
      availability: {
        put: (body) =>
          this.effect(() => {
            this.published.add(keccakCommitment(body))
            return keccakCommitment(body)
          }),
      },
      datanets: { one: async () => proven(this.history()) },
      state: {
        addresses,
        pin: async () => ({ number: BigInt(this.block) }) as PinnedHeader,
        commit: async (_, commitment) => proven(this.commits.get(commitment) ?? { order: 0, blockNumber: 0, revealed: false }),
        contributed: async (_, __, author, root) => proven(this.listed.some((held) => held.author === author && held.root === root)),
      },
    })
  }

  commit(commitment: Hex): void {
    if (this.commits.has(commitment)) throw new OpenChatError('transaction_reverted', 'AlreadyCommitted')
    this.commits.set(commitment, { order: ++this.order, blockNumber: this.block, revealed: false })
  }

  reveal(datanet: bigint, { root, daCommitment }: { root: Hex; daCommitment: Hex }, salt: Hex): void {
    const held = this.commits.get(toHex(keccak(fromHex(AUTHOR), fromHex(root), fromHex(salt))))
    if (!held || held.revealed || this.block <= held.blockNumber) throw new OpenChatError('transaction_reverted', 'reveal')
    if (!this.published.has(daCommitment)) throw new Error('revealed before it was published')
    held.revealed = true
    if (this.reviewed) this.submissions.push({ number: this.submissions.length, author: AUTHOR, root } as Submission)
    else this.listed.push({ datanet, root, author: AUTHOR, index: this.listed.length, daCommitment } as ListedContribution)
  }
}

async function run(world: World, records: RecordSpace, planned = plan) {
  const stages: string[] = []
  for await (const event of world.contributor(records).contribute(planned, new AbortController().signal)) {
    stages.push(event.stage === 'finished' ? `finished ${event.contribution}` : `${event.stage} ${event.state}`)
  }
  return stages
}

describe('contribute', () => {
  it('commits, publishes, reveals, in that order', async () => {
    const world = new World()
    const stages = await run(world, memoryRecords())
    expect(stages.filter((stage) => !stage.endsWith('running'))).toEqual(['commit done', 'publish done', 'reveal done', 'finished 0'])
    expect(world.listed[0]).toMatchObject({
      root: contributionRoot(plan.documents),
      daCommitment: keccakCommitment(encodeBundle(plan.documents)),
    })
  })

  it('refuses the same documents a second time, before it spends anything', async () => {
    const world = new World()
    const records = memoryRecords()
    await run(world, records)
    await expect(run(world, records)).rejects.toMatchObject({ code: 'contribution_duplicate' })
    expect(world.commits.size).toBe(1)
  })

  it('waits for a block after the commit, and can be told to stop there', async () => {
    const world = new World()
    const records = memoryRecords()
    const controller = new AbortController()
    world.commit = (commitment) => void world.commits.set(commitment, { order: 1, blockNumber: world.block + 100, revealed: false })
    const events = world.contributor(records).contribute(plan, controller.signal)
    const read = async () => {
      for await (const event of events) if (event.stage === 'publish' && event.state === 'done') controller.abort()
    }
    await expect(read()).rejects.toMatchObject({ code: 'cancelled' })
    expect(world.listed).toEqual([])
    expect((await world.contributor(records).unfinished()).map(({ datanet }) => datanet)).toEqual([7n])
    world.block += 200
    expect((await run(world, records)).at(-1)).toBe('finished 0')
    expect(await world.contributor(records).unfinished()).toEqual([])
  })

  it('is told that it waits where a curator looks first', async () => {
    const world = new World()
    world.reviewed = true
    const events = []
    for await (const event of world.contributor(memoryRecords()).contribute(plan, new AbortController().signal)) events.push(event)
    expect(events.at(-1)).toMatchObject({ stage: 'finished', contribution: 0, queued: true })
  })

  it('commits to nothing where the curator has not let it in, and does once he has', async () => {
    const world = new World()
    const records = memoryRecords()
    world.open = false
    await expect(run(world, records)).rejects.toMatchObject({ code: 'not_member' })
    world.access.set(AUTHOR, { account: AUTHOR, access: 'revoked', note: '', reason: '' })
    await expect(run(world, records)).rejects.toMatchObject({ code: 'not_member' })
    expect(world.commits.size).toBe(0)
    world.access.set(AUTHOR, { account: AUTHOR, access: 'granted', note: '', reason: '' })
    expect((await run(world, records)).at(-1)).toBe('finished 0')
  })

  it('keeps plans apart, takes each up by its key, and forgets one when told', async () => {
    const world = new World()
    const records = memoryRecords()
    const contributor = world.contributor(records)
    const other = { ...plan, documents: [{ ...plan.documents[0], tokens: Uint16Array.of(9, 9), text: 'Other' }] }
    const keys = [await contributor.plan(plan), await contributor.plan(other)]
    expect(await contributor.plan(plan)).toBe(keys[0])
    expect((await contributor.unfinished()).map(({ tokens }) => tokens).sort()).toEqual([2, 3])
    await contributor.discard(keys[0])
    await expect(contributor.resume(keys[0], new AbortController().signal).next()).rejects.toMatchObject({ code: 'contribution_unknown' })
    for await (const _ of contributor.resume(keys[1], new AbortController().signal));
    expect([world.listed.length, (await contributor.unfinished()).length]).toEqual([1, 0])
  })

  it('takes a transaction whose news was lost for what the chain shows', async () => {
    const world = new World()
    const records = memoryRecords()
    const { effect } = world
    let lost = 0
    world.effect = async function <T>(this: World, work: () => T) {
      const result = await effect.call(this, work)
      if (lost++ % 2 === 0) throw new OpenChatError('transaction_failed', 'No receipt came.')
      return result as T
    }
    // Commit and reveal lose their news, the publication between them does not.
    expect((await run(world, records)).at(-1)).toBe('finished 0')
    expect([world.commits.size, world.listed.length, lost]).toEqual([1, 1, 3])
  })

  it('commits and reveals once, wherever it is killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { maxLength: 5 }), async (kills) => {
        const world = new World()
        const records = memoryRecords()
        let finished = false
        for (const steps of [...kills, Number.POSITIVE_INFINITY]) {
          if (finished) break
          world.steps = steps
          try {
            finished = (await run(world, records)).at(-1) === 'finished 0'
          } catch (error) {
            if (!(error instanceof Killed)) throw error
          }
        }
        expect([finished, world.commits.size, world.listed.length]).toEqual([true, 1, 1])
      }),
      { numRuns: 100 },
    )
  })
})
