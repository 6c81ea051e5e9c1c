import { describe, expect, it } from 'vitest'
import type { DocumentEntry } from '../types.ts'
import { focusOf } from './focus.ts'
import { FEATURES, gateFeatures } from './gate.ts'
import { PassageIndex } from './passage-index.ts'
import { rank } from './rank.ts'
import { commonRank, relatedWords } from './related.ts'
import { termOf } from './words.ts'

const entry = (document: number): DocumentEntry => ({
  document,
  contribution: document,
  contributor: '0x01',
  author: 'A member',
  title: '',
  year: null,
  licence: '',
  order: document,
  tokens: 0,
})
const indexOf = (...texts: string[]) => new PassageIndex(texts.map((text, document) => ({ document, text, entry: entry(document) })))

/** Five sentences to a passage and more, so that each paragraph is a passage of its own. */
const filler =
  'Nothing that is told here bears upon the matter in hand, and it is told at length so that the page may be filled with lines. '

describe('related words', () => {
  it.each([
    ['allow', 'permit'],
    ['troops', 'soldier'],
    ['danger', 'hazard'],
    ['sell', 'sale'],
  ])('%s ~ %s', (asked, written) => {
    expect(relatedWords(termOf(asked)).map(({ term }) => term)).toContain(termOf(written))
  })

  it('are related both ways, by as much, never to themselves', () => {
    for (const asked of ['allow', 'danger', 'monei'].map(termOf))
      for (const { term, likeness } of relatedWords(asked)) {
        expect(relatedWords(term)).toContainEqual({ term: asked, likeness })
        expect(term).not.toBe(asked)
        expect(likeness).toBeGreaterThan(0.25)
        expect(likeness).toBeLessThan(1)
      }
  })

  it('leave names and identifiers alone', () => {
    expect(relatedWords('transferownership')).toEqual([])
    expect(commonRank('transferownership')).toBeNull()
  })

  it('rank frequent words before rare ones', () => {
    expect(commonRank(termOf('year'))).toBeLessThan(commonRank(termOf('plaintiff')) as number)
  })
})

describe('rank by related words', () => {
  it('finds what is said in other words, and the same words before them', () => {
    const index = indexOf('The soldiers crossed the river at dawn.', 'The bakers rose at dawn.', 'The troops crossed the river at dawn.')
    const order = rank('troops', index).ranked.map(({ passage }) => passage)
    expect(order).toEqual([2, 0])
  })

  it('lets a passage profit from what its neighbour is about', () => {
    const topic = `The harbour dues of the northern towns were raised. ${filler.repeat(4)}`
    const told = `The council voted on the tariff in autumn. ${filler.repeat(4)}`
    const index = indexOf(`${filler.repeat(5)}\n\n${told}`, `${topic}\n\n${told}`)
    const asked = rank('What of the harbour and the council?', index).ranked.filter(({ passage }) =>
      index.text(passage).includes('council'),
    )
    expect(asked.map(({ passage }) => index.owner[passage])).toEqual([1, 0])
  })

  it('begins a passage at the sentence that answers in other words', () => {
    const index = indexOf(
      `The granaries of the towns are full to the roof this year. Soldiers are paid by the month in silver coin. ${filler}`,
    )
    const { from } = focusOf({ terms: [termOf('troops')], pairs: [] }, index, 0)
    expect(index.documents[0]?.text.slice(from)).toMatch(/^Soldiers/u)
  })
})

describe('gate by how keen a datanet is on a word', () => {
  it('tells its own subject from an everyday word that it holds as often', () => {
    const index = indexOf(
      ...Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'A vault mints shares in that year.' : 'Nothing is told.')),
    )
    const keen = (question: string) => gateFeatures(rank(question, index), index)[FEATURES.indexOf('keen')]
    expect(index.frequency(termOf('vault'))).toBe(index.frequency(termOf('year')))
    expect(keen('tell me about vaults')).toBeGreaterThan((keen('tell me about years') as number) + 0.1)
  })
})
