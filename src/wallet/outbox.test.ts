import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hex } from '../attribution/types.ts'
import type { ReceiptState, SignedReceipt } from '../chat/ports.ts'
import { OpenChatError } from '../errors.ts'
import { memoryRecords, type Records } from '../storage/records.ts'
import { createOutbox, LOOK_MS, type OutboxEntry, type OutboxPorts } from './outbox.ts'

const receipt = (n: number): SignedReceipt => ({
  id: `0x${n.toString(16).padStart(64, '0')}`,
  payer: `0x${'aa'.repeat(20)}`,
  nonce: BigInt(n),
  draft: { content: Uint8Array.of(n), contentHash: '0x', sharesRoot: '0x', shareCount: 1, fee: 5n, salt: '0x' },
  signature: '0x',
})

/** The outside world: what was handed over, and how often each receipt was batched. */
class World {
  now = 1_000
  readonly batched = new Map<Hex, number>()
  readonly state = new Map<Hex, ReceiptState>()
  deliveries = 0
  funded = 0
  refusal: string | null = null
  down = false
  unfunded = false

  ports(records: Records<OutboxEntry>): OutboxPorts {
    return {
      records,
      chain: 'here',
      now: () => this.now,
      deliver: async ({ id }) => {
        this.deliveries++
        if (this.down) throw new OpenChatError('validator_unreachable', 'Nobody answers.')
        if (this.refusal) return { outcome: 'refused', reason: this.refusal }
        if (this.unfunded) return { outcome: 'unfunded' }
        // The validator's own rule: one receipt, one place, however often it is sent.
        if (!this.state.has(id)) {
          this.batched.set(id, (this.batched.get(id) ?? 0) + 1)
          this.state.set(id, { state: 'posted', batch: 1, finalAt: 9 })
        }
        return { outcome: 'taken', host: 'v' }
      },
      fund: async () => {
        this.funded++
        this.unfunded = false
      },
      status: async ({ id }) => this.state.get(id) ?? null,
    }
  }
}

function setUp() {
  const world = new World()
  const records = memoryRecords().open<OutboxEntry>('outbox')
  const outbox = createOutbox(world.ports(records))
  const pass = (ms = LOOK_MS) => {
    world.now += ms
    return outbox.pass()
  }
  return { world, records, outbox, pass }
}

