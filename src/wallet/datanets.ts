// The datanets and contributions of the chain, as anyone may read them: counts and heads proven, events taken from any
// server and folded to the proven head. Not their texts' tokens, and nothing is sent (contribute.ts).
// Invariant: a list that is returned folds to the proven head, so a dropped, changed, added or reordered event is seen.
import { type Abi, decodeEventLog, encodeEventTopics } from 'viem'
import { type Contribution, contributionsHead } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex, uintWord, ZERO_HASH } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { type BundledDocument, decodeBundle } from './contribution-bundle.ts'
import type { DataAvailability } from './data-availability.ts'
import type { PinnedHeader, Proven } from './light-client/client.ts'
import type { ContractState, DatanetState } from './light-client/contract-state.ts'
import { lied, type Rpc } from './light-client/rpc.ts'

/** A contribution with where its texts are published; `0x` where they came by another way. */
export interface ListedContribution extends Contribution {
  daCommitment: Hex
}

export interface ListedDatanet {
  id: bigint
  state: Proven<DatanetState>
}

export interface DatanetReader {
  list(): Promise<ListedDatanet[]>
  /** Every contribution of a datanet up to the pinned block, with the head they fold to. @throws `log_missing`, `rpc_lied` */
  contributions(datanet: bigint): Promise<{ head: Proven<Hex>; contributions: ListedContribution[] }>
  /** The texts of one contribution, checked against its commitment. @throws `da_missing`, `da_lied`, `bundle_invalid` */
  documents(contribution: ListedContribution, signal?: AbortSignal): Promise<BundledDocument[]>
}

interface Log {
  data: Hex
  topics: [Hex, ...Hex[]]
}

export function createDatanetReader(
  state: Pick<ContractState, 'pin' | 'datanetCount' | 'datanet' | 'headAt' | 'addresses'>,
  rpc: Rpc,
  availability: Pick<DataAvailability, 'get'>,
): DatanetReader {
  async function logsOf(pinned: PinnedHeader, datanet: bigint): Promise<Log[]> {
    const [event] = encodeEventTopics({ abi: datanetsAbi, eventName: 'Contributed' })
    const filter = {
      address: state.addresses.datanets,
      topics: [event, toHex(uintWord(datanet))],
      fromBlock: '0x0',
      toBlock: `0x${pinned.number.toString(16)}`,
    }
    const logs = await rpc.request('eth_getLogs', [filter])
    if (!Array.isArray(logs)) throw lied(rpc.host, 'list of events')
    return logs as Log[]
  }

  return {
    async list() {
      const pinned = await state.pin()
      const { value: count } = await state.datanetCount(pinned)
      const ids = Array.from({ length: count }, (_, i) => BigInt(i + 1))
      return Promise.all(ids.map(async (id) => ({ id, state: await state.datanet(pinned, id) })))
    },

    async contributions(datanet) {
      const pinned = await state.pin()
      const { value: held } = await state.datanet(pinned, datanet)
      const head = await state.headAt(pinned, datanet, held.contributions)
      const contributions = (await logsOf(pinned, datanet)).map((log) => readLog(log, rpc.host))
      checkFold(datanet, contributions, held.contributions, head.value, rpc.host)
      return { head, contributions }
    },

    async documents({ daCommitment, datanet, index }, signal) {
      if (daCommitment === '0x') {
        throw new OpenChatError('da_missing', `Contribution ${index} of datanet ${datanet} was not published on data availability.`, {
          meta: { datanet: String(datanet), contribution: index },
          action: 'Get it from a member of the datanet.',
        })
      }
      return decodeBundle(await availability.get(daCommitment, signal))
    },
  }
}

function readLog({ data, topics }: Log, host: string): ListedContribution {
  try {
    const { args } = decodeEventLog({ abi: datanetsAbi as Abi, eventName: 'Contributed', data, topics, strict: true })
    const event = args as unknown as Omit<ListedContribution, 'index' | 'tokens' | 'order'> & {
      index: bigint
      tokens: bigint
      order: bigint
    }
    const expected = event.daCommitment === '0x' ? ZERO_HASH : toHex(keccak(fromHex(event.daCommitment)))
    if (expected !== event.daCommitmentHash) throw new OpenChatError('log_invalid', 'Its DA commitment does not hash to the one it names.')
    return {
      datanet: event.datanet,
      index: Number(event.index),
      author: event.author.toLowerCase() as Hex,
      root: event.root,
      documents: event.documents,
      tokens: Number(event.tokens),
      licence: event.licence,
      daCommitmentHash: event.daCommitmentHash,
      order: Number(event.order),
      daCommitment: event.daCommitment,
    }
  } catch (cause) {
    throw lied(host, 'Contributed event', cause)
  }
}

/** The list must be the whole of what the contract has hashed into its head. */
function checkFold(datanet: bigint, list: readonly Contribution[], count: number, head: Hex, host: string): void {
  const gap = list.findIndex(({ index }, i) => index !== i)
  const missing = gap >= 0 ? gap : list.length
  if (list.length < count) {
    throw new OpenChatError('log_missing', `${host} left out contribution ${missing} of datanet ${datanet}: the chain has ${count}.`, {
      meta: { host, datanet: String(datanet), contribution: missing, expected: count, got: list.length },
      action: 'Choose another RPC in the settings; some nodes keep no old events.',
    })
  }
  const folded = contributionsHead(list)
  if (list.length > count || folded !== head) {
    const cause = new OpenChatError('log_invalid', `${list.length} events fold to ${folded}, the chain has ${count} and ${head}.`)
    throw lied(host, `list of contributions to datanet ${datanet}`, cause)
  }
}
