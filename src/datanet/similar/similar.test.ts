import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NearDuplicates } from './near-duplicates.ts'
import { ShingleIndex } from './shingle-index.ts'

/** Numbers that look random and are always the same. */
function noise(count: number, seed: number, size = 30_000): Uint16Array {
  let state = seed
  return Uint16Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % size
  })
}
const joined = (...parts: Uint16Array[]) => Uint16Array.from(parts.flatMap((part) => [...part]))
const facts = (document: string) => ({ datanet: '1', document, title: `T${document}`, author: 'A' })

describe('ShingleIndex', () => {
  it('estimates the share within a few percent', () => {
    const index = new ShingleIndex(32)
    const source = noise(8_000, 1)
    index.add(7, source)
    for (const part of [0, 0.25, 0.5, 1]) {
      const taken = source.subarray(0, 8_000 * part)
      const { share, documents } = index.overlap(joined(taken, noise(8_000 - taken.length, 2)))
      expect(Math.abs(share - part)).toBeLessThan(0.05)
      expect(documents.map(({ document }) => document)).toEqual(part === 0 ? [] : [7])
    }
  })

  it('says so of the earliest document, and keeps to its size when it is full', () => {
    const index = new ShingleIndex(5, 1 << 10)
    const first = noise(3_000, 1)
    index.add(0, first)
    index.add(1, first)
    for (let i = 2; i < 20; i++) index.add(i, noise(3_000, i))
    expect(index.size).toBeLessThanOrEqual(1 << 10)
    const { share, documents, sampled } = index.overlap(first)
    expect(sampled).toBeGreaterThan(20)
    expect(share).toBe(1)
    expect(documents[0].document).toBe(0)
  })

  it('finds all of a text in itself, and nothing before it was added', () => {
    fc.assert(
      fc.property(fc.uint16Array({ minLength: 40, maxLength: 400, max: 500 }), (tokens) => {
        const index = new ShingleIndex(8)
        expect(index.overlap(tokens).share).toBe(0)
        index.add(3, tokens)
        const { share, sampled } = index.overlap(tokens)
        expect(share).toBe(sampled === 0 ? 0 : 1)
      }),
    )
  })
})

describe('NearDuplicates', () => {
  const fold = (token: number) => token % 15_000
  const words = (tokens: Uint16Array) => `${tokens[0]} … ${tokens.length}`

  it('knows an exact copy of any length, and a copy with words exchanged', () => {
    const known = new NearDuplicates(fold, words)
    const text = noise(2_000, 5)
    known.add(facts('0'), text)
    known.add(facts('1'), Uint16Array.of(1, 2, 3))
    expect(known.compare(Uint16Array.of(1, 2, 3))).toMatchObject({ exact: true, share: 1, duplicates: [{ document: '1', share: 1 }] })
    expect(known.compare(Uint16Array.of(1, 2, 4))).toEqual({ exact: false, share: 0, duplicates: [] })
    // One token in sixteen another one: hardly a run of 32 is left, most runs of 5 are.
    const changed = text.map((token, i) => (i % 16 === 0 ? (token + 7) % 15_000 : token))
    const [duplicate] = known.compare(changed).duplicates
    expect(duplicate).toMatchObject({ document: '0', share: 0 })
    expect(duplicate.similarity).toBeGreaterThan(0.6)
  })

  it('sees through the case of letters, and shows words that stand in both', () => {
    const known = new NearDuplicates(fold, words)
    const text = noise(2_000, 9, 15_000)
    known.add(facts('0'), text)
    const shouted = text.map((token, i) => (i % 3 === 0 ? token + 15_000 : token))
    expect(known.compare(shouted).duplicates[0].similarity).toBeGreaterThan(0.9)
    expect(known.compare(text.subarray(500, 1_500)).duplicates[0].sample).toMatch(/^\d+ … 32$/)
  })

  it('finds nothing between strangers', () => {
    const known = new NearDuplicates(fold, words)
    for (let i = 0; i < 30; i++) known.add(facts(String(i)), noise(2_000, 100 + i))
    expect(known.compare(noise(2_000, 999))).toEqual({ exact: false, share: 0, duplicates: [] })
  })
})
