// The contracts' variables as typed values, each proven: what the Verify view and the ledger ask of the chain. Not the
// events (contributions.ts) and no `eth_call`.
// Invariant: all values of one call stand in one block, the pinned one.
import type { Hex } from '../../attribution/types.ts'
import { addressWord, fromHex, keccak, toHex, uintBytes, uintWord } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'
import { storageLayout } from '../contracts.generated.ts'
import type { LightClient, PinnedHeader, Proven } from './client.ts'
import { arraySlot, locate, type Step, type StorageLayout, unpack } from './slots.ts'

export interface ContractAddresses {
  wopen: Hex
  datanets: Hex
  attributions: Hex
  payouts: Hex
}
type Contract = keyof ContractAddresses

const BATCH_STATUS = ['none', 'posted', 'final', 'cancelled'] as const

/** As the contract numbers them. */
export const ACCESS = ['none', 'asked', 'granted', 'refused', 'revoked'] as const
export type Access = (typeof ACCESS)[number]

export interface BatchState {
  poster: Hex
  status: (typeof BATCH_STATUS)[number]
  /** Seconds since 1970. */
  postedAt: number
  windowEnd: number
  lineCount: number
  receiptCount: number
  openDemands: number
  /** wei */
  total: bigint
  bond: bigint
  linesRoot: Hex
  daCommitmentHash: Hex
  parametersHash: Hex
}

export interface DatanetState {
  curator: Hex
  open: boolean
  /** What others contribute waits for the curator. */
  reviewed: boolean
  contributions: number
  /** keccak256 of the licence's name. */
  licence: Hex
  name: string
}

export interface CommitState {
  /** 0: never committed. */
  order: number
  blockNumber: number
  revealed: boolean
}

export type ContractState = ReturnType<typeof createContractState>

const hash = (value: bigint): Hex => toHex(uintWord(value))
const address = (value: bigint): Hex => toHex(uintBytes(value, 20))

function map<A, B>(proven: Proven<A>, change: (value: A) => B): Proven<B> {
  return { ...proven, value: change(proven.value) }
}

