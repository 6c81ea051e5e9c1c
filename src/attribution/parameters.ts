// The numbers that decide what is paid, as one object, one encoding and one hash; `Attributions` keeps that hash in a slot.
// Not settings of a page: whoever changes one changes what every receipt means.
// Invariant: all fields are in the hash; none is a float.
// Source: attribution.md "Credit" (τ = 58 bits: see seed-adapters.md B; surprisal.test.ts holds our own check).
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import type { Hex } from './types.ts'
import { addressWord, hashWord, keccak, toHex, uintBytes, uintWord, utf8 } from './words.ts'

export interface AttributionParameters {
  version: 1
  /** {@link tokenizerDigest} of the indexes' tokeniser. */
  tokenizer: Hex
  /** Shortest paid span, in tokens. */
  minLength: number
  /** A span that occurs more often than this is nobody's. */
  maxCount: number
  /** Least surprisal of a paid span, Q16.16 bits. */
  tauQ16: number
  /** {@link boundaryDigest} of the delimiter and word-start sets. */
  boundaries: Hex
  /** One answer, in wei. */
  fee: bigint
  /** Account of the unexplained rest. */
  commons: Hex
  /** sha256 of the text τ was set on; zero while τ is a stated constant. */
  calibration: Hex
}

export const MIN_LENGTH = 8
export const MAX_COUNT = 64
export const TAU_Q16 = 58 * 65_536
/** 0.001 OPEN */
const FEE = 10n ** 15n

/** Nobody's key: the last 20 bytes of keccak256("open-chat/commons"). Later issues move it to the Timelock. */
const COMMONS: Hex = toHex(keccak(utf8('open-chat/commons')).slice(12))

/** The default parameters over a tokeniser and its boundary sets. */
export function defaultParameters(tokenizer: Hex, boundaries: Hex): AttributionParameters {
  return {
    version: 1,
    tokenizer,
    minLength: MIN_LENGTH,
    maxCount: MAX_COUNT,
    tauQ16: TAU_Q16,
    boundaries,
    fee: FEE,
    commons: COMMONS,
    calibration: `0x${'00'.repeat(32)}`,
  }
}

/** abi.encode of the fields in order, nine words. */
export function parametersBytes(parameters: AttributionParameters): Uint8Array {
  return concatBytes(
    uintWord(parameters.version, 8),
    hashWord(parameters.tokenizer),
    uintWord(parameters.minLength, 32),
    uintWord(parameters.maxCount, 32),
    uintWord(parameters.tauQ16, 64),
    hashWord(parameters.boundaries),
    uintWord(parameters.fee),
    addressWord(parameters.commons),
    hashWord(parameters.calibration),
  )
}

export const parametersHash = (parameters: AttributionParameters): Hex => toHex(keccak(parametersBytes(parameters)))

/** sha256 of the vocabulary in id order and the merges in rank order, as one JSON array of two arrays. */
export function tokenizerDigest(tokens: readonly string[], merges: readonly string[]): Hex {
  return toHex(sha256(utf8(JSON.stringify([tokens, merges]))))
}

/** keccak256 of the sorted delimiter ids, 0xFFFFFFFF, and the sorted ids that start a word (boundaries.ts); u32 big-endian each. */
export function boundaryDigest(sets: { delimiters: ReadonlySet<number>; wordStart: Uint8Array }): Hex {
  const delimiters = [...sets.delimiters].sort((a, b) => a - b)
  const starts = Array.from(sets.wordStart.keys()).filter((id) => sets.wordStart[id] === 1)
  return toHex(keccak(concatBytes(...[...delimiters, 0xffffffff, ...starts].map((id) => uintBytes(id, 4)))))
}
