// Continuations against a plain count over the documents, at few tokens so that ends occur often and disagree.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { draftTokens } from './draft-tokens.ts'
import { buildIndex } from './index/build.ts'

const some = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 14 }), { minLength: 1, maxLength: 5 })

/** Places in documents just after `end`. */
function placesAfter(documents: number[][], end: number[]): number[][] {
  return documents.flatMap((document) =>
    document.flatMap((_, at) =>
      at + end.length <= document.length && end.every((token, i) => document[at + i] === token) ? [document.slice(at + end.length)] : [],
    ),
  )
}

describe('how a text goes on', () => {
  it('is the longest end that occurs, and what at least half of its places have next', () => {
    fc.assert(
      fc.property(
        fc.array(some, { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 9 }),
        (corpora, text) => {
          const indexes = corpora.map((documents) => buildIndex(documents, 2))
          const { matched, tokens } = draftTokens(indexes, text, 6)
          const documents = corpora.map((corpus) => corpus.filter(({ length }) => length > 0))
          const longestIn = (corpus: number[][]) => {
            let length = text.length
            while (length > 0 && placesAfter(corpus, text.slice(text.length - length)).length === 0) length--
            return length
          }
          expect(matched).toBe(Math.max(...documents.map(longestIn)))
          let places =
            matched === 0
              ? []
              : documents
                  .filter((corpus) => longestIn(corpus) === matched)
                  .flatMap((corpus) => placesAfter(corpus, text.slice(text.length - matched)))
          for (let at = 0; at <= tokens.length && at < 6; at++) {
            const share = (token: number) => places.filter((rest) => rest[at] === token).length
            if (at < tokens.length) {
              expect(2 * share(tokens[at]!)).toBeGreaterThanOrEqual(places.length)
              places = places.filter((rest) => rest[at] === tokens[at])
            } else expect([0, 1, 2, 3].every((token) => share(token) === 0 || 2 * share(token) < places.length)).toBe(true)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is nothing for nothing, and ends with the document', () => {
    const index = buildIndex([[5, 6, 7], [9]], 2)
    expect(draftTokens([index], [], 4)).toEqual({ matched: 0, tokens: [] })
    expect(draftTokens([], [5], 4)).toEqual({ matched: 0, tokens: [] })
    expect(draftTokens([index], [1, 2, 5], 4)).toEqual({ matched: 1, tokens: [6, 7] })
    expect(draftTokens([index], [7], 4)).toEqual({ matched: 1, tokens: [] })
  })
})
