// Which tokens end a sentence and which begin a word, from the text that each token stands for. Spans are cut at the one
// and begin and end at the other. Not a tokeniser, and not language-aware beyond Unicode's letters and digits.
// Invariant: a function of the vocabulary alone, so that its digest can be committed (parameters.ts, boundaryDigest).

export interface BoundarySets {
  delimiters: Set<number>
  /** Shape [vocabulary], 1 where a token begins a word. */
  wordStart: Uint8Array<ArrayBuffer>
}

/** A line break anywhere, or a full stop, question or exclamation mark at the end, closing quotes and brackets aside. */
const DELIMITER = /\n|[.?!]["'”’)\]]*\s*$/u
/** Goes on with a word: a letter, mark or digit, an apostrophe before one, or the rest of a cut character. */
const CONTINUES = /^[\p{L}\p{M}\p{N}\uFFFD]|^['’][\p{L}\p{N}]/u

/**
 * @param texts text of every token decoded alone, shape [vocabulary]; '' for control tokens, U+FFFD for parts of characters
 * Example: boundarySets(['.', ' the', 'ing']) is { delimiters: {0}, wordStart: [1, 1, 0] }
 */
export function boundarySets(texts: readonly string[]): BoundarySets {
  const delimiters = new Set<number>()
  const wordStart = new Uint8Array(texts.length)
  for (const [token, text] of texts.entries()) {
    if (DELIMITER.test(text)) delimiters.add(token)
    if (text !== '' && !CONTINUES.test(text)) wordStart[token] = 1
  }
  return { delimiters, wordStart }
}
