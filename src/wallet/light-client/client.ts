// Reads contract storage with proof: a header is pinned once, and every value is proven against its state root. Not a
// wallet and not an event reader; it sends nothing and trusts no `eth_call`.
// What is proven: that the value stands in the state of block N as its header binds it. What is not, yet: that block N is
// the chain's. With one RPC that is its operator's word; with several they must serve the same header. So the assurance is
// `pinned`, below every level that an L1 gives (chain.md "Light client").
// Invariants: the header's hash is recomputed from its fields; account and slot proofs are walked by keys computed here;
// a false answer is `rpc_lied` and names what and who; pins never go back in height.

import type { Hex } from '../../attribution/types.ts'
import { fromHex, keccak, toHex } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'
import { type Header, readHeader } from './header.ts'
import { decodeRlp, decodeUint } from './rlp.ts'
import { lied, type Rpc } from './rpc.ts'
import { verifyTrieProof } from './trie.ts'

/** How far a value is known to be the chain's, weakest first. Only `pinned` is reached yet. */
const ASSURANCE = ['unverified', 'pinned', 'sequencer-signed', 'proposed', 'resolved', 'finalized'] as const
export type Assurance = (typeof ASSURANCE)[number]

export interface PinnedHeader extends Header {
  chainId: number
  /** The endpoints that served this header. */
  hosts: string[]
}

/** Where a proven value stands. */
export interface Anchor {
  block: bigint
  hash: Hex
  timestamp: bigint
  hosts: string[]
}

export interface Proven<T> {
  value: T
  assurance: Assurance
  anchor: Anchor
}

export interface LightClient {
  /** Pins the newest header on which all endpoints agree. */
  pin(signal?: AbortSignal): Promise<PinnedHeader>
  /** Values of storage slots of one contract, 32 bytes each as integers, zero where the trie holds nothing. */
  readSlots(pinned: PinnedHeader, address: Hex, slots: Hex[], signal?: AbortSignal): Promise<Proven<bigint>[]>
  /** wei of the native coin that an account holds; zero where there is no account. */
  readBalance(pinned: PinnedHeader, address: Hex, signal?: AbortSignal): Promise<Proven<bigint>>
}

export interface LightClientOptions {
  chainId: number
  rpcs: Rpc[]
  /** A newest header older than this is refused as `rpc_stale`. */
  maxAgeSeconds?: number
  /** Seconds since 1970. */
  now?: () => number
}

const EMPTY_CODE = toHex(keccak(new Uint8Array()))

/** One line that says what a proven value rests on, for people. */
export function assuranceSentence({ assurance, anchor }: Proven<unknown>): string {
  if (assurance !== 'pinned') return `${assurance} at block ${anchor.block}`
  return `Proven against the header of block ${anchor.block}, as served by ${anchor.hosts.join(' and ')}; its hash was recomputed.`
}

