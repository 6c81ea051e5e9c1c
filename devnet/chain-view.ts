// What a validator reads of the chain. It runs beside its own node, so it trusts that node; the page never does.
// Invariant: a datanet's contributions are taken from events only when they fold to the head that the contract holds.
import type { Hex, PublicClient } from 'viem'
import { type Contribution, contributionsHead } from '../src/attribution/contributions.ts'
import type { ReceiptHeader } from '../src/attribution/receipt.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import { attributionsAbi, datanetsAbi, payoutsAbi } from '../src/wallet/contracts.generated.ts'
import type { DevnetAddresses } from './deploy.ts'

type BatchStatus = 'none' | 'posted' | 'final' | 'cancelled'
const STATUSES: readonly BatchStatus[] = ['none', 'posted', 'final', 'cancelled']

export interface BatchView {
  status: BatchStatus
  /** seconds */
  windowEnd: number
  openDemands: number
  linesRoot: Hex
  lineCount: number
}

export interface ChainView {
  parametersHash(): Promise<Hex>
  /** Contributions 0 … n−1 of a datanet, proven against `head`; null when the chain's head_n is another. */
  contributions(datanet: bigint, n: number, head: Hex): Promise<readonly Contribution[] | null>
  /** wei */
  deposit(payer: Hex): Promise<bigint>
  /** The receipt that took this nonce, or null. */
  receiptAt(payer: Hex, nonce: bigint): Promise<Hex | null>
  /** 0 when it is in none. */
  batchOf(receiptId: Hex): Promise<number>
  batch(batch: number): Promise<BatchView>
  batchCount(): Promise<number>
  /** DA commitment of a batch, from its event. */
  daCommitment(batch: number): Promise<Hex>
  /** Headers of a batch's receipts, from its events. */
  headersOf(batch: number): Promise<ReceiptHeader[]>
  claimed(batch: number, account: Hex): Promise<bigint>
  /** Seconds, of the newest block. */
  now(): Promise<number>
  /** Whether `fee` of the header is covered and its nonce free. */
  payable(header: ReceiptHeader): Promise<boolean>
}

const ZERO = /^0x0*$/

export function chainView(client: PublicClient, addresses: DevnetAddresses): ChainView {
  const attributions = { address: addresses.attributions, abi: attributionsAbi } as const
  const known = new Map<string, readonly Contribution[]>()
  const view: ChainView = {
    parametersHash: () => client.readContract({ ...attributions, functionName: 'parametersHash' }),
    async contributions(datanet, n, head) {
      const key = `${datanet}:${n}:${head}`
      const cached = known.get(key)
      if (cached) return cached
      const address = addresses.datanets
      const proven = await client.readContract({ address, abi: datanetsAbi, functionName: 'headAt', args: [datanet, BigInt(n)] })
      if (proven !== head) return null
      const logs = await client.getContractEvents({
        address,
        abi: datanetsAbi,
        eventName: 'Contributed',
        args: { datanet },
        fromBlock: 0n,
        strict: true,
      })
      const list = logs
        .slice(0, n)
        .map(({ args }): Contribution => ({ ...args, index: Number(args.index), order: Number(args.order), tokens: Number(args.tokens) }))
      if (contributionsHead(list) !== head) {
        throw new OpenChatError('chain_unreachable', `The node's ${list.length} logs of datanet ${datanet} do not fold to its head.`, {
          meta: { datanet: Number(datanet), contributions: n },
        })
      }
      known.set(key, list)
      return list
    },
    deposit: async (payer) => (await client.readContract({ ...attributions, functionName: 'deposits', args: [payer] }))[0],
    async receiptAt(payer, nonce) {
      const id = await client.readContract({ ...attributions, functionName: 'receiptAt', args: [payer, nonce] })
      return ZERO.test(id) ? null : id
    },
    batchOf: async (id) => Number(await client.readContract({ ...attributions, functionName: 'batchOf', args: [id] })),
    async batch(batch) {
      const known = await client.readContract({ ...attributions, functionName: 'batches', args: [BigInt(batch)] })
      const [, status, , windowEnd, lineCount, , openDemands, , , linesRoot] = known
      return { status: STATUSES[status], windowEnd: Number(windowEnd), openDemands, linesRoot, lineCount }
    },
    batchCount: async () => Number(await client.readContract({ ...attributions, functionName: 'batchCount' })),
    async daCommitment(batch) {
      const logs = await client.getContractEvents({
        ...attributions,
        eventName: 'BatchPosted',
        args: { batch: BigInt(batch) },
        fromBlock: 0n,
        strict: true,
      })
      if (logs.length !== 1)
        throw new OpenChatError('chain_unreachable', `The node shows ${logs.length} postings of batch ${batch}, expected one.`)
      return logs[0].args.daCommitment
    },
    async headersOf(batch) {
      const logs = await client.getContractEvents({ ...attributions, eventName: 'ReceiptPosted', fromBlock: 0n, strict: true })
      return logs
        .filter(({ args }) => args.batch === BigInt(batch))
        .map(({ args: { payer, nonce, content, sharesRoot, shareCount, fee } }) => ({
          payer: payer.toLowerCase() as Hex,
          channel: ZERO_HASH,
          nonce,
          content,
          sharesRoot,
          shareCount,
          fee,
        }))
    },
    claimed: (batch, account) =>
      client.readContract({ address: addresses.payouts, abi: payoutsAbi, functionName: 'claimed', args: [BigInt(batch), account] }),
    now: async () => Number((await client.getBlock()).timestamp),
    async payable({ payer, nonce, fee }) {
      return (await view.receiptAt(payer, nonce)) === null && (await view.deposit(payer)) >= fee
    },
  }
  return view
}
