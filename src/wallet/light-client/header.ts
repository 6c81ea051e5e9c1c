// A block header and its hash, computed again from its fields, so that the state root belongs to the hash. Not consensus:
// whether the block is canonical is the anchor's question (client.ts).
// Invariants: the fields are those of a known fork, in order and without gaps (15 before London, 16 London, 17 Shanghai,
// 20 Cancun, 21 Prague; OP Stack chains use the same rows); anything else is refused rather than guessed.
// Source: yellow paper 4.3; EIP-1559, 4895, 4844, 4788, 7685; OP Stack specs, Canyon to Isthmus.

import type { Hex } from '../../attribution/types.ts'
import { keccak, toHex } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'
import { encodeRlp, encodeUint, type Rlp } from './rlp.ts'

type Kind = 'uint' | 8 | 20 | 32 | 256 | 'bytes'

const FIELDS: readonly (readonly [string, Kind])[] = [
  ['parentHash', 32],
  ['sha3Uncles', 32],
  ['miner', 20],
  ['stateRoot', 32],
  ['transactionsRoot', 32],
  ['receiptsRoot', 32],
  ['logsBloom', 256],
  ['difficulty', 'uint'],
  ['number', 'uint'],
  ['gasLimit', 'uint'],
  ['gasUsed', 'uint'],
  ['timestamp', 'uint'],
  ['extraData', 'bytes'],
  ['mixHash', 32],
  ['nonce', 8],
  ['baseFeePerGas', 'uint'],
  ['withdrawalsRoot', 32],
  ['blobGasUsed', 'uint'],
  ['excessBlobGas', 'uint'],
  ['parentBeaconBlockRoot', 32],
  ['requestsHash', 32],
]

/** Number of fields at each fork that changed it. */
const FORK_FIELDS = new Set([15, 16, 17, 20, 21])

/** What a block as JSON may carry beside its header's fields. A name outside both may be a fork we do not know. */
const BODY = new Set(['hash', 'size', 'totalDifficulty', 'transactions', 'uncles', 'withdrawals', 'l1BlockNumber'])

export interface Header {
  hash: Hex
  parentHash: Hex
  stateRoot: Hex
  number: bigint
  /** Seconds since 1970. */
  timestamp: bigint
}

function refuse(fault: string, field: string | null = null): never {
  throw new OpenChatError('header_invalid', `The block header does not hold: ${fault}.`, { meta: { fault, field } })
}

function encodeField(name: string, kind: Kind, value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^0x[0-9a-f]*$/i.test(value)) return refuse(`${name} is not hexadecimal`, name)
  if (kind === 'uint') {
    if (!/^0x(0|[1-9a-f][0-9a-f]{0,63})$/i.test(value)) return refuse(`${name} is not a canonical integer`, name)
    return encodeUint(BigInt(value))
  }
  const digits = value.slice(2)
  if (digits.length % 2 || digits.length > 2048 || (kind !== 'bytes' && digits.length !== 2 * kind)) {
    return refuse(`${name} has ${digits.length / 2} bytes`, name)
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/**
 * The header of a block as JSON-RPC gives it, its hash recomputed.
 * @throws `header_invalid` when a field is missing, misshapen or unknown, or the hash is not that of the fields
 */
export function readHeader(block: Record<string, unknown>): Header {
  const known = new Set(FIELDS.map(([name]) => name))
  const present = FIELDS.filter(([name]) => block[name] !== undefined && block[name] !== null)
  const gap = FIELDS.slice(0, present.length).find(([name]) => !present.some(([p]) => p === name))
  if (gap) refuse(`${gap[0]} is missing before later fields`, gap[0])
  if (!FORK_FIELDS.has(present.length)) refuse(`${present.length} fields belong to no known fork`)
  const unknown = Object.keys(block).find((name) => !known.has(name) && !BODY.has(name) && /(root|hash|gas)$/i.test(name))
  if (unknown) refuse(`the field ${unknown} belongs to no known fork`, unknown)
  const rlp: Rlp = present.map(([name, kind]) => encodeField(name, kind, block[name]))
  const hash = toHex(keccak(encodeRlp(rlp)))
  if (typeof block.hash !== 'string' || block.hash.toLowerCase() !== hash) {
    refuse(`its fields hash to ${hash}, it was served as ${String(block.hash).slice(0, 66)}`, 'hash')
  }
  return {
    hash,
    parentHash: (block.parentHash as string).toLowerCase() as Hex,
    stateRoot: (block.stateRoot as string).toLowerCase() as Hex,
    number: BigInt(block.number as string),
    timestamp: BigInt(block.timestamp as string),
  }
}
