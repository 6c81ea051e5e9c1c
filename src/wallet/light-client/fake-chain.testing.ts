// A chain of one contract for tests, with tries by @ethereumjs/mpt and RLP by viem: none of our own verifying
// code made what the tests verify. Its RPC answers truly; tests bend the answers.
import { createMerkleProof, MerklePatriciaTrie } from '@ethereumjs/mpt'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { toRlp } from 'viem'
import type { Hex } from '../../attribution/types.ts'
import type { Rpc } from './rpc.ts'

export const CHAIN_ID = 42069
export const CONTRACT: Hex = '0x5fbdb2315678afecb367f032d93f642f64180aa3'

const hex = (bytes: Uint8Array): Hex => `0x${bytesToHex(bytes)}`
const word = (value: bigint) => hexToBytes(value.toString(16).padStart(64, '0'))
export const slotAt = (n: number): Hex => hex(word(BigInt(n)))

const rlp = (value: Uint8Array | Uint8Array[]) => toRlp(value, 'bytes')

const minimal = (value: bigint) => {
  const digits = value.toString(16)
  return value === 0n ? new Uint8Array() : hexToBytes(digits.length % 2 ? `0${digits}` : digits)
}

async function trieOf(entries: [Uint8Array, Uint8Array][]): Promise<MerklePatriciaTrie> {
  const trie = new MerklePatriciaTrie({ useKeyHashing: true })
  for (const [key, value] of entries) await trie.put(key, value)
  return trie
}

/** RLP fields of a header after Prague, by the names JSON-RPC uses. */
function headerJson(number: number, stateRoot: Hex, timestamp: number): Record<string, string> {
  const zero = `0x${'00'.repeat(32)}`
  const quantity = (value: number) => `0x${value.toString(16)}`
  return {
    parentHash: hex(keccak_256(word(BigInt(number)))),
    sha3Uncles: hex(keccak_256(hexToBytes('c0'))),
    miner: `0x${'42'.repeat(20)}`,
    stateRoot,
    transactionsRoot: zero,
    receiptsRoot: zero,
    logsBloom: `0x${'00'.repeat(256)}`,
    difficulty: '0x0',
    number: quantity(number),
    gasLimit: quantity(30_000_000),
    gasUsed: '0x0',
    timestamp: quantity(timestamp),
    extraData: '0x616e76',
    mixHash: zero,
    nonce: '0x0000000000000000',
    baseFeePerGas: '0x7',
    withdrawalsRoot: zero,
    blobGasUsed: '0x0',
    excessBlobGas: '0x0',
    parentBeaconBlockRoot: zero,
    requestsHash: zero,
  }
}

const QUANTITIES = new Set(['difficulty', 'number', 'gasLimit', 'gasUsed', 'timestamp', 'baseFeePerGas', 'blobGasUsed', 'excessBlobGas'])

/** The block's own hash, over its first `fields` fields. */
export function sealed(header: Record<string, string>): Record<string, unknown> {
  const encoded = Object.entries(header).map(([name, value]) =>
    QUANTITIES.has(name) ? minimal(BigInt(value)) : hexToBytes(value.slice(2)),
  )
  return { ...header, hash: hex(keccak_256(rlp(encoded))), transactions: [], uncles: [], size: '0x1' }
}

export interface FakeChain {
  block: Record<string, unknown>
  header: Record<string, string>
  rpc: Rpc
  /** The answer to eth_getProof. */
  prove(address: Hex, slots: Hex[]): Promise<Proof>
}

export interface Proof {
  address: Hex
  accountProof: Hex[]
  balance: Hex
  nonce: Hex
  codeHash: Hex
  storageHash: Hex
  storageProof: { key: Hex; value: Hex; proof: Hex[] }[]
}

/** A chain at block `number` whose contract holds `slots`. */
export async function fakeChain(slots: Record<string, bigint>, number = 9, timestamp = Math.floor(Date.now() / 1000)): Promise<FakeChain> {
  const storage = await trieOf(Object.entries(slots).map(([slot, value]) => [hexToBytes(slot.slice(2)), rlp(minimal(value))]))
  const codeHash = keccak_256(new TextEncoder().encode('code'))
  const account = rlp([minimal(1n), minimal(5n), storage.root(), codeHash])
  const others = Array.from({ length: 40 }, (_, i): [Uint8Array, Uint8Array] => [
    keccak_256(word(BigInt(i))).slice(0, 20),
    rlp([minimal(BigInt(i)), minimal(10n ** 18n), keccak_256(hexToBytes('80')), keccak_256(new Uint8Array())]),
  ])
  const state = await trieOf([...others, [hexToBytes(CONTRACT.slice(2)), account]])
  const header = headerJson(number, hex(state.root()), timestamp)
  const block = sealed(header)

  async function prove(address: Hex, keys: Hex[]): Promise<Proof> {
    return {
      address,
      accountProof: (await createMerkleProof(state, hexToBytes(address.slice(2)))).map(hex),
      balance: '0x5',
      nonce: '0x1',
      codeHash: hex(codeHash),
      storageHash: hex(storage.root()),
      storageProof: await Promise.all(
        keys.map(async (key) => ({
          key,
          value: `0x${(slots[key] ?? 0n).toString(16)}` as Hex,
          proof: (await createMerkleProof(storage, hexToBytes(key.slice(2)))).map(hex),
        })),
      ),
    }
  }

  const rpc: Rpc = {
    host: 'liar.example',
    async request(method, params) {
      if (method === 'eth_chainId') return `0x${CHAIN_ID.toString(16)}`
      if (method === 'eth_getBlockByNumber') return block
      return prove(params[0] as Hex, params[1] as Hex[])
    },
  }
  return { block, header, rpc, prove }
}
