// Hex strings, ABI words and keccak: the bytes every commitment of this room is made of. Not a general ABI encoder:
// only static types are needed, and each of them is one 32-byte big-endian word.
// Invariant: a value that does not fit its type is refused, never cut.
// Source: Solidity ABI specification, "Formal Specification of the Encoding", static types.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { OpenChatError } from '../errors.ts'
import type { Hex } from './types.ts'

export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`

/** keccak256 of the concatenation of `parts`, 32 bytes. */
export function keccak(...parts: Uint8Array[]): Uint8Array {
  return keccak_256(parts.length === 1 ? parts[0] : concatBytes(...parts))
}

export function toHex(bytes: Uint8Array): Hex {
  return `0x${bytesToHex(bytes)}`
}

/** Bytes of a 0x-prefixed hex string of exactly `length` bytes. @throws `value_out_of_range` */
export function fromHex(hex: string, length?: number): Uint8Array {
  if (!/^0x([0-9a-f]{2})*$/i.test(hex) || (length !== undefined && hex.length !== 2 + 2 * length)) {
    throw new OpenChatError('value_out_of_range', `Expected 0x and ${length ?? 'whole'} bytes of hex, got "${hex.slice(0, 80)}".`)
  }
  return hexToBytes(hex.slice(2))
}

/** An unsigned integer as big-endian bytes. @throws `value_out_of_range` when it does not fit. */
export function uintBytes(value: bigint | number, bytes: number): Uint8Array {
  const integer = typeof value === 'number' && !Number.isSafeInteger(value) ? -1n : BigInt(value)
  if (integer < 0n || integer >> BigInt(8 * bytes) !== 0n) {
    throw new OpenChatError('value_out_of_range', `Expected an unsigned integer of ${8 * bytes} bits, got ${value}.`)
  }
  return hexToBytes(integer.toString(16).padStart(2 * bytes, '0'))
}

/** ABI word of an unsigned integer of `bits` bits. */
export function uintWord(value: bigint | number, bits = 256): Uint8Array {
  const word = new Uint8Array(32)
  word.set(uintBytes(value, bits / 8), 32 - bits / 8)
  return word
}

/** ABI word of an address: twelve zero bytes, then its twenty. */
export function addressWord(address: Hex): Uint8Array {
  const word = new Uint8Array(32)
  word.set(fromHex(address, 20), 12)
  return word
}

export const hashWord = (hash: Hex): Uint8Array => fromHex(hash, 32)

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
