// The index against the quadratic oracle: order, counts, positions, longest matches, at every token width.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildFiles, buildIndex } from './build.ts'
import { openIndex } from './index.ts'
import { layOut, longestPrefix, positionsOf, sortedSuffixes } from './substring-oracle.ts'
import { separatorOf, type TokenWidth } from './token-order.ts'

/** Few distinct tokens, chosen where byte order and integer order disagree. */
const alphabets: Record<TokenWidth, number[]> = {
  1: [0, 1, 254],
  2: [0, 1, 255, 256, 65280, 65534],
  4: [0, 1, 256, 65535, 65536, 16777216, 4294967294],
}
const widths: TokenWidth[] = [1, 2, 4]

const corpora = (width: TokenWidth) => {
  const token = fc.constantFrom(...alphabets[width])
  return fc.record({
    documents: fc.array(fc.array(token, { maxLength: 12 }), { minLength: 2, maxLength: 6 }),
    query: fc.array(fc.oneof({ weight: 6, arbitrary: token }, { weight: 1, arbitrary: fc.constant(separatorOf(width)) }), { maxLength: 6 }),
  })
}

describe.each(widths)('%i bytes a token', (width) => {
  const separator = separatorOf(width)

  test('the table is memcmp order of the whole text', () => {
    fc.assert(
      fc.property(corpora(width), ({ documents }) => {
        const text = layOut(documents, separator)
        const index = buildIndex(documents, width)
        expect(text.map((_, rank) => index.shards[0].positionAt(rank))).toEqual(sortedSuffixes(text, width))
      }),
      { numRuns: 150 },
    )
  })

  test('ranges, counts, occurrences and longest matches', () => {
    fc.assert(
      fc.property(corpora(width), ({ documents, query }) => {
        const text = layOut(documents, separator)
        const order = sortedSuffixes(text, width)
        const index = buildIndex(documents, width)
        const found = index.query(query)
        const positions = positionsOf(text, query)
        const [[low, high]] = found.ranges(0, query.length)
        expect(index.count(query)).toBe(positions.length)
        expect(order.slice(low, high).sort((a, b) => a - b)).toEqual(positions)
        expect(found.longest(0)).toBe(longestPrefix(text, query))
        if (positions.length === 0) expect(low).toBe(insertionRank(text, query, width))
        // A document's part of the layout begins with its separator, which is position -1.
        for (const { document, position } of found.occurrences(0, query.length))
          expect(layOut(documents.slice(document), separator).slice(position + 1, position + 1 + query.length)).toEqual(query)
      }),
      { numRuns: 250 },
    )
  })

  test('shards together count what one index counts, and number documents through', () => {
    fc.assert(
      fc.property(corpora(width), ({ documents, query }) => {
        const halves = [documents.slice(0, 1), documents.slice(1)].map((part) =>
          part.flat().length === 0 ? [...part, alphabets[width]] : part,
        )
        const index = openIndex(
          halves.map((half) => buildFiles(half, width)),
          width,
        )
        const all = halves.flat()
        const occurrences = index.query(query).occurrences(0, query.length)
        expect(occurrences.length).toBe(halves.reduce((sum, half) => sum + positionsOf(layOut(half, separator), query).length, 0))
        for (const [d, document] of all.entries()) {
          expect(Array.from(index.tokensOf(d))).toEqual(document)
          expect(index.documentTokens(d)).toBe(document.length)
        }
      }),
      { numRuns: 80 },
    )
  })
})

function insertionRank(text: number[], query: number[], width: TokenWidth): number {
  const bytes = (tokens: number[]) =>
    Buffer.from(tokens.flatMap((token) => Array.from({ length: width }, (_, i) => Math.floor(token / 256 ** i) % 256)))
  return text.filter((_, at) => Buffer.compare(bytes(text.slice(at)), bytes(query)) < 0).length
}

test('documents are clipped, not crossed', () => {
  const index = buildIndex([[1, 2, 3], [], [4, 5]])
  expect(Array.from(index.tokensOf(0, 1, 9))).toEqual([2, 3])
  expect(Array.from(index.tokensOf(1))).toEqual([])
  expect(Array.from(index.tokensOf(2, 5))).toEqual([])
  expect(() => index.tokensOf(3)).toThrow(expect.objectContaining({ code: 'query_invalid' }))
  expect(() => index.count([70000])).toThrow(expect.objectContaining({ code: 'query_invalid' }))
})
