// The way of a receipt from the page to its payment, broken at every step: the real outbox and the real settlement, over records,
// a receipt store, a DA store and a contract in memory that keep the rules of the real ones. Page and validator are killed before
// and after each of their reads, writes and calls in turn, their servers refuse, lose an answer, or act late; then they start
// again from what had been written.
// Proven here: whatever was promised is posted once and paid once, the outbox ends, and nothing else is posted.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ReceiptHeader, receiptId } from '../src/attribution/receipt.ts'
import { aggregateShares, type Line } from '../src/attribution/receipt-shares.ts'
import type { Hex } from '../src/attribution/types.ts'
import { fromHex, keccak, toHex, ZERO_HASH } from '../src/attribution/words.ts'
import type { ReceiptState, SignedReceipt } from '../src/chat/ports.ts'
import { OpenChatError } from '../src/errors.ts'
import { memoryRecords, type Records } from '../src/storage/records.ts'
import { createOutbox, type OutboxEntry } from '../src/wallet/outbox.ts'
import type { BatchView, ChainView } from './chain-view.ts'
import { type CheckedForm, contentOf } from './receipt-form.ts'
import { AUTHORS, PARAMETERS, payerNamed, signedReceipt } from './receipts.testing.ts'
import { createSettlement, type SettlementContext } from './settlement.ts'

/** kill: the process ends before or after the step; refuse, lose: the call fails without or with its effect; late: it seems to
 * fail, the process ends, and the effect comes with the next step of anybody. */
const FAULTS = ['kill before', 'kill after', 'refuse', 'lose', 'late'] as const
type Fault = (typeof FAULTS)[number]

class Killed extends Error {}

/** Counts the steps of all processes, and breaks those it was told to. */
class Steps {
  count = 0
  readonly #faults: Map<number, Fault>
  #late: (() => Promise<unknown>)[] = []

  constructor(faults: Iterable<[number, Fault]>) {
    this.#faults = new Map(faults)
  }

  /** A process: `step` runs one of its reads, writes or calls. */
  process() {
    let dead = false
    const die = () => {
      dead = true
      throw new Killed()
    }
    return async <T>(work: () => Promise<T>): Promise<T> => {
      if (dead) throw new Killed()
      // A late call of a dead process: nobody is there to hear how it ends.
      for (const late of this.#late.splice(0)) await late().catch(() => undefined)
      const fault = this.#faults.get(++this.count)
      if (fault === 'kill before') die()
      if (fault === 'refuse') throw new OpenChatError('validator_unreachable', 'It refuses.')
      if (fault === 'late') {
        this.#late.push(work)
        die()
      }
      const result = await work()
      if (fault === 'kill after') die()
      if (fault === 'lose') throw new OpenChatError('validator_unreachable', 'Its answer was lost.')
      return result
    }
  }
}

/** contracts/Batches.sol and Payouts.sol, as far as posting and paying go. */
class Contract {
  now = 1_000
  deposit = 100n * PARAMETERS.fee
  readonly batches: { view: BatchView; headers: ReceiptHeader[]; da: Hex; total: bigint; paid: bigint; claimed: Map<Hex, bigint> }[] = []
  readonly batchOf = new Map<Hex, number>()
  readonly nonces = new Map<bigint, Hex>()
  readonly posted: Hex[] = []

  call(functionName: string, args: readonly unknown[]): void {
    if (functionName === 'post') this.#post(args)
    else if (functionName === 'finalise') this.#finalise(Number(args[0]))
    else if (functionName === 'claimMany') this.#claim(Number(args[0]), args[1] as { line: Line }[])
    else throw new Error(`no ${functionName}`)
  }

  #post([headers, , linesRoot, lineCount, da]: readonly unknown[]): void {
    const receipts = headers as ReceiptHeader[]
    const total = receipts.reduce((sum, { fee }) => sum + fee, 0n)
    if (receipts.some((header) => this.batchOf.has(receiptId(header)))) throw new OpenChatError('transaction_reverted', 'AlreadyPosted')
    if (receipts.some(({ nonce }) => this.nonces.has(nonce))) throw new OpenChatError('transaction_reverted', 'NonceUsed')
    if (total > this.deposit) throw new OpenChatError('transaction_reverted', 'InsufficientDeposit')
    this.deposit -= total
    const view = { status: 'posted', windowEnd: this.now + 8, openDemands: 0, linesRoot, lineCount } as BatchView
    this.batches.push({ view, headers: receipts, da: da as Hex, total, paid: 0n, claimed: new Map() })
    for (const header of receipts) {
      this.batchOf.set(receiptId(header), this.batches.length)
      this.nonces.set(header.nonce, receiptId(header))
      this.posted.push(receiptId(header))
    }
  }