describe('outbox', () => {
  it('carries a receipt to its payment, telling each change', async () => {
    const { world, outbox, pass } = setUp()
    const seen: string[] = []
    outbox.subscribe(({ state }) => seen.push(state.state))
    await outbox.add(receipt(1))
    await outbox.add(receipt(1))
    await pass()
    await pass()
    world.state.set(receipt(1).id, { state: 'final', batch: 1 })
    await pass()
    world.state.set(receipt(1).id, { state: 'paid', batch: 1 })
    await pass()
    await pass()
    expect(seen).toEqual(['signed', 'signed', 'signed', 'posted', 'final', 'paid'])
    expect(world.deliveries).toBe(1)
    expect((await outbox.get(receipt(1).id))?.done).toBe(true)
  })

  it('waits longer after each failure, keeps the reason, and goes on when it can', async () => {
    const { world, outbox, pass } = setUp()
    world.down = true
    await outbox.add(receipt(1))
    for (let i = 0; i < 40; i++) await pass(500)
    expect(world.deliveries).toBeLessThan(8)
    expect((await outbox.list())[0]).toMatchObject({ state: { state: 'signed' }, trouble: { code: 'validator_unreachable' }, done: false })
    world.down = false
    await pass(120_000)
    await pass()
    expect((await outbox.list())[0]).toMatchObject({ state: { state: 'posted' }, trouble: null, attempts: 0 })
  })

  it('puts money aside when a validator misses it', async () => {
    const { world, outbox, pass } = setUp()
    world.unfunded = true
    await outbox.add(receipt(1))
    await pass()
    expect([world.funded, world.batched.size]).toEqual([1, 1])
  })

  it('ends at a refusal, with its reason', async () => {
    const { world, outbox, pass } = setUp()
    world.refusal = 'The nonce is taken.'
    await outbox.add(receipt(1))
    await pass()
    await pass()
    expect(world.deliveries).toBe(1)
    expect((await outbox.list())[0]).toMatchObject({ state: { state: 'refused', reason: 'The nonce is taken.' }, done: true })
  })

  it('offers a refused one again when asked to, and only such a one', async () => {
    const { world, outbox, pass } = setUp()
    world.refusal = 'The nonce is taken.'
    await outbox.add(receipt(1))
    await pass()
    world.refusal = null
    await outbox.again(receipt(1).id)
    expect((await outbox.list())[0]).toMatchObject({ state: { state: 'signed' }, done: false })
    await pass()
    await pass()
    expect((await outbox.list())[0].state.state).toBe('posted')
    const before = await outbox.get(receipt(1).id)
    await outbox.again(receipt(1).id)
    await outbox.again(receipt(2).id)
    expect([await outbox.list(), world.deliveries]).toEqual([[before], 2])
  })

  it('offers a receipt again when its batch was refuted and its fee refunded', async () => {
    const { world, outbox, pass } = setUp()
    await outbox.add(receipt(1))
    await pass()
    world.state.set(receipt(1).id, { state: 'refused', reason: 'refuted' })
    await pass()
    expect((await outbox.list())[0]).toMatchObject({ state: { state: 'refused' }, done: false })
    world.state.delete(receipt(1).id)
    await pass(60_000)
    await pass()
    expect((await outbox.list())[0].state.state).toBe('posted')
    expect(world.deliveries).toBe(2)
  })

  it('leaves receipts of another deployment alone', async () => {
    const { world, records, outbox, pass } = setUp()
    await createOutbox({ ...world.ports(records), chain: 'an older one' }).add(receipt(1))
    await outbox.add(receipt(2))
    await pass()
    expect([...world.batched.keys()]).toEqual([receipt(2).id])
    expect(await outbox.list()).toHaveLength(2)
  })

  it('goes on when the clock is set back or forward by an hour', async () => {
    const HOUR = 3_600_000
    for (const shift of [-HOUR, HOUR]) {
      const { world, outbox, pass } = setUp()
      world.now = 10 * HOUR
      world.down = true
      await outbox.add(receipt(1))
      await pass()
      world.now += shift
      world.down = false
      await pass(60_000)
      await pass()
      expect((await outbox.list())[0]).toMatchObject({ state: { state: 'posted' }, trouble: null })
      // A validator that forgot what it took is offered it again, though it was sent "in an hour".
      world.state.delete(receipt(1).id)
      world.now += shift
      await pass(60_000)
      expect(world.deliveries).toBeGreaterThanOrEqual(3)
    }
  })

  it('tries at once when asked to', async () => {
    const { world, outbox, pass } = setUp()
    world.down = true
    await outbox.add(receipt(1))
    for (let i = 0; i < 20; i++) await pass(60_000)
    world.down = false
    await outbox.pass()
    expect(world.batched.size).toBe(0)
    await outbox.retry()
    await outbox.pass()
    expect(world.batched.size).toBe(1)
  })

  it('works by itself from an add to the end, and stops when aborted', async () => {
    const world = new World()
    const records = memoryRecords().open<OutboxEntry>('outbox')
    const outbox = createOutbox({ ...world.ports(records), now: () => performance.now() })
    const closing = new AbortController()
    const running = outbox.run(closing.signal)
    await outbox.add(receipt(1))
    await expect.poll(() => world.batched.size).toBe(1)
    await outbox.add(receipt(2))
    await expect.poll(() => world.batched.size).toBe(2)
    closing.abort()
    await running
  })

  it('loses nothing and posts nothing twice, wherever it is killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(12), { maxLength: 6 }), fc.integer({ min: 1, max: 4 }), async (kills, count) => {
        const world = new World()
        const kept = memoryRecords().open<OutboxEntry>('outbox')
        const promised = new Set<Hex>()
        for (const steps of [...kills, Number.POSITIVE_INFINITY]) {
          const life = new Life(steps)
          const outbox = createOutbox(life.guard(world.ports(life.store(kept))))
          try {
            for (let n = 1; n <= count; n++) {
              await outbox.add(receipt(n))
              promised.add(receipt(n).id)
            }
            for (let i = 0; i < 4; i++) {
              world.now += 120_000
              await outbox.pass()
            }
          } catch (error) {
            if (!(error instanceof Killed)) throw error
          }
        }
        expect(promised.size).toBe(count)
        for (const id of promised) expect([id, world.batched.get(id)]).toEqual([id, 1])
        for (const [, entry] of await kept.entries()) expect(entry.state.state).toBe('posted')
      }),
      { numRuns: 150 },
    )
  })
})

class Killed extends Error {}

/** A process that dies for good after so many steps; a step may have had its effect. */
class Life {
  steps: number
  constructor(steps: number) {
    this.steps = steps
  }

  async step<T>(work: () => Promise<T>): Promise<T> {
    if (this.steps-- <= 0) throw new Killed()
    const result = await work()
    if (this.steps-- <= 0) throw new Killed()
    return result
  }

  store(records: Records<OutboxEntry>): Records<OutboxEntry> {
    return {
      ...records,
      set: (key, value) => this.step(() => records.set(key, value)),
      update: (key, change) => this.step(() => records.update(key, change)),
    }
  }

  guard(ports: OutboxPorts): OutboxPorts {
    // A dead process catches nothing: what dies inside a port takes the pass with it at its next write.
    return { ...ports, deliver: (held) => this.step(() => ports.deliver(held)) }
  }
}
