import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidate, creditSpans, type Place, payee, prefixAmounts } from './credit.ts'
import type { DocumentEntry } from './types.ts'

const entry = (document: number, order: number): DocumentEntry => ({
  document,
  contribution: document,
  contributor: `0x${String(document).padStart(40, '0')}`,
  author: `author ${document}`,
  title: '',
  year: null,
  licence: '',
  order,
  tokens: 100,
})
// Higher documents are earlier commitments here, so list order cannot stand in for commit order.
const entryOf = (index: number, document: number) => entry(document, 20 - 2 * document - index)
const places = fc.uniqueArray(fc.record({ index: fc.nat(1), document: fc.nat(5), position: fc.nat(9) }), {
  selector: (p: Place) => `${p.index}:${p.document}:${p.position}`,
  minLength: 1,
  maxLength: 12,
})
const rules = { maxCount: 64, tauQ16: 100, fee: 10n ** 15n }

describe('prefix amounts', () => {
  it('sum with the commons to the fee, whatever the numbers', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 20n }),
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 40n })),
        fc.nat(),
        (fee, list, rest) => {
          const explained = list.reduce((sum, s) => sum + s, 0n)
          const total = explained + BigInt(rest)
          const { amounts, commons } = prefixAmounts(fee, list, total)
          expect(amounts.reduce((sum, a) => sum + a, commons)).toBe(fee)
          expect(commons >= 0n && amounts.every((a) => a >= 0n)).toBe(true)
          // Each is the exact share, within one wei.
          for (const [i, a] of amounts.entries()) if (total > 0n) expect(a - (fee * list[i]) / total).toBeOneOf([0n, 1n])
          if (total > 0n && rest === 0) expect(commons).toBe(0n)
        },
      ),
    )
  })

  it('leave an answer without surprisal to the commons', () => {
    expect(prefixAmounts(7n, [0n], 0n)).toEqual({ amounts: [0n], commons: 7n })
  })
})

describe('payee', () => {
  it('is the earliest eligible commitment, in whatever order occurrences are listed', () => {
    fc.assert(
      fc.property(places, fc.integer({ min: 0, max: 63 }), (list, mask) => {
        const eligible = (_: number, document: number) => ((mask >> document) & 1) === 1
        const candidate = { start: 0, length: 8, count: list.length, occurrences: list }
        const paid = payee(candidate, entryOf, eligible)
        const ranked = list
          .filter((p) => eligible(p.index, p.document))
          .sort((a, b) => entryOf(a.index, a.document).order - entryOf(b.index, b.document).order || a.position - b.position)
        expect(paid).toEqual(ranked[0])
        expect(payee({ ...candidate, occurrences: [...list].reverse() }, entryOf, eligible)).toEqual(paid)
      }),
    )
  })
})

describe('credit of spans', () => {
  const candidate = (start: number, change: Partial<Candidate> = {}): Candidate => ({
    start,
    length: 10,
    count: 1,
    occurrences: [{ index: 0, document: 1, position: 4 }],
    ...change,
  })
  const sums = Float64Array.from({ length: 41 }, (_, i) => 50 * i)

  it('pays what is rare, surprising and eligible, and says why not otherwise', () => {
    const credit = creditSpans(
      [
        candidate(0),
        candidate(10, { count: 65 }),
        candidate(20, { occurrences: [{ index: 0, document: 2, position: 0 }] }),
        candidate(30, { length: 1 }),
      ],
      sums,
      entryOf,
      (_, document) => document === 1,
      rules,
    )
    expect(credit.paid).toEqual([
      { index: 0, document: 1, position: 4, start: 0, length: 10, count: 1, surprisal: 500n, amount: rules.fee / 4n },
    ])
    expect(credit.commons).toBe((rules.fee * 3n) / 4n)
    expect(credit.unpaid.map(({ start, reason }) => [start, reason])).toEqual([
      [10, 'too_common'],
      [20, 'not_eligible'],
      [30, 'below_tau'],
    ])
  })

  it('pays the eligible text and lists the earlier one that is not', () => {
    const both = candidate(0, { count: 2, occurrences: [1, 3].map((document) => ({ index: 0, document, position: 0 })) })
    const credit = creditSpans([both], sums, entryOf, (_, document) => document === 1, rules)
    expect(credit.paid[0].document).toBe(1)
    expect(credit.unpaid).toEqual([{ start: 0, length: 10, count: 2, place: both.occurrences[1], reason: 'not_eligible' }])
  })
})
