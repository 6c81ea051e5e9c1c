// The oracle of this folder's tests: counts, positions and longest matches by comparing everything with everything.
// Quadratic on purpose, and written from the definitions alone: it shares no code with the index.

/** All documents as infini-gram lays them out, one separator before each. */
export function layOut(documents: readonly (readonly number[])[], separator: number): number[] {
  return documents.flatMap((document) => [separator, ...document])
}

/** Every position where `needle` stands in `text`, ascending. The empty needle stands everywhere. */
export function positionsOf(text: readonly number[], needle: readonly number[]): number[] {
  return text.flatMap((_, at) => (needle.every((token, i) => text[at + i] === token) ? [at] : []))
}

/** Starts of all suffixes, sorted as memcmp sorts their little-endian bytes, the shorter first. */
export function sortedSuffixes(text: readonly number[], width: number): number[] {
  const bytes = Buffer.from(text.flatMap((token) => Array.from({ length: width }, (_, i) => Math.floor(token / 256 ** i) % 256)))
  return text.map((_, at) => at).sort((a, b) => Buffer.compare(bytes.subarray(a * width), bytes.subarray(b * width)))
}

/** Longest prefix of `needle` that stands somewhere in `text`. */
export function longestPrefix(text: readonly number[], needle: readonly number[]): number {
  let length = 0
  while (length < needle.length && positionsOf(text, needle.slice(0, length + 1)).length > 0) length++
  return length
}
