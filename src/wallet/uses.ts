// How often the words of one account were used, by which answers, for how much: from the batches on chain and their published
// receipts. Not the ledger of a payer (ledger.ts), and nothing of an answer's text: a receipt does not hold it.
// Invariants: a use is told only when its receipts' shares give the lines root that the chain proves, and its spans stand in the
// content that the receipt's header binds, so neither validator nor DA server is believed; what could not be read is counted.
// Source: chain.md "Lines, not sums"; attribution.md "Credit".
import { type Abi, decodeEventLog, encodeEventTopics } from 'viem'
import { contentHash, type ReceiptContent, type ReceiptHeader, receiptId } from '../attribution/receipt.ts'
import { decodeContent } from '../attribution/receipt-codec.ts'
import { batchLines, linesTree } from '../attribution/receipt-shares.ts'
import type { Hex, Share } from '../attribution/types.ts'
import { fromHex, keccak, toHex, uintWord } from '../attribution/words.ts'
import { asOpenChatError, type ErrorWire, OpenChatError, toWire } from '../errors.ts'
import { attributionsAbi } from './contracts.generated.ts'
import type { DataAvailability } from './data-availability.ts'
import type { DatanetHistory } from './datanet-journal.ts'
import type { DatanetReader } from './datanets.ts'
import type { PinnedHeader, Proven } from './light-client/client.ts'
import type { BatchState, ContractState } from './light-client/contract-state.ts'
import { lied, type Rpc } from './light-client/rpc.ts'

/** What one answer took of one contribution. */
export interface Use {
  receiptId: Hex
  batch: number
  /** Seconds since 1970, block time of the batch. */
  at: number
  datanet: bigint
  contribution: number
  quotes: number
  tokens: number
  /** wei */
  amount: bigint
  /** Whether this account has had it; else it is still challengeable or not pushed yet. */
  paid: boolean
}

export interface Uses {
  /** Newest first. */
  list: Use[]
  /** Batches that name this account, or may, and could not be read: why. */
  unread: { batch: number; error: ErrorWire }[]
}

export interface UsesPorts {
  state: Pick<ContractState, 'pin' | 'batchCount' | 'batch' | 'claimedOf' | 'addresses'>
  rpc: Rpc
  availability: Pick<DataAvailability, 'get'>
  datanets: Pick<DatanetReader, 'list'>
}

/** Batches looked at, newest first, and how many slots one proof is asked for. */
const MOST_BATCHES = 2_000
const SLOTS_A_PROOF = 100

type Opened = { header: ReceiptHeader; id: Hex; content: Hex; shares: Share[] }[]

export function createUses({ state, rpc, availability, datanets }: UsesPorts) {
  /** Receipts of a batch never change, so each bundle is fetched and checked once. */
  const known = new Map<number, Opened>()
  /** Batches that change no more: asked of the chain once. */
  const ended = new Map<number, BatchState>()

  async function publishedAt(batch: number): Promise<Hex> {
    const [event] = encodeEventTopics({ abi: attributionsAbi, eventName: 'BatchPosted' })
    const filter = { address: state.addresses.attributions, topics: [event, toHex(uintWord(batch))], fromBlock: '0x0', toBlock: 'latest' }
    const logs = await rpc.request('eth_getLogs', [filter])
    const log = Array.isArray(logs) ? (logs[0] as { data: Hex; topics: [Hex, ...Hex[]] } | undefined) : undefined
    if (log === undefined) {
      throw new OpenChatError('log_missing', `${rpc.host} left out the event of batch ${batch}.`, { meta: { host: rpc.host, batch } })
    }
    try {
      const { args } = decodeEventLog({ abi: attributionsAbi as Abi, eventName: 'BatchPosted', data: log.data, topics: log.topics })
      return (args as unknown as { daCommitment: Hex }).daCommitment
    } catch (cause) {
      throw lied(rpc.host, 'BatchPosted event', cause)
    }
  }

  async function opened(batch: number, held: BatchState, signal: AbortSignal): Promise<Opened> {
    const before = known.get(batch)
    if (before !== undefined) return before
    const commitment = await publishedAt(batch)
    if (toHex(keccak(fromHex(commitment))) !== held.daCommitmentHash) throw lied(rpc.host, `DA commitment of batch ${batch}`)
    const receipts = readBundle(await availability.get(commitment, signal), held)
    known.set(batch, receipts)
    return receipts
  }

  /** Batches in which the account was paid, or may yet be. */
  async function candidates(pinned: PinnedHeader, account: Hex, signal: AbortSignal) {
    const count = (await state.batchCount(pinned)).value
    const found: { batch: number; held: BatchState; claimed: bigint }[] = []
    const last = Math.max(1, count - MOST_BATCHES + 1)
    for (let top = count; top >= last; top -= SLOTS_A_PROOF) {
      const batches = Array.from({ length: Math.min(SLOTS_A_PROOF, top - last + 1) }, (_, i) => top - i)
      const claims = await state.claimedOf(pinned, batches, account, signal)
      for (const [i, { value: claimed }] of claims.entries()) {
        const batch = batches[i]!
        // An old batch that paid nothing by now never will: payouts are pushed, so only the newest may still be open.
        if (claimed === 0n && count - batch >= SLOTS_A_PROOF) continue
        const held = ended.get(batch) ?? (await state.batch(pinned, batch)).value
        if (held.status === 'final' || held.status === 'cancelled') ended.set(batch, held)
        if (claimed > 0n || held.status === 'posted' || held.status === 'final') found.push({ batch, held, claimed })
      }
    }
    return found
  }

  return {
    /** Every use of `account`'s contributions that the chain knows of. The anchor is that of the proven batches. */
    async of(account: Hex, signal: AbortSignal): Promise<Proven<Uses>> {
      const { value: nets, ...proof } = await datanets.list()
      const mine = account.toLowerCase() as Hex
      const byId = new Map(nets.map((net) => [net.id, net]))
      const uses: Uses = { list: [], unread: [] }
      if (nets.every(({ contributions }) => contributions.every(({ author }) => author !== mine))) return { ...proof, value: uses }
      const pinned = await state.pin(signal)
      for (const { batch, held, claimed } of await candidates(pinned, mine, signal)) {
        try {
          for (const receipt of await opened(batch, held, signal)) {
            if (!receipt.shares.some(({ account }) => account === mine)) continue
            for (const use of usesOf(receipt, mine, byId)) uses.list.push({ ...use, batch, at: held.postedAt, paid: claimed > 0n })
          }
        } catch (error) {
          if (signal.aborted) throw error
          uses.unread.push({ batch, error: toWire(asOpenChatError(error)) })
        }
      }
      return { ...proof, value: uses }
    },
  }
}

