// Which tokens of an answer are the visitor's own words. Not a similarity: exact runs of tokens, so that anyone who holds the
// receipt marks the same ones. Words that stand in the prompt are never paid, and they also end a match on either side:
// without that, typing nine words of a speech would buy pay for the ten around them.
// Invariant: a token is marked iff it lies in a run of ≥ `ownWordsRun` tokens that stands contiguously in the prompt, or in a word
// that such a run cuts.
// Source: attribution.md "Retrieval" (the same words typed by the visitor do not credit); architecture.md "Who is paid".
import { isBoundary, type SpanRules } from './spans.ts'

/**
 * Shortest run that counts as the visitor's, given the shortest paid span. One less, because the first word of a line is
 * written without the leading space that the same word has inside an answer, and so is another token.
 */
const ownWordsRun = (minLength: number): number => Math.max(1, minLength - 1)

/** Shape [answer tokens], 1 where the visitor's words stand. O(answer · prompt) time, O(prompt) memory. */
export function ownWords(answer: ArrayLike<number>, prompt: ArrayLike<number>, rules: SpanRules): Uint8Array {
  const least = ownWordsRun(rules.minLength)
  const own = new Uint8Array(answer.length)
  // runs[j]: length of the longest common run that ends at answer[i] and prompt[j - 1].
  let runs = new Uint32Array(prompt.length + 1)
  let next = new Uint32Array(prompt.length + 1)
  for (let i = 0; i < answer.length; i++) {
    let longest = 0
    for (let j = 0; j < prompt.length; j++) {
      next[j + 1] = answer[i] === prompt[j] ? runs[j] + 1 : 0
      if (next[j + 1] > longest) longest = next[j + 1]
    }
    if (longest >= least) own.fill(1, i + 1 - longest, i + 1)
    const spare = runs
    runs = next
    next = spare
  }
  for (let i = own.length - 1; i > 0; i--) if (own[i] === 1 && !isBoundary(answer, i, rules)) own[i - 1] = 1
  for (let i = 1; i < own.length; i++) if (own[i - 1] === 1 && !isBoundary(answer, i, rules)) own[i] = 1
  return own
}

/** Maximal stretches of equal mark, left to right: `own` true for the visitor's words. */
export function stretches(own: Uint8Array): { start: number; end: number; own: boolean }[] {
  const result: { start: number; end: number; own: boolean }[] = []
  for (let start = 0; start < own.length; ) {
    let end = start
    while (end < own.length && own[end] === own[start]) end++
    result.push({ start, end, own: own[start] === 1 })
    start = end
  }
  return result
}
