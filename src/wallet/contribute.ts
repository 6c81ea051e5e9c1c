// Brings documents into a datanet: commit (takes a place in the order, shows nothing) → publish on DA → reveal. Not the
// cleaning and tokenising of texts, and not the wait for anyone's acceptance.
// Invariants: a plan is written down before its first transaction and each stage is decided by what the chain proves, not by
// what was done last, so a crash or a reload at any point is taken up again and commits or reveals nothing twice; a failed
// publication is never revealed.
// Source: chain.md "Contracts"; attribution.md "first commit: keccak(author ‖ root ‖ salt), reveal ≥ 1 block later".
import { type Abi, decodeEventLog, type TransactionReceipt } from 'viem'
import { contributionRoot, nameHash } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { type BundledDocument, encodeBundle } from './contribution-bundle.ts'
import type { DataAvailability } from './data-availability.ts'
import type { DatanetReader } from './datanets.ts'
import type { ContractState } from './light-client/contract-state.ts'
import type { Transactions } from './transactions.ts'

interface TokenisedDocument extends BundledDocument {
  /** Ids of the text under the index tokeniser. */
  tokens: Uint16Array
}

export interface Planned {
  datanet: bigint
  /** Name of the licence. */
  licence: string
  documents: TokenisedDocument[]
}

type ContributeEvent =
  | { stage: 'commit' | 'publish' | 'reveal'; state: 'running' | 'done' }
  | { stage: 'finished'; contribution: number; commitment: Hex; transaction: Hex | null }

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
  /** @throws `contribution_duplicate`, `transaction_reverted`, `da_unreachable` … ; call it again to go on */
  contribute(plan: Planned, signal: AbortSignal): AsyncGenerator<ContributeEvent>
  /** A new datanet curated by this account. @returns its id */
  createDatanet(datanet: NewDatanet): Promise<bigint>
  /** Plans that were begun and not finished, to be offered again. */
  unfinished(): Promise<Planned[]>
}

interface Plan extends Planned {
  salt: Hex
}

export interface ContributorPorts {
  /** The deployment: plans of another one are left alone. */
  chain: string
  author: Hex
  records: RecordSpace
  state: Pick<ContractState, 'pin' | 'commit' | 'contributed' | 'addresses'>
  datanets: Pick<DatanetReader, 'contributions'>
  availability: Pick<DataAvailability, 'put'>
  transactions: Transactions
  /** Sees to it that the account has coin for gas. */
  fund(): Promise<void>
}

/** Between looks for the next block, ms. */
const BLOCK_POLL_MS = 500

export function createContributor(ports: ContributorPorts): Contributor {
  const { author, state, transactions } = ports
  const { datanets: address } = state.addresses
  const plans = ports.records.open<Plan>('contributions')
  const send = (functionName: string, args: readonly unknown[]) =>
    transactions.send({ address, abi: datanetsAbi as Abi, functionName, args })

  /** What the chain proves of a commitment now. */
  async function committed(commitment: Hex) {
    const pinned = await state.pin()
    return { ...(await state.commit(pinned, commitment)).value, newest: Number(pinned.number) }
  }

  /** The same documents again, unless it is this very plan that was cut short after its reveal. */
  async function refuseDouble({ datanet }: Planned, key: string, root: Hex): Promise<void> {
    if (await plans.get(key)) return
    const { value: there } = await state.contributed(await state.pin(), datanet, author, root)
    if (there) throw duplicate()
  }

  async function find(datanet: bigint, root: Hex): Promise<number> {
    const { contributions } = await ports.datanets.contributions(datanet)
    const found = contributions.find((held) => held.author === author.toLowerCase() && held.root === root)
    if (found) return found.index
    throw new OpenChatError('log_missing', `The contribution is revealed, but no event of it in datanet ${datanet} was found.`, {
      meta: { datanet: String(datanet), root },
      action: 'Try again in a moment.',
    })
  }

  async function* contribute(planned: Planned, signal: AbortSignal): AsyncGenerator<ContributeEvent> {
    const { datanet, documents } = planned
    const root = contributionRoot(documents)
    const key = `${ports.chain}:${address}:${datanet}:${author}:${root}`
    const fresh = toHex(crypto.getRandomValues(new Uint8Array(32)))
    await refuseDouble(planned, key, root)
    const { salt } = await plans.update(key, (held) => held ?? { ...planned, salt: fresh })
    const commitment = toHex(keccak(fromHex(author, 20), fromHex(root, 32), fromHex(salt, 32)))

    yield { stage: 'commit', state: 'running' }
    let held = await committed(commitment)
    if (held.order === 0) {
      stopIf(signal)
      await ports.fund()
      await send('commit', [commitment])
      held = await committed(commitment)
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
      const tokens = documents.reduce((sum, document) => sum + document.tokens.length, 0)
      const revealed = { root, documents: documents.length, tokens: BigInt(tokens), licence: nameHash(planned.licence), daCommitment }
      transaction = (await send('reveal', [datanet, revealed, salt])).transactionHash
    }
    const contribution = await find(datanet, root)
    await plans.delete(key)
    yield { stage: 'reveal', state: 'done' }
    yield { stage: 'finished', contribution, commitment: daCommitment, transaction }
  }

  return {
    contribute,
    async createDatanet({ name, licence, description, open, reviewed }) {
      await ports.fund()
      const receipt = await send('create', [name, licence, description, open, reviewed])
      return createdId(receipt)
    },
    unfinished: async () =>
      (await plans.entries()).filter(([key]) => key.startsWith(`${ports.chain}:`)).map(([, { salt: _, ...plan }]) => plan),
  }
}

function stopIf(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw new OpenChatError('cancelled', 'The contribution was stopped.', {
    cause: signal.reason,
    action: 'Contribute it again to go on where it stopped.',
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
