// The public face of retrieval: a question and the chosen datanets in, the passages that may enter the prompt out, or none.
// Not a tokeniser: token positions come from `locate`, which is called for the passages returned and no others.
// Invariants: deterministic; every passage stands verbatim in its document; a closed gate returns no passage.
// Source: attribution.md "Retrieval"; seed-adapters.md B (one passage, so that nothing can be quoted under another's name).
import type { Passage, Retrieval } from '../types.ts'
import { focusOf } from './focus.ts'
import { GATE_THRESHOLD, gateScore } from './gate.ts'
import type { PassageIndex } from './passage-index.ts'
import type { Question } from './question.ts'
import { rank } from './rank.ts'

/** Token range of a document's UTF-16 range; see {@link tokenRange}. */
export type Locate = (
  document: number,
  from: number,
  to: number,
) => Promise<{ start: number; length: number }> | { start: number; length: number }

export interface RetrievalSource {
  datanet: string
  index: PassageIndex
  locate: Locate
}

/** A question longer than this (UTF-16) is read only so far: a pasted book must not stall the page. */
const MAX_QUESTION = 2_000

/**
 * The best passages for a question over the datanets that its gate opens, best first.
 * @param options.passages how many at most, from different documents; 1 unless told
 * @returns `open: false` and no passages when every gate stays closed; `score` is then the highest seen
 */
export async function retrieve(
  question: string,
  sources: readonly RetrievalSource[],
  options: { passages?: number; signal?: AbortSignal } = {},
): Promise<Retrieval> {
  const text = question.slice(0, MAX_QUESTION)
  let score = 0
  const candidates: { source: RetrievalSource; passage: number; question: Question; gate: number; rank: number }[] = []
  for (const source of sources) {
    options.signal?.throwIfAborted()
    const ranking = rank(text, source.index)
    const gate = gateScore(ranking, source.index)
    score = Math.max(score, gate)
    if (gate < GATE_THRESHOLD) continue
    for (const [position, { passage }] of ranking.ranked.entries())
      candidates.push({ source, passage, question: ranking.question, gate, rank: position })
  }
  // Scores of two datanets are not comparable, their gates are: the datanet that answers the question best goes first.
  candidates.sort((a, b) => a.rank - b.rank || b.gate - a.gate || sources.indexOf(a.source) - sources.indexOf(b.source))
  const passages: Passage[] = []
  const seen = new Set<string>()
  for (const { source, passage, question: asked } of candidates) {
    if (passages.length >= (options.passages ?? 1)) break
    const { index, datanet } = source
    const { document, text: whole, entry } = index.documents[index.owner[passage]]
    if (seen.has(`${datanet}:${document}`)) continue
    seen.add(`${datanet}:${document}`)
    const { from, to } = focusOf(asked, index, passage)
    const { start, length } = await source.locate(document, from, to)
    passages.push({ datanet, document, start, length, text: whole.slice(from, to), entry })
  }
  return { open: passages.length > 0, score, threshold: GATE_THRESHOLD, passages }
}

/**
 * The tokens that cover a UTF-16 range, from the start offset of every token and the end of the last, shape [tokens + 1]:
 * from the token that holds the first character to the one that holds the last.
 */
export function tokenRange(offsets: ArrayLike<number>, from: number, to: number): { start: number; length: number } {
  const tokens = offsets.length - 1
  const firstAfter = (position: number) => {
    let low = 0
    let high = tokens
    while (low < high) {
      const middle = (low + high) >> 1
      if (offsets[middle] > position) high = middle
      else low = middle + 1
    }
    return low
  }
  const start = Math.max(0, firstAfter(from) - 1)
  return { start, length: to <= from ? 0 : Math.min(tokens, firstAfter(to - 1)) - start }
}
