import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex } from './index/build.ts'
import { mergeUnigrams, surprisalOf, surprisalSums, unigramTable } from './surprisal.ts'

const documents = fc.array(fc.array(fc.nat(20), { maxLength: 40 }), { minLength: 1, maxLength: 5 })

describe('surprisal', () => {
  it('counts tokens of documents without their separators, over all indexes', () => {
    fc.assert(
      fc.property(documents, documents, (first, second) => {
        const counts = mergeUnigrams([buildIndex([[1], ...first]), buildIndex([[2], ...second])].map(unigramTable))
        const all = [1, 2, ...first.flat(), ...second.flat()]
        expect([counts.tokens, counts.distinct]).toEqual([all.length, new Set(all).size])
        for (let token = 0; token <= 21; token++) expect(counts.count(token)).toBe(all.filter((t) => t === token).length)
        expect(counts.count(65_535)).toBe(0)
      }),
    )
  })

  it('is a distribution: Σ p = 1 over the seen tokens and one unseen', () => {
    const counts = mergeUnigrams([unigramTable(buildIndex([[1, 1, 1, 2, 3, 3, 9, 9, 9, 9]]))])
    const p = [1, 2, 3, 9, 77].map((token) => 2 ** (-surprisalOf(token, counts) / 65_536))
    expect(p.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 3)
    expect(surprisalOf(77, counts)).toBeGreaterThan(surprisalOf(2, counts))
    expect(surprisalOf(2, counts)).toBeGreaterThan(surprisalOf(9, counts))
  })

  it('adds up over spans exactly', () => {
    const counts = mergeUnigrams([unigramTable(buildIndex([[1, 2, 3, 4, 5, 5]]))])
    const sums = surprisalSums([5, 5, 1, 8], counts)
    expect(sums[3] - sums[1]).toBe(surprisalOf(5, counts) + surprisalOf(1, counts))
  })
})
