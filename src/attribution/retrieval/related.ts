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

/** Read when first asked for: about 23,000 pairs. */
function readTable(): Map<string, RelatedWord[]> {
  const words = table.words.split(' ')
  const lists = words.map((): RelatedWord[] => [])
  for (const [from, list] of table.related.split(' ').entries()) {
    let start = 0
    for (let at = 0; at < list.length; at++) {
      const level = LEVELS.indexOf(list[at])
      if (level < 0) continue
      const to = from + Number.parseInt(list.slice(start, at), 36)
      const likeness = (level + 0.5) / LEVELS.length
      lists[from].push({ term: words[to], likeness })
      lists[to].push({ term: words[from], likeness })
      start = at + 1
    }
  }
  return new Map(words.map((word, i) => [word, lists[i]]))
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
