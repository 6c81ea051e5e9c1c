// Recovery phrases: twelve English words that stand for 128 random bits, and the Ethereum key that every wallet derives from
// them. Not storage and not encryption (key-lock.ts).
// Invariants: a phrase is used only when its checksum holds; a mistake is named by its place; nothing is derived on the
// page's thread but a few HMACs (the 2,048 rounds run in WebCrypto).
// Source: BIP-39 (words, checksum, seed), BIP-44 path m/44'/60'/0'/0/0.
import { sha256 } from '@noble/hashes/sha2.js'
import { english, generateMnemonic, HDKey } from 'viem/accounts'
import type { Hex } from '../attribution/types.ts'
import { toHex, utf8 } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'

const LENGTHS = [12, 15, 18, 21, 24]
const BITS_A_WORD = 11
const SEED_ROUNDS = 2048
const PATH = "m/44'/60'/0'/0/0"

/** Twelve fresh words. */
export const newPhrase = (): string => generateMnemonic(english)

const orders = new Map<string, number>()
function orderOf(word: string): number | undefined {
  if (orders.size === 0) for (const [order, known] of english.entries()) orders.set(known, order)
  return orders.get(word)
}

/** The one word that begins as `word` does: four letters tell all of the list's words apart. */
function meant(word: string): string | null {
  const found = english.filter((known) => known.startsWith(word.slice(0, 4)))
  return word.length >= 3 && found.length === 1 ? found[0]! : null
}

/**
 * A phrase as it was typed → as it is used.
 * @throws `phrase_invalid` with `meta.word`, the place from 1 of the first word that is none; 0 when all are but do not belong together
 */
export function checkPhrase(typed: string): string {
  const words = typed
    .normalize('NFKD')
    .toLowerCase()
    .split(/[\s,;.\d]+/u)
    .filter((word) => word !== '')
  const wrong = words.findIndex((word) => orderOf(word) === undefined)
  if (wrong >= 0) {
    const hint = meant(words[wrong]!)
    throw invalid(`Word ${wrong + 1}, “${words[wrong]!.slice(0, 20)}”, is not on the list of words.`, wrong + 1, hint)
  }
  if (!LENGTHS.includes(words.length)) {
    throw invalid(`A recovery phrase has 12 words (or 15, 18, 21, 24), this one has ${words.length}.`, 0, null)
  }
  if (!checksumHolds(words.map((word) => orderOf(word)!))) {
    throw invalid('These words do not belong together: one of them is another word of the list, or two have changed places.', 0, null)
  }
  return words.join(' ')
}

function invalid(sentence: string, word: number, hint: string | null): OpenChatError {
  return new OpenChatError('phrase_invalid', sentence, {
    meta: { word, hint },
    action: hint === null ? 'Compare it with what you wrote down.' : `Did you mean “${hint}”?`,
  })
}

/** BIP-39: the bits are entropy, then one bit of its SHA-256 for every 32. */
function checksumHolds(order: number[]): boolean {
  const bits = order.map((number) => number.toString(2).padStart(BITS_A_WORD, '0')).join('')
  const entropyBits = (bits.length / 33) * 32
  const entropy = Uint8Array.from({ length: entropyBits / 8 }, (_, i) => Number.parseInt(bits.slice(8 * i, 8 * i + 8), 2))
  const digest = sha256(entropy)[0]!.toString(2).padStart(8, '0')
  return digest.startsWith(bits.slice(entropyBits))
}

/** The private key of a phrase's first account. @throws `phrase_invalid` */
export async function keyOfPhrase(typed: string): Promise<Hex> {
  const phrase = Uint8Array.from(utf8(checkPhrase(typed)))
  const material = await crypto.subtle.importKey('raw', phrase, 'PBKDF2', false, ['deriveBits'])
  const rounds = { name: 'PBKDF2', hash: 'SHA-512', salt: Uint8Array.from(utf8('mnemonic')), iterations: SEED_ROUNDS }
  const seed = new Uint8Array(await crypto.subtle.deriveBits(rounds, material, 512))
  const { privateKey } = HDKey.fromMasterSeed(seed).derive(PATH)
  seed.fill(0)
  return toHex(privateKey!)
}
