// Brings documents into a datanet: commit (takes a place in the order, shows nothing) → publish on DA → reveal. Not the
// cleaning and tokenising of texts, and not the wait for a curator's word (curation.ts).
// Invariants: a plan is written down before its first transaction and each stage is decided by what the chain proves, not by
// what was done last, so a crash or a reload at any point is taken up again and commits or reveals nothing twice; a failed
// publication is never revealed; nobody commits to a datanet that would refuse the reveal.
// Source: chain.md "Contracts"; attribution.md "first commit: keccak(author ‖ root ‖ salt), reveal ≥ 1 block later".
import { type Abi, decodeEventLog, type TransactionReceipt } from 'viem'
import { contributionRoot, nameHash } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { type BundledDocument, encodeBundle } from './contribution-bundle.ts'
import { explained, notMember } from './curation.ts'
import type { DataAvailability } from './data-availability.ts'
import type { DatanetReader } from './datanets.ts'
import type { ContractState } from './light-client/contract-state.ts'
import type { Transactions } from './transactions.ts'

interface TokenisedDocument extends BundledDocument {
  /** Ids of the text under the index tokeniser. */
  tokens: Uint16Array
}

/** The documents of one contribution. */
export interface Planned {
  datanet: bigint
  /** Name of the licence. */
  licence: string
  documents: TokenisedDocument[]
}

/** A plan that was written down, without its texts. */
export interface UnfinishedPlan {
  key: string
  datanet: bigint
  documents: number
  tokens: number
  /** Of its first document. */
  title: string
}

type ContributeEvent =
  | { stage: 'commit' | 'publish' | 'reveal'; state: 'running' | 'done' }
  /** `queued`: it waits for the curator, and `contribution` is its number in the queue. */
  | { stage: 'finished'; contribution: number; queued: boolean; commitment: Hex; transaction: Hex | null }

export interface NewDatanet {
  name: string
  licence: string
  description: string
  /** Anyone may contribute; else by grant. */
  open: boolean
  /** What others contribute waits for the curator. */
  reviewed: boolean
}

export interface Contributor {
  /** Writes a plan down; nothing is sent. @returns its key. @throws `contribution_duplicate`, `not_member` */
  plan(planned: Planned): Promise<string>
  /** Plans and goes on. @throws `transaction_reverted`, `da_unreachable` … ; call it again to go on */
  contribute(planned: Planned, signal: AbortSignal): AsyncGenerator<ContributeEvent>
  /** Takes a plan up where it stands. @throws `contribution_unknown` beside what `contribute` throws */
  resume(key: string, signal: AbortSignal): AsyncGenerator<ContributeEvent>
  /** Plans that were begun and not finished, to be offered again. */
  unfinished(): Promise<UnfinishedPlan[]>
  /** Forgets a plan; what was sent of it stays sent. */
  discard(key: string): Promise<void>
  /** A new datanet curated by this account. @returns its id */
  createDatanet(datanet: NewDatanet): Promise<bigint>
}

/** Kept apart from its texts, so that a list of plans reads no texts. */
interface PlanHead extends Omit<UnfinishedPlan, 'key'> {
  chain: string
  root: Hex
  salt: Hex
}

export interface ContributorPorts {
  /** The deployment: plans of another one are left alone. */
  chain: string
  author: Hex
  records: RecordSpace
  state: Pick<ContractState, 'pin' | 'commit' | 'contributed' | 'addresses'>
  datanets: Pick<DatanetReader, 'one'>
  availability: Pick<DataAvailability, 'put'>
  transactions: Transactions
  /** Sees to it that the account has coin for gas. */
  fund(): Promise<void>
}

/** Between looks for the next block, ms. */
const BLOCK_POLL_MS = 500