/** The receipts of a published batch, if their shares give the lines that were posted. @throws `bundle_invalid` */
export function readBundle(bytes: Uint8Array, { linesRoot, lineCount }: Pick<BatchState, 'linesRoot' | 'lineCount'>): Opened {
  let receipts: Opened
  let posted: { root: Hex; count: number }
  try {
    const told = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as { receipts: Record<string, never>[] }
    receipts = told.receipts.map(({ header, content, shares }) => {
      const { nonce, fee, ...rest } = header as unknown as ReceiptHeader
      const read = { ...rest, nonce: BigInt(nonce), fee: BigInt(fee) }
      const named = (shares as unknown as { account: Hex; amount: string }[]).map(({ account, amount }) => ({
        account: account.toLowerCase() as Hex,
        amount: BigInt(amount),
      }))
      return { header: read, id: receiptId(read), content, shares: named }
    })
    posted = linesTree(batchLines(receipts))
  } catch (cause) {
    throw new OpenChatError('bundle_invalid', 'The published bytes are not a batch of receipts.', { cause })
  }
  if (posted.root === linesRoot && posted.count === lineCount) return receipts
  throw new OpenChatError('bundle_invalid', `The published receipts give other lines than the ${lineCount} that were posted.`, {
    meta: { got: posted.root, expected: linesRoot },
  })
}

/** By contribution of `account`; document numbers run on over a datanet's contributions. */
function usesOf({ header, id, content: hex, shares }: Opened[number], account: Hex, nets: ReadonlyMap<bigint, DatanetHistory>) {
  const raw = fromHex(hex)
  if (contentHash(raw) !== header.content) throw new OpenChatError('bundle_invalid', `The content of receipt ${id} is not its own.`)
  const content: ReceiptContent = decodeContent(raw)
  const found = new Map<string, Pick<Use, 'receiptId' | 'datanet' | 'contribution' | 'quotes' | 'tokens' | 'amount'>>()
  for (const { index, document, length, amount } of content.spans) {
    const net = nets.get(content.indexes[index]?.datanet ?? -1n)
    let first = 0
    const holder = net?.contributions.find(({ documents }) => document < (first += documents))
    if (net === undefined || holder?.author !== account) continue
    const key = `${net.id}:${holder.index}`
    const before = found.get(key) ?? { receiptId: id, datanet: net.id, contribution: holder.index, quotes: 0, tokens: 0, amount: 0n }
    found.set(key, { ...before, quotes: before.quotes + 1, tokens: before.tokens + length, amount: before.amount + amount })
  }
  const list = [...found.values()]
  const share = shares.find((held) => held.account === account)?.amount ?? 0n
  if (list.reduce((sum, { amount }) => sum + amount, 0n) === share) return list
  throw new OpenChatError('bundle_invalid', `The spans of receipt ${id} do not add up to what it pays ${account}.`)
}