/** @throws (from its methods) `rpc_lied`, `rpc_stale`, `rpc_disagree`, `wrong_chain`, `contract_missing` and what an Rpc throws */
export function createLightClient({ chainId, rpcs, maxAgeSeconds = 600, now = () => Date.now() / 1000 }: LightClientOptions): LightClient {
  if (rpcs.length === 0) throw new OpenChatError('settings_invalid', 'No RPC is given to read the chain with.')
  const checked = new Set<string>()
  let highest: Header | undefined

  async function checkChain(rpc: Rpc, signal?: AbortSignal): Promise<void> {
    if (checked.has(rpc.host)) return
    const got = await rpc.request('eth_chainId', [], signal)
    if (typeof got !== 'string' || !/^0x[0-9a-f]{1,13}$/i.test(got)) throw lied(rpc.host, 'chain id')
    if (Number(got) !== chainId) {
      throw new OpenChatError('wrong_chain', `${rpc.host} serves chain ${Number(got)}, expected ${chainId}.`, {
        meta: { host: rpc.host, expected: chainId, got: Number(got) },
        action: 'Choose an RPC of the right chain in the settings.',
      })
    }
    checked.add(rpc.host)
  }

  async function headerFrom(rpc: Rpc, block: string, signal?: AbortSignal): Promise<Header> {
    await checkChain(rpc, signal)
    const answer = await rpc.request('eth_getBlockByNumber', [block, false], signal)
    if (typeof answer !== 'object' || answer === null) throw lied(rpc.host, 'block header')
    try {
      const header = readHeader(answer as Record<string, unknown>)
      if (block !== 'latest' && header.number !== BigInt(block)) {
        throw new OpenChatError('header_invalid', `It is block ${header.number}, asked for ${BigInt(block)}.`)
      }
      return header
    } catch (cause) {
      throw lied(rpc.host, 'block header', cause)
    }
  }

  async function pin(signal?: AbortSignal): Promise<PinnedHeader> {
    const [first, ...others] = rpcs
    // Answers may overtake each other: only what was known before asking binds this one.
    const floor = highest?.number ?? 0n
    const header = await headerFrom(first, 'latest', signal)
    const ageSeconds = now() - Number(header.timestamp)
    if (header.number < floor || ageSeconds > maxAgeSeconds) {
      throw new OpenChatError('rpc_stale', `${first.host} serves block ${header.number} as the newest, which is behind.`, {
        meta: { host: first.host, block: Number(header.number), seen: Number(floor), ageSeconds: Math.round(ageSeconds) },
        action: 'Wait for it to catch up, or choose another RPC in the settings.',
      })
    }
    for (const other of others) {
      const same = await headerFrom(other, `0x${header.number.toString(16)}`, signal)
      if (same.hash !== header.hash) {
        throw new OpenChatError('rpc_disagree', `${first.host} and ${other.host} serve different headers for block ${header.number}.`, {
          meta: { first: first.host, second: other.host, block: Number(header.number), firstHash: header.hash, secondHash: same.hash },
          action: 'Wait for the next block; if it stays, one of them is not to be trusted.',
        })
      }
    }
    if (header.number > (highest?.number ?? -1n)) highest = header
    return { ...header, chainId, hosts: rpcs.map(({ host }) => host) }
  }

  async function prove(pinned: PinnedHeader, address: Hex, slots: Hex[], signal?: AbortSignal) {
    const [rpc] = rpcs
    // By hash, so that a reorganisation is an answer of "unknown block" and not a proof of another state.
    const answer = await rpc.request('eth_getProof', [address, slots, { blockHash: pinned.hash }], signal)
    const proof = readProof(answer, rpc.host)
    return { host: rpc.host, storage: proof.storage, account: proveAccount(pinned, address, proof, rpc.host) }
  }

  async function slotsOf(pinned: PinnedHeader, address: Hex, slots: Hex[], signal?: AbortSignal): Promise<Proven<bigint>[]> {
    const { host, storage, account } = await prove(pinned, address, slots, signal)
    if (!account || account.codeHash === EMPTY_CODE) {
      throw new OpenChatError('contract_missing', `No contract stands at ${address} in block ${pinned.number}.`, {
        meta: { address, block: Number(pinned.number), host },
        action: 'Check the addresses in the settings.',
      })
    }
    return slots.map((slot, i) => proven(pinned, proveSlot(account.storageHash, slot, storage[i], host)))
  }

  async function balanceOf(pinned: PinnedHeader, address: Hex, signal?: AbortSignal): Promise<Proven<bigint>> {
    const { account } = await prove(pinned, address, [], signal)
    return proven(pinned, account?.balance ?? 0n)
  }

  return {
    pin,
    readSlots: (...of) => askedAgain(() => slotsOf(...of)),
    readBalance: (...of) => askedAgain(() => balanceOf(...of)),
  }
}

/**
 * A proof that does not hold is asked for once more. While anvil 1.7.1 mines, it serves for a moment the proof of the coming block
 * under the hash of the last one: 3 of 867 reads beside a busy faucet, and none of the second reads. Who lies, lies twice.
 * To be deleted with an anvil that does not.
 */
async function askedAgain<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof OpenChatError) || error.code !== 'rpc_lied') throw error
    await new Promise((next) => setTimeout(next, 100))
    return read()
  }
}