  #finalise(batch: number): void {
    const held = this.batches[batch - 1]!
    if (held.view.status !== 'posted' || this.now < held.view.windowEnd) throw new OpenChatError('transaction_reverted', 'WindowOpen')
    held.view = { ...held.view, status: 'final' }
  }

  #claim(batch: number, due: { line: Line }[]): void {
    const held = this.batches[batch - 1]!
    for (const { line } of due) {
      const before = held.claimed.get(line.account) ?? 0n
      if (line.runningTotal > before) held.paid += line.runningTotal - before
      held.claimed.set(line.account, line.runningTotal > before ? line.runningTotal : before)
    }
  }

  state(id: Hex): ReceiptState | null {
    const batch = this.batchOf.get(id)
    if (batch === undefined) return null
    const { view, paid, total } = this.batches[batch - 1]!
    if (view.status !== 'final') return { state: 'posted', batch, finalAt: view.windowEnd }
    return paid === total ? { state: 'paid', batch } : { state: 'final', batch }
  }
}

const payer = payerNamed('payer')
const contractAddress: Hex = `0x${'5f'.repeat(20)}`
const receipts: { page: SignedReceipt; form: CheckedForm }[] = []

beforeAll(async () => {
  for (const nonce of [1n, 2n, 3n]) {
    const form = await signedReceipt({ payer, nonce, contract: contractAddress, head: ZERO_HASH })
    const { spans, commons } = contentOf(form)
    const shares = aggregateShares([
      ...spans.map(({ amount }) => ({ account: AUTHORS[0], amount })),
      { account: PARAMETERS.commons, amount: commons },
    ])
    const { content, sharesRoot, shareCount, fee } = form.header
    const draft = { content: Uint8Array.from(fromHex(form.content)), contentHash: content, sharesRoot, shareCount, fee, salt: ZERO_HASH }
    receipts.push({ page: { id: form.id, payer: form.header.payer, nonce, draft, signature: form.signature }, form: { ...form, shares } })
  }
})

type Step = ReturnType<Steps['process']>

function chainOver(contract: Contract, step: Step): ChainView {
  const batch = (number: number) => contract.batches[number - 1]!
  return {
    parametersHash: () => step(async () => ZERO_HASH),
    contributions: () => step(async () => []),
    deposit: () => step(async () => contract.deposit),
    receiptAt: (_, nonce) => step(async () => contract.nonces.get(nonce) ?? null),
    batchOf: (id) => step(async () => contract.batchOf.get(id) ?? 0),
    batch: (number) => step(async () => batch(number).view),
    batchCount: () => step(async () => contract.batches.length),
    daCommitment: (number) => step(async () => batch(number).da),
    headersOf: (number) => step(async () => batch(number).headers),
    claimed: (number, account) => step(async () => batch(number).claimed.get(account) ?? 0n),
    now: () => step(async () => contract.now),
    payable: ({ fee, nonce }) => step(async () => fee <= contract.deposit && !contract.nonces.has(nonce)),
  }
}

/** A life of the validator: its HTTP door and its rounds, over what was kept. */
function validatorOver(contract: Contract, disk: Map<Hex, CheckedForm>, published: Map<Hex, Uint8Array>, step: Step) {
  const store = {
    get: (id: Hex) => disk.get(id),
    all: () => [...disk.values()],
    add: (form: CheckedForm) => step(async () => void disk.set(form.id, form)),
  }
  const context: SettlementContext = {
    chain: chainOver(contract, step),
    store,
    da: {
      put: (body) =>
        step(async () => {
          const commitment: Hex = `0x00${toHex(keccak(body)).slice(2)}`
          published.set(commitment, body)
          return commitment
        }),
      get: (commitment) => step(async () => published.get(commitment)!),
    },
    sender: {
      account: payer,
      call: ({ functionName, args }) => step(async () => contract.call(functionName, args) as never),
      transfer: () => Promise.reject(new Error('not here')),
      deploy: () => Promise.reject(new Error('not here')),
    },
    addresses: { wopen: contractAddress, datanets: contractAddress, attributions: contractAddress, payouts: contractAddress },
  }
  const settlement = createSettlement(context)
  return { take: (form: CheckedForm) => (disk.has(form.id) ? Promise.resolve() : store.add(form)), round: () => settlement.round() }
}

