// Tokens as the index orders them. infini-gram compares raw little-endian bytes with memcmp, so a token's rank is that
// of its bytes read big-endian: its sort key is the byte-swapped token. Sorting the integers themselves is wrong.
// Not a tokeniser. Invariant: `keyOf` is its own inverse at each width. Assumes a little-endian machine, as WebGPU does.
import { OpenChatError } from '../../errors.ts'
import type { KeyText } from './suffix-array.ts'

/** Bytes a token. */
export type TokenWidth = 1 | 2 | 4
export type Tokens = Uint8Array | Uint16Array | Uint32Array

/** The token that stands before every document: all bits one. No text may contain it. */
export function separatorOf(width: TokenWidth): number {
  return width === 1 ? 0xff : width === 2 ? 0xffff : 0xffffffff
}

export function allocateTokens(width: TokenWidth, length: number): Tokens {
  return width === 1 ? new Uint8Array(length) : width === 2 ? new Uint16Array(length) : new Uint32Array(length)
}

/** Bytes as tokens, without a copy where alignment allows. `bytes.length` must be a multiple of `width`. */
export function tokensOfBytes(bytes: Uint8Array, width: TokenWidth): Tokens {
  if (width === 1) return bytes
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
  const length = bytes.length / width
  return width === 2
    ? new Uint16Array(aligned.buffer, aligned.byteOffset, length)
    : new Uint32Array(aligned.buffer, aligned.byteOffset, length)
}

/** Sort key of one token: its bytes in the opposite order, unsigned. */
export function keyOf(token: number, width: TokenWidth): number {
  if (width === 1) return token
  if (width === 2) return ((token & 0xff) << 8) | (token >>> 8)
  return (((token & 0xff) << 24) | ((token & 0xff00) << 8) | ((token >>> 8) & 0xff00) | (token >>> 24)) >>> 0
}

/**
 * Sort keys of a query, shape [n] → Uint32Array [n].
 * @throws query_invalid when an id is not an integer from 0 to the separator, which is allowed.
 */
export function queryKeys(tokens: ArrayLike<number>, width: TokenWidth): Uint32Array<ArrayBuffer> {
  const keys = new Uint32Array(tokens.length)
  const top = separatorOf(width)
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]
    if (!Number.isInteger(token) || token < 0 || token > top)
      throw new OpenChatError('query_invalid', `Token ${i} of the query is ${token}; this index holds ids from 0 to ${top}.`, {
        meta: { position: i, token: String(token), top },
        action: 'Tokenise the text with the tokeniser that the index names.',
      })
    keys[i] = keyOf(token, width)
  }
  return keys
}

/** The whole text as input of the suffix sorter. 32-bit keys are replaced by their rank among those present. */
export function sortKeys(tokens: Tokens): { text: KeyText; alphabet: number } {
  if (tokens instanceof Uint8Array) return { text: tokens, alphabet: 0x100 }
  if (tokens instanceof Uint16Array) {
    const text = new Uint16Array(tokens.length)
    for (let i = 0; i < text.length; i++) text[i] = keyOf(tokens[i], 2)
    return { text, alphabet: 0x10000 }
  }
  const keys = new Uint32Array(tokens.length)
  for (let i = 0; i < keys.length; i++) keys[i] = keyOf(tokens[i], 4)
  const present = distinctSorted(keys)
  const text = new Int32Array(keys.buffer)
  for (let i = 0; i < keys.length; i++) text[i] = rankIn(present, keys[i])
  return { text, alphabet: present.length }
}

function distinctSorted(keys: Uint32Array): Uint32Array {
  const sorted = keys.slice().sort()
  let count = 0
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i]
  return sorted.slice(0, count)
}

function rankIn(present: Uint32Array, key: number): number {
  let low = 0
  let high = present.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (present[middle] < key) low = middle + 1
    else high = middle
  }
  return low
}