/** Readers of the contracts at `addresses` through `client`. Each takes the header that {@link LightClient.pin} gave. */
export function createContractState(client: LightClient, addresses: ContractAddresses) {
  const layouts: Record<Contract, StorageLayout> = storageLayout

  /** The variables at `paths`, in that order, from one proof. */
  async function readMany(pinned: PinnedHeader, contract: Contract, paths: Step[][], signal?: AbortSignal): Promise<Proven<bigint>[]> {
    const places = paths.map((path) => locate(layouts[contract], path))
    const slots = [...new Set(places.map(({ slot }) => slot))]
    const words = await client.readSlots(pinned, addresses[contract], slots, signal)
    return places.map((place) => map(words[slots.indexOf(place.slot)], (word) => unpack(word, place)))
  }

  async function read(pinned: PinnedHeader, contract: Contract, path: Step[], signal?: AbortSignal): Promise<Proven<bigint>> {
    return (await readMany(pinned, contract, [path], signal))[0]
  }

  /** All members of one struct, by name, with the proof's anchor. */
  async function readStruct<K extends string>(pinned: PinnedHeader, contract: Contract, path: Step[], members: readonly K[]) {
    const values = await readMany(
      pinned,
      contract,
      members.map((member) => [...path, member]),
    )
    return map(values[0], () => Object.fromEntries(members.map((member, i) => [member, values[i].value])) as Record<K, bigint>)
  }

  async function readString(pinned: PinnedHeader, contract: Contract, path: Step[]): Promise<string> {
    const place = locate(layouts[contract], path)
    const [{ value: head }] = await client.readSlots(pinned, addresses[contract], [place.slot])
    const long = (head & 1n) === 1n
    const bytes = Number(long ? (head - 1n) / 2n : (head & 255n) / 2n)
    if (bytes > 4096) throw new OpenChatError('layout_unknown', `A string of ${bytes} bytes is longer than any this program reads.`)
    let content = uintWord(head)
    if (long) {
      const first = BigInt(arraySlot(place.slot))
      const slots = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) => hash(first + BigInt(i)))
      const words = await client.readSlots(pinned, addresses[contract], slots)
      content = Uint8Array.from(words.flatMap(({ value }) => [...uintWord(value)]))
    }
    return new TextDecoder().decode(content.subarray(0, bytes))
  }

  return {
    addresses,
    pin: (signal?: AbortSignal) => client.pin(signal),
    /** wei of native OPEN. */
    balance: (pinned: PinnedHeader, account: Hex) => client.readBalance(pinned, account),
    parametersHash: async (pinned: PinnedHeader) => map(await read(pinned, 'attributions', ['parametersHash']), hash),
    /** head_n of a datanet; zero for n = 0 and for n that is not reached yet. */
    headAt: async (pinned: PinnedHeader, datanet: bigint, n: number) => map(await read(pinned, 'datanets', ['headAt', datanet, n]), hash),
    /** Hash over every event of `Datanets`, in order. */
    datanetsJournal: async (pinned: PinnedHeader) => map(await read(pinned, 'datanets', ['journal']), hash),
    datanetCount: async (pinned: PinnedHeader) => map(await read(pinned, 'datanets', ['datanetCount']), Number),
    async datanet(pinned: PinnedHeader, datanet: bigint): Promise<Proven<DatanetState>> {
      const path = ['datanets', datanet]
      const proven = await readStruct(pinned, 'datanets', path, ['curator', 'open', 'reviewed', 'contributions', 'licence'])
      const name = await readString(pinned, 'datanets', [...path, 'name'])
      return map(proven, ({ curator, open, reviewed, contributions, licence }) => ({
        curator: address(curator),
        open: open === 1n,
        reviewed: reviewed === 1n,
        contributions: Number(contributions),
        licence: hash(licence),
        name,
      }))
    },
    async commit(pinned: PinnedHeader, commitment: Hex): Promise<Proven<CommitState>> {
      const proven = await readStruct(pinned, 'datanets', ['commits', commitment], ['order', 'blockNumber', 'revealed'])
      return map(proven, ({ order, blockNumber, revealed }) => ({
        order: Number(order),
        blockNumber: Number(blockNumber),
        revealed: revealed === 1n,
      }))
    },
    /** Where an account stands with a datanet that is not open. */
    access: async (pinned: PinnedHeader, datanet: bigint, account: Hex) =>
      map(await read(pinned, 'datanets', ['access', datanet, account]), (value) => ACCESS[Number(value)] ?? 'none'),
    /** Whether `author` has contributed exactly these documents to this datanet. */
    contributed: async (pinned: PinnedHeader, datanet: bigint, author: Hex, root: Hex) => {
      const key = toHex(keccak(uintWord(datanet), addressWord(author), fromHex(root, 32)))
      return map(await read(pinned, 'datanets', ['contributed', key]), (value) => value === 1n)
    },
    /** The batch a receipt stands in, 0 for none. */
    batchOf: async (pinned: PinnedHeader, receiptId: Hex) => map(await read(pinned, 'attributions', ['batchOf', receiptId]), Number),
    /** The receipt a payer's nonce was used for, zero while unused. */
    receiptAt: async (pinned: PinnedHeader, payer: Hex, nonce: bigint) =>
      map(await read(pinned, 'attributions', ['receiptAt', payer, nonce]), hash),
    async batch(pinned: PinnedHeader, batch: number): Promise<Proven<BatchState>> {
      const numbers = ['postedAt', 'windowEnd', 'lineCount', 'receiptCount', 'openDemands'] as const
      const rest = ['poster', 'status', 'total', 'bond', 'linesRoot', 'daCommitmentHash', 'parametersHash'] as const
      const proven = await readStruct(pinned, 'attributions', ['batches', batch], [...numbers, ...rest])
      return map(proven, (v) => ({
        poster: address(v.poster),
        status: BATCH_STATUS[Number(v.status)] ?? 'none',
        postedAt: Number(v.postedAt),
        windowEnd: Number(v.windowEnd),
        lineCount: Number(v.lineCount),
        receiptCount: Number(v.receiptCount),
        openDemands: Number(v.openDemands),
        total: v.total,
        bond: v.bond,
        linesRoot: hash(v.linesRoot),
        daCommitmentHash: hash(v.daCommitmentHash),
        parametersHash: hash(v.parametersHash),
      }))
    },
    /** wei a payer has put aside for receipts. */
    deposit: (pinned: PinnedHeader, payer: Hex) => read(pinned, 'attributions', ['deposits', payer, 'balance']),
    /** wei put aside, and when it may be withdrawn (block time, s); 0 while no withdrawal was asked for. */
    async escrow(pinned: PinnedHeader, payer: Hex): Promise<Proven<{ balance: bigint; unlockAt: number }>> {
      const proven = await readStruct(pinned, 'attributions', ['deposits', payer], ['balance', 'unlockAt'])
      return map(proven, ({ balance, unlockAt }) => ({ balance, unlockAt: Number(unlockAt) }))
    },
    /** Number of batches; ids run from 1. */
    batchCount: async (pinned: PinnedHeader) => map(await read(pinned, 'attributions', ['batchCount']), Number),
    /** wei an account has had of each of these batches, in their order. */
    claimedOf: (pinned: PinnedHeader, batches: readonly number[], account: Hex, signal?: AbortSignal) =>
      readMany(
        pinned,
        'payouts',
        batches.map((batch) => ['claimed', batch, account]),
        signal,
      ),
    /** wei of a batch paid so far: equal to its total when every line is paid. */
    paid: (pinned: PinnedHeader, batch: number) => read(pinned, 'payouts', ['paid', batch]),
    /** wei an account has had of a batch. */
    claimed: (pinned: PinnedHeader, batch: number, account: Hex) => read(pinned, 'payouts', ['claimed', batch, account]),
    /** wei an account was ever paid. */
    totalPaid: (pinned: PinnedHeader, account: Hex) => read(pinned, 'payouts', ['totalPaid', account]),
    /** wei of WOPEN an account holds. */
    wopenBalance: (pinned: PinnedHeader, account: Hex) => read(pinned, 'wopen', ['_balances', account]),
  }
}