function proven<T>({ number: block, hash, timestamp, hosts }: PinnedHeader, value: T): Proven<T> {
  return { value, assurance: 'pinned', anchor: { block, hash, timestamp, hosts } }
}

interface Account {
  nonce: bigint
  balance: bigint
  storageHash: Hex
  codeHash: Hex
}

interface AccountProof {
  nodes: Uint8Array[]
  claimed: { storageHash: unknown; codeHash: unknown; balance: unknown; nonce: unknown }
  storage: { nodes: Uint8Array[]; key: unknown; value: unknown }[]
}

function nodesOf(list: unknown): Uint8Array[] {
  if (!Array.isArray(list) || list.length > 70) throw new OpenChatError('proof_invalid', 'The proof is not a list of nodes.')
  return list.map((node) => fromHex(node as Hex))
}

/** The shape of an `eth_getProof` answer, its nodes as bytes. */
function readProof(answer: unknown, host: string): AccountProof {
  try {
    const { accountProof, storageProof, storageHash, codeHash, balance, nonce } = answer as Record<string, unknown>
    const storage = (storageProof as Record<string, unknown>[]).map(({ key, value, proof }) => ({ key, value, nodes: nodesOf(proof) }))
    return { nodes: nodesOf(accountProof), storage, claimed: { storageHash, codeHash, balance, nonce } }
  } catch (cause) {
    throw lied(host, 'account proof', cause)
  }
}

/** The account as its proof holds it, null where there is none. What the answer claims beside its proof must agree. */
function proveAccount(pinned: PinnedHeader, address: Hex, { nodes, claimed }: AccountProof, host: string): Account | null {
  try {
    const value = verifyTrieProof(pinned.stateRoot, fromHex(address, 20), nodes)
    const account = value && readAccount(value)
    for (const [name, proven] of Object.entries(account ?? {})) {
      const claim = claimed[name as keyof typeof claimed]
      const same = typeof proven === 'bigint' ? isQuantity(claim) && BigInt(claim) === proven : String(claim).toLowerCase() === proven
      if (!same) throw new OpenChatError('proof_invalid', `It claims ${name} ${String(claim).slice(0, 70)}, its proof holds ${proven}.`)
    }
    return account
  } catch (cause) {
    throw lied(host, `account proof of ${address}`, cause)
  }
}

const isQuantity = (value: unknown): value is string => typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)

function readAccount(value: Uint8Array): Account {
  const fields = decodeRlp(value)
  if (!Array.isArray(fields) || fields.length !== 4) throw new OpenChatError('proof_invalid', 'An account has four fields.')
  const [nonce, balance, storageRoot, codeHash] = fields
  if (!(storageRoot instanceof Uint8Array && codeHash instanceof Uint8Array && storageRoot.length === 32 && codeHash.length === 32)) {
    throw new OpenChatError('proof_invalid', 'An account has two hashes of 32 bytes.')
  }
  return { nonce: decodeUint(nonce), balance: decodeUint(balance), storageHash: toHex(storageRoot), codeHash: toHex(codeHash) }
}

function proveSlot(storageRoot: Hex, slot: Hex, proof: AccountProof['storage'][number] | undefined, host: string): bigint {
  try {
    if (!proof) throw new OpenChatError('proof_invalid', 'The proof of this slot is missing.')
    if (!isQuantity(proof.key) || BigInt(proof.key) !== BigInt(slot)) {
      throw new OpenChatError('proof_invalid', `It is for slot ${String(proof.key).slice(0, 66)}, asked for ${slot}.`)
    }
    const leaf = verifyTrieProof(storageRoot, fromHex(slot, 32), proof.nodes)
    const value = leaf ? decodeUint(decodeRlp(leaf)) : 0n
    if (!isQuantity(proof.value) || BigInt(proof.value) !== value) {
      throw new OpenChatError(
        'proof_invalid',
        `It claims the value ${String(proof.value).slice(0, 66)}, its proof holds 0x${value.toString(16)}.`,
      )
    }
    return value
  } catch (cause) {
    throw lied(host, `proof of slot ${slot}`, cause)
  }
}
