// From an answer's text to tokens and back to UTF-16 ranges. Not a tokeniser: callers bring its pieces. Answers are always
// traced as NFC, the form in which documents were indexed, while marks belong to the text as it was shown.
// Invariant: every offset returned lies on a character boundary of the text it names.

/** A text in NFC, and where each of its UTF-16 offsets lies in the original. */
export interface NormalisedText {
  text: string
  /** Offset in the original for an offset in `text`; monotone, `original.length` at the end. */
  toOriginal(offset: number): number
}

/** Normalises to NFC; where nothing changes, offsets are the same. */
export function normalise(original: string): NormalisedText {
  const text = original.normalize('NFC')
  if (text === original) return { text, toOriginal: (offset) => offset }
  // NFC neither joins nor splits across grapheme clusters, so lengths can be summed cluster by cluster.
  const offsets = [0]
  const starts = [0]
  for (const { segment, index } of new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(original)) {
    offsets.push(offsets[offsets.length - 1] + segment.normalize('NFC').length)
    starts.push(index + segment.length)
  }
  return {
    text,
    toOriginal(offset) {
      let low = 0
      let high = offsets.length - 1
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if (offsets[middle] <= offset) low = middle
        else high = middle
      }
      return offset >= offsets[high] ? starts[high] : starts[low]
    },
  }
}

/**
 * UTF-16 start of each token and the end of the last, shape [tokens + 1], from the UTF-8 bytes each token stands for. Bytes of
 * the text that no token stands for (a tokeniser without that byte drops it) fall to the token before them; a token that
 * begins inside a character begins at that character.
 */
export function tokenOffsets(text: string, pieces: readonly Uint8Array[]): Uint32Array {
  const bytes = new TextEncoder().encode(text)
  const units = new Uint32Array(bytes.length + 1)
  let unit = 0
  for (let at = 0; at < bytes.length; ) {
    const width = bytes[at] < 0x80 ? 1 : bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4
    units.fill(unit, at, at + width)
    unit += width === 4 ? 2 : 1
    at += width
  }
  units[bytes.length] = unit
  const offsets = new Uint32Array(pieces.length + 1)
  let at = 0
  for (const [i, piece] of pieces.entries()) {
    at = findPiece(bytes, piece, at)
    offsets[i] = units[at]
    at = Math.min(bytes.length, at + piece.length)
  }
  offsets[pieces.length] = unit
  return offsets
}

/** First place from `from` on, at most one dropped character away, where `piece` stands; `from` when it stands nowhere near. */
function findPiece(bytes: Uint8Array, piece: Uint8Array, from: number): number {
  for (let at = from; at < Math.min(bytes.length, from + 8); at++) {
    if (piece.every((byte, i) => bytes[at + i] === byte)) return at
  }
  return Math.min(from, bytes.length)
}
