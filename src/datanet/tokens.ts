// Tokens of a long text, cut where cutting changes nothing, so that a book costs the tokeniser no more memory than a page.
// Invariant: the ids are those of the whole text at once. A cut stands after a letter and before a line end, or before
// a blank between two letters: every pre-tokeniser we run begins a piece there (gpt2, smollm, llama3, qwen2).

/** Ids of a text; no control tokens. */
export type Encode = (text: string) => ArrayLike<number>

const PIECE = 16_384

/** @param text clean, so NFC */
export function tokensOf(text: string, encode: Encode): Uint16Array {
  if (text.length <= 2 * PIECE) return Uint16Array.from(encode(text))
  const pieces: ArrayLike<number>[] = []
  for (let from = 0; from < text.length; ) {
    const to = cutAfter(text, from + PIECE)
    pieces.push(encode(text.slice(from, to)))
    from = to
  }
  const all = new Uint16Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

const CUT = /(?<=\p{L})(?:\n| (?=\p{L}))/gu

function cutAfter(text: string, from: number): number {
  CUT.lastIndex = from
  return CUT.exec(text)?.index ?? text.length
}
