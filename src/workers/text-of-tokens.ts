// Documents as text again: the bytes of their tokens, joined. A table lookup a token, where the tokeniser's own decoder
// would take seconds for a datanet of two million.
import { tokenOffsets } from '../attribution/tracer-text.ts'
import type { Tokenizer } from '../gpu/model/tokenizer.ts'

export function textOfTokens(tokens: ArrayLike<number>, tokenizer: Tokenizer): string {
  let bytes = 0
  for (let i = 0; i < tokens.length; i++) bytes += tokenizer.bytesOf(tokens[i]!).length
  const joined = new Uint8Array(bytes)
  let at = 0
  for (let i = 0; i < tokens.length; i++) {
    const piece = tokenizer.bytesOf(tokens[i]!)
    joined.set(piece, at)
    at += piece.length
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(joined)
}

/** UTF-16 start of each token of `text` and the end of the last, shape [tokens + 1]. */
export function offsetsOfTokens(text: string, tokens: ArrayLike<number>, tokenizer: Tokenizer): Uint32Array {
  return tokenOffsets(
    text,
    Array.from(tokens, (token) => tokenizer.bytesOf(token)),
  )
}
