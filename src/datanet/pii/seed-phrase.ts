// Recovery phrases of wallets: twelve to twenty-four words of the BIP-39 list in a row whose check sum holds. Words of the
// list that happen to follow each other in prose are common; that the check sum also holds is not (1 in 16 to 1 in 256).
// Source: BIP-39.
import { sha256 } from '@noble/hashes/sha2.js'
import type { Detector, Finding } from './finding.ts'

const WORD = /[A-Za-z]{3,8}/g
const LENGTHS = [24, 21, 18, 15, 12]
/** Between two words: blanks, one sign, or the number of a list. */
const GAP = /^(?:[\s,;–-]{1,4}|[\s,;.]{0,3}\d{1,2}[.):]?\s{0,2})$/

/** @param indices of the words in the list */
function checks(indices: readonly number[]): boolean {
  const bits = indices.map((index) => index.toString(2).padStart(11, '0')).join('')
  const checkBits = bits.length / 33
  const entropy = bits.slice(0, -checkBits)
  const bytes = Uint8Array.from(entropy.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  return sha256(bytes)[0].toString(2).padStart(8, '0').startsWith(bits.slice(-checkBits))
}

/** @param words the BIP-39 list of one language, 2048 words in its order */
export function seedPhrases(words: readonly string[]): Detector {
  const indexOf = new Map(words.map((word, index) => [word, index]))
  return (text) => {
    const found: Finding[] = []
    let run: { index: number; from: number; to: number }[] = []
    const close = () => {
      for (let at = 0; at + 12 <= run.length; at++) {
        const length = LENGTHS.find((n) => at + n <= run.length && checks(run.slice(at, at + n).map(({ index }) => index)))
        if (length === undefined) continue
        found.push({ kind: 'seed_phrase', from: run[at].from, to: run[at + length - 1].to })
        at += length - 1
      }
      run = []
    }
    for (const { 0: word, index: from } of text.matchAll(WORD)) {
      const index = indexOf.get(word.toLowerCase())
      const last = run.at(-1)
      if (index === undefined || (last !== undefined && !GAP.test(text.slice(last.to, from)))) close()
      if (index !== undefined) run.push({ index, from, to: from + word.length })
    }
    close()
    return found
  }
}
