// The datanets as their contract's events tell them: a pure reducer over the log, and the fold that proves the log whole.
// Not a reader of any node (datanets.ts) and no judge of texts.
// Invariants: `foldJournal` over all events gives the contract's `journal` slot, so a dropped, changed, invented or reordered
// event is seen; entries are replaced, never changed, so what was handed out stays as it was.
// Source: chain.md "Journals", "State transition"; contracts/Datanets.sol and DatanetRegistry.sol for the events.
import { type Abi, decodeEventLog } from 'viem'
import type { Contribution } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex, ZERO_HASH } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { ACCESS, type Access } from './light-client/contract-state.ts'

/** A contribution with where its texts are published (`0x` where they came by another way) and whether it was withdrawn. */
export interface ListedContribution extends Contribution {
  daCommitment: Hex
  withdrawn: boolean
  /** The block it was taken in, as the node says: no proof binds it. */
  block: number
}

/** As the contract numbers them. */
export const REFUSAL_REASONS = ['none', 'off_topic', 'duplicate', 'quality', 'personal_data', 'not_permitted', 'other'] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]
const VERDICTS = ['waiting', 'accepted', 'refused', 'retracted'] as const

/** What was sent to a datanet whose curator looks first. */
export interface Submission {
  number: number
  author: Hex
  order: number
  root: Hex
  documents: number
  tokens: number
  /** keccak256 of the licence's name. */
  licence: Hex
  daCommitment: Hex
  verdict: (typeof VERDICTS)[number]
  /** Of a refusal. */
  reason: RefusalReason
  sentence: string
  /** The contribution it became. */
  index: number | null
}

export interface AccessEntry {
  account: Hex
  access: Access
  /** What the account said when it asked. */
  note: string
  /** What the curator said when refusing or revoking. */
  reason: string
}

export interface DatanetHistory {
  id: bigint
  curator: Hex
  name: string
  licence: string
  description: string
  /** Anyone may contribute; else by grant. */
  open: boolean
  /** What others contribute waits for the curator. */
  reviewed: boolean
  contributions: ListedContribution[]
  /** head_n over `contributions`. */
  head: Hex
  submissions: Submission[]
  access: Map<Hex, AccessEntry>
}

export type Histories = Map<bigint, DatanetHistory>

export interface Log {
  data: Hex
  topics: [Hex, ...Hex[]]
  blockNumber?: Hex
}

/** journal_{n+1} = keccak256(journal_n ‖ keccak256(topics ‖ data)). */
export function foldJournal(journal: Hex, { topics, data }: Log): Hex {
  const event = keccak(...topics.map((topic) => fromHex(topic, 32)), fromHex(data))
  return toHex(keccak(fromHex(journal, 32), event))
}

interface Told {
  datanet: bigint
  author: Hex
  account: Hex
  curator: Hex
  name: string
  licence: string & Hex
  description: string
  open: boolean
  reviewed: boolean
  note: string
  reason: string & number
  access: number
  index: bigint
  root: Hex
  documents: number
  tokens: bigint
  daCommitmentHash: Hex
  order: bigint
  head: Hex
  daCommitment: Hex
  submission: bigint
  verdict: number
  sentence: string
}

const lower = (hex: Hex) => hex.toLowerCase() as Hex

/** Takes one event into `histories`. @throws `log_invalid` for what no such contract emits */
export function applyLog(histories: Histories, { data, topics, blockNumber = '0x0' }: Log): void {
  const { eventName, args } = decodeEventLog({ abi: datanetsAbi as Abi, data, topics, strict: true }) as {
    eventName: string
    args: unknown
  }
  if (eventName === 'Committed') return
  const event = args as Told
  if (eventName === 'DatanetCreated') {
    const { datanet: id, name, licence, description, open, reviewed } = event
    if (id !== BigInt(histories.size + 1)) throw skipped(`the creation of datanet ${histories.size + 1}`)
    const fresh = { contributions: [], head: ZERO_HASH, submissions: [], access: new Map<Hex, AccessEntry>() }
    histories.set(id, { id, curator: lower(event.curator), name, licence, description, open, reviewed, ...fresh })
    return
  }
  const net = histories.get(event.datanet)
  if (net === undefined) throw skipped(`the creation of datanet ${event.datanet}`)
  switch (eventName) {
    case 'Described':
      net.description = event.description
      return
    case 'AccessAsked':
      setAccess(net, { account: lower(event.account), access: 'asked', note: event.note, reason: '' })
      return
    case 'AccessSet': {
      const account = lower(event.account)
      const access = ACCESS[event.access] ?? 'none'
      setAccess(net, { account, access, note: net.access.get(account)?.note ?? '', reason: event.reason })
      return
    }
    case 'Contributed':
      append(net, event, Number(blockNumber))
      return
    case 'Submitted':
      submit(net, event)
      return
    case 'Decided':
      decide(net, event)
      return
    case 'Withdrawn': {
      const at = Number(event.index)
      const held = net.contributions[at]
      if (held === undefined) throw skipped(`contribution ${at} of datanet ${net.id}`)
      net.contributions[at] = { ...held, withdrawn: true }
      return
    }
    default:
      throw new OpenChatError('log_invalid', `An event ${eventName} is not known here.`)
  }
}

function setAccess(net: DatanetHistory, entry: AccessEntry): void {
  net.access.set(entry.account, entry)
}

function append(net: DatanetHistory, event: Told, block: number): void {
  const expected = event.daCommitment === '0x' ? ZERO_HASH : toHex(keccak(fromHex(event.daCommitment)))
  if (expected !== event.daCommitmentHash) throw new OpenChatError('log_invalid', 'Its DA commitment does not hash to the one it names.')
  if (Number(event.index) !== net.contributions.length) throw skipped(`contribution ${net.contributions.length} of datanet ${net.id}`)
  net.contributions.push({
    datanet: net.id,
    index: Number(event.index),
    author: lower(event.author),
    root: event.root,
    documents: event.documents,
    tokens: Number(event.tokens),
    licence: event.licence,
    daCommitmentHash: event.daCommitmentHash,
    order: Number(event.order),
    daCommitment: event.daCommitment,
    withdrawn: false,
    block,
  })
  net.head = event.head
}

function submit(net: DatanetHistory, event: Told): void {
  const number = Number(event.submission)
  if (number !== net.submissions.length) throw skipped(`submission ${net.submissions.length} to datanet ${net.id}`)
  net.submissions.push({
    number,
    author: lower(event.author),
    order: Number(event.order),
    root: event.root,
    documents: event.documents,
    tokens: Number(event.tokens),
    licence: event.licence,
    daCommitment: event.daCommitment,
    verdict: 'waiting',
    reason: 'none',
    sentence: '',
    index: null,
  })
}

function decide(net: DatanetHistory, event: Told): void {
  const at = Number(event.submission)
  const held = net.submissions[at]
  if (held === undefined) throw skipped(`submission ${at} to datanet ${net.id}`)
  const verdict = VERDICTS[event.verdict] ?? 'waiting'
  const reason = REFUSAL_REASONS[event.reason] ?? 'other'
  net.submissions[at] = { ...held, verdict, reason, sentence: event.sentence, index: verdict === 'accepted' ? Number(event.index) : null }
}

/** Events are numbered by what they do, so a gap names what was left out. */
function skipped(what: string): OpenChatError {
  return new OpenChatError('log_missing', `The list of events leaves out ${what}.`, { meta: { what } })
}