async function live(faults: Iterable<[number, Fault]>) {
  const steps = new Steps(faults)
  const contract = new Contract()
  const kept = memoryRecords().open<OutboxEntry>('outbox')
  const disk = new Map<Hex, CheckedForm>()
  const published = new Map<Hex, Uint8Array>()
  const promised = new Set<Hex>()
  let clock = 1_000_000

  let validator: ReturnType<typeof validatorOver>
  const bootValidator = () => {
    validator = validatorOver(contract, disk, published, steps.process())
  }
  const bootPage = () => {
    const step = steps.process()
    const records: Records<OutboxEntry> = {
      get: (key) => step(() => kept.get(key)),
      set: (key, value) => step(() => kept.set(key, value)),
      update: (key, change) => step(() => kept.update(key, change)),
      delete: (key) => step(() => kept.delete(key)),
      entries: () => step(() => kept.entries()),
      keys: () => step(() => kept.keys()),
    }
    return createOutbox({
      records,
      chain: 'here',
      now: () => clock,
      status: ({ id }) => step(async () => contract.state(id)),
      fund: () => step(async () => undefined),
      deliver: ({ id }) =>
        step(async () => {
          await validator.take(receipts.find(({ form }) => form.id === id)!.form)
          return { outcome: 'taken', host: 'v' }
        }),
    })
  }

  bootValidator()
  let outbox = bootPage()
  /** Runs a part of a process; when it was killed, its next life begins. */
  const survive = async (part: () => Promise<unknown>, reboot: () => void) => {
    try {
      await part()
    } catch (error) {
      if (error instanceof Killed) reboot()
      else if (!(error instanceof OpenChatError)) throw error
    }
  }
  const rebootPage = () => {
    outbox = bootPage()
  }
  for (let turn = 0; turn < 40; turn++) {
    for (const { page } of receipts) {
      if (promised.has(page.id)) continue
      await survive(async () => {
        await outbox.add(page)
        promised.add(page.id)
      }, rebootPage)
    }
    clock += 61_000
    contract.now += 3
    await survive(() => outbox.pass(), rebootPage)
    await survive(() => validator.round(), bootValidator)
    const entries = await kept.entries()
    if (promised.size === receipts.length && entries.every(([, { done }]) => done)) break
  }
  return { steps: steps.count, contract, entries: await kept.entries(), promised }
}

type Outcome = Awaited<ReturnType<typeof live>>

function once({ contract, entries, promised }: Outcome): void {
  const ids = receipts.map(({ form }) => form.id).sort()
  expect([...promised].sort()).toEqual(ids)
  expect([...contract.posted].sort()).toEqual(ids)
  expect(entries.map(([, { state, done, trouble }]) => [state.state, done, trouble])).toEqual(ids.map(() => ['paid', true, null]))
  const spent = BigInt(receipts.length) * PARAMETERS.fee
  expect(contract.deposit).toBe(100n * PARAMETERS.fee - spent)
  expect(contract.batches.reduce((sum, { paid }) => sum + paid, 0n)).toBe(spent)
}

describe('from the page to the payment', () => {
  it('three receipts go their way', async () => {
    const outcome = await live([])
    once(outcome)
    expect(outcome.steps).toBeGreaterThan(50)
  })

  for (const fault of FAULTS) {
    it(`each is posted and paid once, whichever step meets "${fault}"`, async () => {
      const { steps } = await live([])
      for (let at = 1; at <= steps; at++) {
        try {
          once(await live([[at, fault]]))
        } catch (cause) {
          throw new Error(`${fault} at step ${at} of ${steps}`, { cause })
        }
      }
    })
  }

  it('and also when much goes wrong', async () => {
    const faults = fc.array(fc.tuple(fc.integer({ min: 1, max: 160 }), fc.constantFrom(...FAULTS)), { minLength: 2, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(faults, async (chosen) => once(await live(chosen))),
      { numRuns: 150 },
    )
  })
})
