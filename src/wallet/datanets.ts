// The datanets of the chain, as anyone may read them: events taken from any server, all of them folded to the contract's
// proven journal. Not their texts' tokens, and nothing is sent (contribute.ts, curation.ts).
// Invariants: what is returned folds to the journal proven in one block, so a dropped, changed, added or reordered event is
// seen; what was read before is not asked for again; a reorganisation is read anew from the start.
import type { Hex } from '../attribution/types.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { asOpenChatError, OpenChatError } from '../errors.ts'
import { type BundledDocument, decodeBundle } from './contribution-bundle.ts'
import type { DataAvailability } from './data-availability.ts'
import { applyLog, type DatanetHistory, foldJournal, type Histories, type ListedContribution, type Log } from './datanet-journal.ts'
import type { PinnedHeader, Proven } from './light-client/client.ts'
import type { ContractState } from './light-client/contract-state.ts'
import { lied, type Rpc } from './light-client/rpc.ts'

export type { ListedContribution } from './datanet-journal.ts'

export interface DatanetReader {
  /** Every datanet with all that happened to it, at one block. @throws `log_missing`, `rpc_lied` */
  list(): Promise<Proven<DatanetHistory[]>>
  /** @throws `datanet_unknown` beside what `list` throws */
  one(datanet: bigint): Promise<Proven<DatanetHistory>>
  /** Every contribution of a datanet up to the pinned block, with the head they fold to. */
  contributions(datanet: bigint): Promise<{ head: Proven<Hex>; contributions: ListedContribution[] }>
  /** The texts of one contribution, checked against its commitment. @throws `da_missing`, `da_lied`, `bundle_invalid` */
  documents(contribution: Pick<ListedContribution, 'daCommitment'>, signal?: AbortSignal): Promise<BundledDocument[]>
}

interface Folded {
  /** Up to and with this block. */
  block: bigint
  journal: Hex
  histories: Histories
}

/** ms of folding after which others on this thread have a turn. */
const TURN_MS = 12
const START: Readonly<Folded> = { block: -1n, journal: ZERO_HASH, histories: new Map() }

export function createDatanetReader(
  state: Pick<ContractState, 'pin' | 'datanetsJournal' | 'datanet' | 'datanetCount' | 'addresses'>,
  rpc: Rpc,
  availability: Pick<DataAvailability, 'get'>,
): DatanetReader {
  let folded: Readonly<Folded> = START
  let running: Promise<unknown> = Promise.resolve()
  let queued: Promise<Proven<Histories>> | null = null

  async function logsOf(from: bigint, to: bigint): Promise<Log[]> {
    const hex = (block: bigint) => `0x${block.toString(16)}`
    const filter = { address: state.addresses.datanets, fromBlock: hex(from), toBlock: hex(to) }
    const logs = await rpc.request('eth_getLogs', [filter])
    if (!Array.isArray(logs)) throw lied(rpc.host, 'list of events')
    return logs as Log[]
  }

  /** `base` with the events up to `block`; `base` itself stays as it is. */
  async function extended(base: Readonly<Folded>, block: bigint): Promise<Folded> {
    const logs = block > base.block ? await logsOf(base.block + 1n, block) : []
    const histories: Histories = logs.length === 0 ? base.histories : new Map([...base.histories].map(([id, net]) => [id, copied(net)]))
    let { journal } = base
    let from = performance.now()
    for (const log of logs) {
      try {
        journal = foldJournal(journal, log)
        applyLog(histories, log)
      } catch (cause) {
        throw faulty(cause)
      }
      if (performance.now() - from < TURN_MS) continue
      await new Promise((next) => setTimeout(next))
      from = performance.now()
    }
    return { block, journal, histories }
  }

  function faulty(cause: unknown): OpenChatError {
    const error = asOpenChatError(cause)
    return error.code === 'log_missing' ? leftOut(String(error.meta.what)) : lied(rpc.host, 'list of events', cause)
  }

  function leftOut(what: string): OpenChatError {
    return new OpenChatError('log_missing', `${rpc.host} left out ${what}.`, {
      meta: { host: rpc.host, what },
      action: 'Choose another RPC in the settings; some nodes keep no old events.',
    })
  }

  /** Which list is too short, where one is; else somebody changed or added something. */
  async function fault(pinned: PinnedHeader, { histories, journal }: Folded, proven: Hex): Promise<OpenChatError> {
    const { value: count } = await state.datanetCount(pinned)
    if (histories.size < count) return leftOut(`the creation of datanet ${histories.size + 1}`)
    for (const { id, contributions } of histories.values()) {
      const { value: held } = await state.datanet(pinned, id)
      if (contributions.length < held.contributions) {
        return leftOut(`contribution ${contributions.length} of datanet ${id}: the chain has ${held.contributions}`)
      }
    }
    const cause = new OpenChatError('log_invalid', `The events fold to ${journal}, the chain has ${proven}.`)
    return lied(rpc.host, 'list of events of the datanets', cause)
  }

  async function read(): Promise<Proven<Histories>> {
    const pinned = await state.pin()
    const journal = await state.datanetsJournal(pinned)
    const whole = async (base: Readonly<Folded>) => {
      const next = await extended(base, pinned.number)
      return next.journal === journal.value ? next : Promise.reject(await fault(pinned, next, journal.value))
    }
    const known = folded.block <= pinned.number ? folded : START
    // A block that was read before may be gone: then all is read once more before anybody is called a liar.
    folded = await whole(known).catch((error: unknown) => (known === START || !isFault(error) ? Promise.reject(error) : whole(START)))
    return { ...journal, value: folded.histories }
  }

  /** One reading at a time; callers that wait for the next share it. */
  function histories(): Promise<Proven<Histories>> {
    queued ??= running.then(() => {
      queued = null
      const reading = read()
      running = reading.catch(() => undefined)
      return reading
    })
    return queued
  }

  async function one(datanet: bigint): Promise<Proven<DatanetHistory>> {
    const all = await histories()
    const found = all.value.get(datanet)
    if (found !== undefined) return { ...all, value: found }
    throw new OpenChatError('datanet_unknown', `The chain has no datanet ${datanet}.`, {
      meta: { datanet: String(datanet), datanets: all.value.size },
      action: 'Look at the list of datanets.',
    })
  }

  return {
    one,
    async list() {
      const all = await histories()
      return { ...all, value: [...all.value.values()] }
    },
    async contributions(datanet) {
      const found = await one(datanet)
      return { head: { ...found, value: found.value.head }, contributions: found.value.contributions }
    },
    async documents({ daCommitment }, signal) {
      if (daCommitment === '0x') {
        throw new OpenChatError('da_missing', 'This contribution was not published on data availability.', {
          action: 'Get it from a member of the datanet.',
        })
      }
      return decodeBundle(await availability.get(daCommitment, signal))
    },
  }
}

/** What a reorganisation looks like, as against a node that is away. */
const isFault = (error: unknown) => error instanceof OpenChatError && (error.code === 'log_missing' || error.code === 'rpc_lied')

const copied = (net: DatanetHistory): DatanetHistory => ({
  ...net,
  contributions: [...net.contributions],
  submissions: [...net.submissions],
  access: new Map(net.access),
})
