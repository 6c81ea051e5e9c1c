// RLP, the encoding of Ethereum's headers, accounts and trie nodes. Not a general serialiser: byte strings and lists only.
// Invariant: decoding takes the one canonical encoding of a value and nothing else, so `encode(decode(x))` is `x`; a lie
// cannot hide in a second spelling. Depth is bounded by what the chain's own structures need.
// Source: Ethereum yellow paper, appendix B.
import { concatBytes } from '@noble/hashes/utils.js'
import { OpenChatError } from '../../errors.ts'

export type Rlp = Uint8Array | Rlp[]

const MAX_DEPTH = 8

function refuse(what: string, at: number): never {
  throw new OpenChatError('rlp_invalid', `Not canonical RLP: ${what} at byte ${at}.`, { meta: { fault: what, at } })
}

function encodeLength(length: number, short: number): Uint8Array {
  if (length < 56) return Uint8Array.of(short + length)
  const digits = length.toString(16)
  const bytes = Uint8Array.from((digits.length % 2 ? `0${digits}` : digits).match(/../g)!, (pair) => Number.parseInt(pair, 16))
  return Uint8Array.of(short + 55 + bytes.length, ...bytes)
}

/** The canonical encoding of `value`. */
export function encodeRlp(value: Rlp): Uint8Array {
  if (value instanceof Uint8Array) {
    return value.length === 1 && value[0] < 0x80 ? value : concatBytes(encodeLength(value.length, 0x80), value)
  }
  const body = concatBytes(...value.map(encodeRlp))
  return concatBytes(encodeLength(body.length, 0xc0), body)
}

/** An unsigned integer as RLP carries it: big-endian without leading zeros, zero being empty. */
export function encodeUint(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array()
  const digits = value.toString(16)
  return Uint8Array.from((digits.length % 2 ? `0${digits}` : digits).match(/../g)!, (pair) => Number.parseInt(pair, 16))
}

/** The inverse of {@link encodeUint}. @throws `rlp_invalid` for a leading zero or more than 32 bytes. */
export function decodeUint(value: Rlp): bigint {
  if (!(value instanceof Uint8Array)) return refuse('a list where an integer stands', 0)
  if (value.length > 32 || value[0] === 0) return refuse('an integer with a leading zero or above 32 bytes', 0)
  return value.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

/** @throws `rlp_invalid` unless `bytes` are exactly one value in its canonical encoding. */
export function decodeRlp(bytes: Uint8Array): Rlp {
  const [value, end] = decodeAt(bytes, 0, bytes.length, 0)
  if (end !== bytes.length) refuse('bytes after the value', end)
  return value
}

function decodeAt(bytes: Uint8Array, at: number, limit: number, depth: number): [Rlp, number] {
  if (at >= limit) return refuse('nothing where a value is expected', at)
  if (depth > MAX_DEPTH) return refuse('too many nested lists', at)
  const head = bytes[at]
  if (head < 0x80) return [bytes.subarray(at, at + 1), at + 1]
  const short = head < 0xc0 ? 0x80 : 0xc0
  const [start, length] = lengthAt(bytes, at, limit, short)
  const end = start + length
  if (end > limit) return refuse('a value longer than its place', at)
  if (short === 0x80) {
    if (length === 1 && bytes[start] < 0x80) return refuse('a small byte with a length', at)
    return [bytes.subarray(start, end), end]
  }
  const items: Rlp[] = []
  for (let next = start; next < end; ) {
    const [item, after] = decodeAt(bytes, next, end, depth + 1)
    items.push(item)
    next = after
  }
  return [items, end]
}

/** Where the content starts and how long it is. */
function lengthAt(bytes: Uint8Array, at: number, limit: number, short: number): [number, number] {
  const code = bytes[at] - short
  if (code < 56) return [at + 1, code]
  const digits = code - 55
  if (digits > 4 || at + 1 + digits > limit) return refuse('a length beyond the bytes', at)
  if (bytes[at + 1] === 0) return refuse('a length with a leading zero', at)
  let length = 0
  for (let i = 1; i <= digits; i++) length = length * 256 + bytes[at + i]
  if (length < 56) return refuse('a long form for a short length', at)
  return [at + 1 + digits, length]
}
