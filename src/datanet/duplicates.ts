// How much of a new text already stands in the datanets: tokens inside matches of 16 or more, exactly, by suffix array.
// Not near-duplicates with words exchanged (similar/near-duplicates.ts).
import type { SearchedIndex } from '../attribution/tracer.ts'
import type { DocumentEntry } from '../attribution/types.ts'

/** Shortest run of tokens that counts: chance and set phrases end well below. */
const RUN_TOKENS = 16

export interface Duplicate {
  datanet: string
  entry: DocumentEntry
  /** Part of the new text's tokens that stands in this document, 0..1. */
  share: number
}

/** Documents that hold at least `threshold` of `tokens`, largest share first. */
export function findDuplicates(tokens: Uint16Array, searched: readonly SearchedIndex[], threshold = 0.1): Duplicate[] {
  const held = new Map<DocumentEntry, { datanet: string; tokens: number }>()
  for (const { datanet, index, documents } of searched) {
    const query = index.query(tokens)
    for (let start = 0; start + RUN_TOKENS <= tokens.length; ) {
      const length = query.longest(start)
      if (length < RUN_TOKENS) {
        start++
        continue
      }
      const [place] = query.occurrences(start, length)
      const entry = place === undefined ? undefined : documents[place.document]
      if (entry !== undefined) held.set(entry, { datanet, tokens: (held.get(entry)?.tokens ?? 0) + length })
      start += length
    }
  }
  return [...held]
    .map(([entry, { datanet, tokens: count }]) => ({ datanet, entry, share: count / tokens.length }))
    .filter(({ share }) => share >= threshold)
    .sort((a, b) => b.share - a.share || a.entry.order - b.entry.order)
}