export function createContributor(ports: ContributorPorts): Contributor {
  const { state, transactions } = ports
  const author = ports.author.toLowerCase() as Hex
  const { datanets: address } = state.addresses
  const heads = ports.records.open<PlanHead>('contributions')
  const texts = ports.records.open<Planned>('contribution-texts')
  const send = (functionName: string, args: readonly unknown[]) =>
    transactions.send({ address, abi: datanetsAbi as Abi, functionName, args }).catch((error: unknown) => {
      throw explained(error)
    })

  /** What the chain proves of a commitment now. */
  async function committed(commitment: Hex) {
    const pinned = await state.pin()
    return { ...(await state.commit(pinned, commitment)).value, newest: Number(pinned.number) }
  }

  /** Sends what `done` does not show to be done; a failure after which it is done was none, only its news was lost. */
  async function ensure(commitment: Hex, done: (held: Awaited<ReturnType<typeof committed>>) => boolean, act: () => Promise<unknown>) {
    try {
      await act()
    } catch (error) {
      const held = await committed(commitment).catch(() => null)
      if (held !== null && done(held)) return held
      throw error
    }
    return committed(commitment)
  }

  async function refuseStranger(datanet: bigint): Promise<void> {
    const { open, curator, access } = (await ports.datanets.one(datanet)).value
    if (!open && curator !== author && access.get(author)?.access !== 'granted') throw notMember()
  }

  async function plan(planned: Planned): Promise<string> {
    const { datanet, documents } = planned
    const root = contributionRoot(documents)
    const key = `${ports.chain}:${address}:${datanet}:${author}:${root}`
    if (await heads.get(key)) return key
    await refuseStranger(datanet)
    // The same documents again, unless it is this very plan that was cut short after its reveal.
    const { value: there } = await state.contributed(await state.pin(), datanet, author, root)
    if (there) throw duplicate()
    await texts.set(key, planned)
    const salt = toHex(crypto.getRandomValues(new Uint8Array(32)))
    const tokens = documents.reduce((sum, document) => sum + document.tokens.length, 0)
    const head = { chain: ports.chain, root, salt, datanet, documents: documents.length, tokens, title: documents[0]!.facts.title }
    await heads.update(key, (held) => held ?? head)
    return key
  }

  async function discard(key: string): Promise<void> {
    await heads.delete(key)
    await texts.delete(key)
  }

  async function find(datanet: bigint, root: Hex): Promise<{ contribution: number; queued: boolean }> {
    const { contributions, submissions } = (await ports.datanets.one(datanet)).value
    const mine = (held: { author: Hex; root: Hex }) => held.author === author && held.root === root
    const found = contributions.find(mine)
    if (found) return { contribution: found.index, queued: false }
    const sent = submissions.findLast(mine)
    if (sent) return { contribution: sent.number, queued: true }
    throw new OpenChatError('log_missing', `The contribution is revealed, but no event of it in datanet ${datanet} was found.`, {
      meta: { datanet: String(datanet), root },
      action: 'Try again in a moment.',
    })
  }

  async function* resume(key: string, signal: AbortSignal): AsyncGenerator<ContributeEvent> {
    const [head, planned] = [await heads.get(key), await texts.get(key)]
    if (head === undefined || planned === undefined) throw unknownPlan()
    const { root, salt } = head
    const { datanet, documents } = planned
    const commitment = toHex(keccak(fromHex(author, 20), fromHex(root, 32), fromHex(salt, 32)))

    yield { stage: 'commit', state: 'running' }
    let held = await committed(commitment)
    if (held.order === 0) {
      stopIf(signal)
      await refuseStranger(datanet)
      await ports.fund()
      held = await ensure(
        commitment,
        ({ order }) => order > 0,
        () => send('commit', [commitment]),
      )
    }
    yield { stage: 'commit', state: 'done' }

    yield { stage: 'publish', state: 'running' }
    const daCommitment = await ports.availability.put(encodeBundle(documents), signal)
    yield { stage: 'publish', state: 'done' }

    yield { stage: 'reveal', state: 'running' }
    let transaction: Hex | null = null
    while (!held.revealed && held.newest <= held.blockNumber) {
      stopIf(signal)
      await new Promise((resolve) => setTimeout(resolve, BLOCK_POLL_MS))
      held = await committed(commitment)
    }
    if (!held.revealed) {
      stopIf(signal)
      const licence = nameHash(planned.licence)
      const revealed = { root, documents: documents.length, tokens: BigInt(head.tokens), licence, daCommitment }
      const reveal = async () => {
        transaction = (await send('reveal', [datanet, revealed, salt])).transactionHash
      }
      await ensure(commitment, ({ revealed }) => revealed, reveal)
    }
    const found = await find(datanet, root)
    await discard(key)
    yield { stage: 'reveal', state: 'done' }
    yield { stage: 'finished', ...found, commitment: daCommitment, transaction }
  }

  return {
    plan,
    discard,
    resume,
    async *contribute(planned, signal) {
      yield* resume(await plan(planned), signal)
    },
    async createDatanet({ name, licence, description, open, reviewed }) {
      await ports.fund()
      const receipt = await send('create', [name, licence, description, open, reviewed])
      return createdId(receipt)
    },
    unfinished: async () =>
      (await heads.entries())
        .filter(([, { chain }]) => chain === ports.chain)
        .map(([key, { datanet, documents, tokens, title }]) => ({ key, datanet, documents, tokens, title })),
  }
}

function stopIf(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw new OpenChatError('cancelled', 'The contribution was stopped.', {
    cause: signal.reason,
    action: 'Contribute it again to go on where it stopped.',
  })
}

function unknownPlan(): OpenChatError {
  return new OpenChatError('contribution_unknown', 'This contribution is not waiting in this browser.', {
    action: 'It was finished or thrown away; look under My contributions.',
  })
}

function duplicate(): OpenChatError {
  return new OpenChatError('contribution_duplicate', 'You have contributed exactly these documents to this datanet before.', {
    action: 'Change or add documents, or choose another datanet.',
  })
}

function createdId({ logs }: TransactionReceipt): bigint {
  for (const { data, topics } of logs) {
    const { eventName, args } = decodeEventLog({ abi: datanetsAbi, data, topics })
    if (eventName === 'DatanetCreated') return args.datanet
  }
  throw new OpenChatError('log_missing', 'The datanet was created, but the node shows no event of it.', { action: 'Reload the list.' })
}
