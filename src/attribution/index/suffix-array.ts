// Suffix sorting in linear time: SA-IS (Nong, Zhang, Chan, "Two efficient algorithms for linear time suffix array
// construction", IEEE Trans. Computers 60(10), 2011), over non-negative integers below `alphabet`.
// Not an index: no byte order, no files, no documents; token-order.ts turns tokens into sort keys first.
// Invariants: the result is a permutation of 0..n-1; a proper prefix sorts before the longer suffix (end of text smallest).
// Memory: the result (4 B a symbol) plus two bucket tables; reduced texts live inside the result's own free half.

/** Text of sort keys. Typed arrays of 8, 16 or 32 bits; keys are below `alphabet`. */
export type KeyText = Uint8Array | Uint16Array | Int32Array

const EMPTY = -1

/**
 * Suffix array of `text`, shape [n] → Int32Array [n]: entry r is the start of the r-th smallest suffix.
 * O(n) time. n < 2^31. Example: suffixArray(Uint8Array.of(1, 0, 1, 0), 2) is [3, 1, 2, 0].
 */
export function suffixArray(text: KeyText, alphabet: number): Int32Array<ArrayBuffer> {
  const sa = new Int32Array(text.length)
  sortSuffixes(text, sa, alphabet)
  return sa
}

function sortSuffixes(text: KeyText, sa: Int32Array, alphabet: number): void {
  const n = text.length
  if (n < 2) {
    if (n === 1) sa[0] = 0
    return
  }
  const sizes = new Int32Array(alphabet)
  for (let i = 0; i < n; i++) sizes[text[i]]++
  const bucket = new Int32Array(alphabet)

  sa.fill(EMPTY)
  const count = placeLeftmostS(text, sa, sizes, bucket)
  if (count > 1) {
    induceL(text, sa, sizes, bucket)
    induceAndGatherLms(text, sa, sizes, bucket, count)
    const names = nameLmsSubstrings(text, sa, count)
    const reduced = sa.subarray(n - count)
    if (names < count) {
      sortSuffixes(reduced, sa.subarray(0, count), names)
    } else {
      for (let i = 0; i < count; i++) sa[reduced[i]] = i
    }
    spreadSortedLms(text, sa, sizes, bucket, count)
  }
  induceL(text, sa, sizes, bucket)
  induceS(text, sa, sizes, bucket)
}

function bucketStarts(sizes: Int32Array, bucket: Int32Array): void {
  let sum = 0
  for (let c = 0; c < sizes.length; c++) {
    bucket[c] = sum
    sum += sizes[c]
  }
}

function bucketEnds(sizes: Int32Array, bucket: Int32Array): void {
  let sum = 0
  for (let c = 0; c < sizes.length; c++) {
    sum += sizes[c]
    bucket[c] = sum
  }
}

/** Puts every LMS position (an S suffix whose left neighbour is L) at the tail of its bucket; returns how many. */
function placeLeftmostS(text: KeyText, sa: Int32Array, sizes: Int32Array, bucket: Int32Array): number {
  bucketEnds(sizes, bucket)
  let count = 0
  let isS = false
  let right = text[text.length - 1]
  for (let i = text.length - 2; i >= 0; i--) {
    const c = text[i]
    if (c < right) isS = true
    else if (c > right) {
      if (isS) {
        sa[--bucket[right]] = i + 1
        count++
      }
      isS = false
    }
    right = c
  }
  return count
}

/**
 * Left to right: from sorted LMS suffixes, all L suffixes. No type bits are needed: whatever is met in this pass is
 * L or LMS, and left of either a suffix is L exactly when its key is not smaller.
 */
function induceL(text: KeyText, sa: Int32Array, sizes: Int32Array, bucket: Int32Array): void {
  const n = text.length
  bucketStarts(sizes, bucket)
  sa[bucket[text[n - 1]]++] = n - 1
  for (let r = 0; r < n; r++) {
    const j = sa[r] - 1
    if (j < 0) continue
    const c = text[j]
    if (c >= text[j + 1]) sa[bucket[c]++] = j
  }
}

/** Right to left: from sorted L suffixes, all S suffixes. An entry is S exactly when it stands at or after its bucket's S frontier. */
function induceS(text: KeyText, sa: Int32Array, sizes: Int32Array, bucket: Int32Array): void {
  bucketEnds(sizes, bucket)
  for (let r = text.length - 1; r >= 0; r--) {
    const j = sa[r] - 1
    if (j < 0) continue
    const c = text[j]
    const right = text[j + 1]
    if (c < right || (c === right && r >= bucket[c])) sa[--bucket[c]] = j
  }
}

/** As induceS, for LMS substrings: leaves them, sorted, in sa[0, count). They are gathered in the part already scanned. */
function induceAndGatherLms(text: KeyText, sa: Int32Array, sizes: Int32Array, bucket: Int32Array, count: number): void {
  const n = text.length
  bucketEnds(sizes, bucket)
  let tail = n
  for (let r = n - 1; r >= 0; r--) {
    const j = sa[r] - 1
    if (j < 0) continue
    const c = text[j]
    const right = text[j + 1]
    if (c < right || (c === right && r >= bucket[c])) sa[--bucket[c]] = j
    else if (c > right && r >= bucket[right]) sa[--tail] = j + 1
  }
  sa.copyWithin(0, n - count, n)
}

/**
 * Names equal LMS substrings equally, in order. Leaves the reduced text (names in text order) in sa[n - count, n).
 * Two LMS positions are at least two apart, so `position >> 1` is a private slot in the upper part.
 */
function nameLmsSubstrings(text: KeyText, sa: Int32Array, count: number): number {
  const n = text.length
  sa.fill(EMPTY, count)
  let end = n
  let isS = false
  let right = text[n - 1]
  for (let i = n - 2; i >= 0; i--) {
    const c = text[i]
    if (c < right) isS = true
    else if (c > right) {
      if (isS) {
        sa[count + ((i + 1) >> 1)] = end - i
        end = i + 1
      }
      isS = false
    }
    right = c
  }
  // A length runs from an LMS position to the next one inclusive; the last substring ends with the virtual
  // sentinel, so its length would reach n and equals no other.
  let names = 0
  let previous = -1
  let previousLength = 0
  for (let i = 0; i < count; i++) {
    const position = sa[i]
    const length = sa[count + (position >> 1)]
    let same = previous >= 0 && length === previousLength && position + length <= n && previous + length <= n
    for (let k = 0; same && k < length; k++) same = text[position + k] === text[previous + k]
    if (!same) names++
    sa[count + (position >> 1)] = names - 1
    previous = position
    previousLength = length
  }
  let to = n
  for (let i = n - 1; i >= count; i--) if (sa[i] !== EMPTY) sa[--to] = sa[i]
  return names
}

/** From the reduced suffix array in sa[0, count): the LMS positions in sorted order at the tails of their buckets. */
function spreadSortedLms(text: KeyText, sa: Int32Array, sizes: Int32Array, bucket: Int32Array, count: number): void {
  const n = text.length
  let slot = n
  let isS = false
  let right = text[n - 1]
  for (let i = n - 2; i >= 0; i--) {
    const c = text[i]
    if (c < right) isS = true
    else if (c > right) {
      if (isS) sa[--slot] = i + 1
      isS = false
    }
    right = c
  }
  for (let i = 0; i < count; i++) sa[i] = sa[n - count + sa[i]]
  sa.fill(EMPTY, count)
  bucketEnds(sizes, bucket)
  for (let i = count - 1; i >= 0; i--) {
    const position = sa[i]
    sa[i] = EMPTY
    sa[--bucket[text[position]]] = position
  }
}
