// Words that may stand for one another: a question says "allow" and the licence "permission". Not a thesaurus and not topics:
// two words are related when the backbone's table of embeddings puts them near each other (scripts/train/related-words.ts).
// Invariants: a word is related to those that are related to it; the table never changes while the page runs.
import table from './related-words.json'

/** Sixteenths of a cosine, in the order of their letters: capitals, so that they part the numbers in base 36. */
export const LEVELS = 'ABCDEFGHIJKLMNOP'

export interface RelatedWord {
  term: string
  /** Cosine of the two words in the table, to a sixteenth, 0 … 1. */
  likeness: number
}

const none: readonly RelatedWord[] = []
let known: Map<string, RelatedWord[]> | undefined
let ranks: Map<string, number> | undefined

/** Read when first asked for: about 25,000 pairs, ten milliseconds. */
function readTable(): Map<string, RelatedWord[]> {
  const words = table.words.split(' ')
  const out = new Map(words.map((word): [string, RelatedWord[]] => [word, []]))
  for (const [from, list] of table.related.split(' ').entries()) {
    for (const [, step, level] of list.matchAll(/([0-9a-z]+)([A-P])/gu)) {
      const [a, b] = [words[from], words[from + Number.parseInt(step, 36)]]
      const likeness = (LEVELS.indexOf(level) + 0.5) / LEVELS.length
      out.get(a)?.push({ term: b, likeness })
      out.get(b)?.push({ term: a, likeness })
    }
  }
  return out
}

/** Relatives of a search term; none for one that the table does not hold. */
export function relatedWords(term: string): readonly RelatedWord[] {
  known ??= readTable()
  return known.get(term) ?? none
}

/** Place of a search term among those of the table, the most frequent in general text first; null for one it does not hold. */
export function commonRank(term: string): number | null {
  ranks ??= new Map(table.words.split(' ').map((word, rank) => [word, rank]))
  return ranks.get(term) ?? null
}
