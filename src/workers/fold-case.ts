// Tokens that differ only in the case of ASCII letters, taken for one: what near-duplicates are compared by.
// Source: attribution.md "duplicates: … 5-grams of canonical tokens, ASCII case folding".
import type { Tokenizer } from '../gpu/model/tokenizer.ts'

/** @returns for a token the first token of its kind */
export function foldCase(tokenizer: Pick<Tokenizer, 'size' | 'bytesOf'>): (token: number) => number {
  const first = new Map<string, number>()
  const folded = Uint32Array.from({ length: tokenizer.size }, (_, token) => {
    let key = ''
    for (const byte of tokenizer.bytesOf(token)) key += String.fromCharCode(byte >= 65 && byte <= 90 ? byte + 32 : byte)
    const known = first.get(key)
    if (known === undefined) first.set(key, token)
    return known ?? token
  })
  return (token) => folded[token] ?? token
}
