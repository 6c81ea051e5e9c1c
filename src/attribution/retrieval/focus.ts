// The part of a passage that a question is about: from the sentence that answers to it best, as many following ones as a short
// prompt carries. Not retrieval: the passage is already chosen.
// Why: a 135 M model that is told to quote tends to begin at the beginning, whatever is asked; and every token less in the
// prompt is a seventh of a second less to wait for on a machine without a GPU.
// Invariants: the range begins and ends at sentences of the passage's document, a label ("NOTE:") before the first left out; it
// never leaves the passage.
import { estimateTokens, type Range, sentencesOf } from './chunks.ts'
import type { PassageIndex } from './passage-index.ts'
import type { Question } from './question.ts'
import { isProse, searchTermsOf } from './words.ts'

/** Enough for two sentences of a speech. */
const FOCUS_TOKENS = 72
/** A shorter range also takes what stands before it, unless that is code. */
const FEW_TOKENS = 28
/** "NOTE:" and its like before a sentence. An adapter that meets one first tends to end its answer there, with nothing quoted. */
const LABEL = /^\s*\p{Lu}{3,}:\s+(?=\S)/u
/** What a line of code is worth beside a sentence. */
const CODE = 0.6
/** What a sentence gains by beginning with what is asked for. */
const EARLY = 0.2

/** UTF-16 range within the document. Of sentences of equal worth the first wins. */
export function focusOf(question: Pick<Question, 'terms' | 'pairs'>, index: PassageIndex, passage: number): Range {
  const base = index.from[passage]
  const text = index.text(passage)
  const sentences = sentencesOf(text)
  const worth = sentences.map(({ from, to }) => sentenceWorth(text.slice(from, to), question, index))
  const best = worth.indexOf(Math.max(...worth))
  const cost = sentences.map(({ from, to }) => estimateTokens(text.slice(from, to)))
  let [first, last, size] = [best, best, cost[best]]
  while (last + 1 < sentences.length && size + cost[last + 1] <= FOCUS_TOKENS) size += cost[++last]
  while (first > 0 && size < FEW_TOKENS && isProse(text.slice(sentences[first - 1].from, sentences[first - 1].to))) size += cost[--first]
  const label = LABEL.exec(text.slice(sentences[first].from, sentences[last].to))?.[0].length ?? 0
  const from = sentences[first].from + label
  return { from: base + from, to: base + from + text.slice(from, sentences[last].to).trimEnd().length }
}

function sentenceWorth(sentence: string, { terms, pairs }: Pick<Question, 'terms' | 'pairs'>, index: PassageIndex): number {
  const here = searchTermsOf(sentence)
  const held = new Set(here)
  const worthOf = (term: string) =>
    held.has(term) ? 1 : index.relatives(term).reduce((best, other) => (held.has(other.term) ? Math.max(best, other.worth) : best), 0)
  const single = terms.reduce((sum, term) => sum + worthOf(term) * index.idf(term), 0)
  const joined = pairs.filter(([a, b]) => here.some((term, i) => term === a && here[i + 1] === b))
  const asked = new Set(terms)
  // "The Monroe Doctrine should …" is about the doctrine; "this conference acquiesced in the Monroe Doctrine" is not.
  const early =
    1 -
    Math.max(
      0,
      here.findIndex((term) => asked.has(term)),
    ) /
      Math.max(1, here.length)
  const worth = (1 + EARLY * early) * (single + joined.reduce((sum, [a, b]) => sum + (index.idf(a) + index.idf(b)) / 2, 0))
  return isProse(sentence) ? worth : worth * CODE
}
