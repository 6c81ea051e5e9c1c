import { describe, expect, it } from 'vitest'
import { type Contribution, contributionRoot, contributionsHead, nameHash } from '../attribution/contributions.ts'
import { buildFiles } from '../attribution/index/build.ts'
import type { DocumentEntry, Hex } from '../attribution/types.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { Datanet, type NewDocument } from './datanet.ts'
import { findDuplicates } from './duplicates.ts'

const facts = (title: string) => ({ author: 'Ada', licence: 'CC0-1.0', title, year: null })
const document = (title: string, ...tokens: number[]): NewDocument => ({ tokens: Uint16Array.from(tokens), facts: facts(title) })
const account = (n: number): Hex => `0x${n.toString(16).padStart(40, '0')}`

const contribution = (index: number, documents: NewDocument[]): Contribution => ({
  datanet: 7n,
  index,
  author: account(index + 1),
  root: contributionRoot(documents),
  documents: documents.length,
  tokens: documents.reduce((sum, { tokens }) => sum + tokens.length, 0),
  licence: nameHash('CC0-1.0'),
  daCommitmentHash: ZERO_HASH,
  order: index + 10,
})

const run = Array.from({ length: 20 }, (_, i) => 100 + i)
const first = [document('a', 1, 2, 3, 4), document('b', ...run, 5)]
const second = [document('c', 1, 2, 9)]
const both = [contribution(0, first), contribution(1, second)]

function grown(): Datanet {
  const datanet = new Datanet('7')
  datanet.add(both[0]!, first)
  datanet.add(both[1]!, second)
  return datanet
}

/** The first contribution as ready-made files, the second added. */
function grownFromFiles(): Datanet {
  const entries = first.map(
    ({ tokens, facts: declared }, i): DocumentEntry => ({
      document: i,
      contribution: 0,
      contributor: account(1),
      ...declared,
      order: 10,
      tokens: tokens.length,
    }),
  )
  const datanet = new Datanet('7')
  datanet.addIndexed(buildFiles(first.map(({ tokens }) => tokens)), [both[0]!], entries)
  datanet.add(both[1]!, second)
  return datanet
}

describe('Datanet', () => {
  it('folds the head that the contract folds', () => {
    expect(grown().head()).toBe(contributionsHead(both))
    expect(grown().head(0)).toBe(ZERO_HASH)
    expect(grown().head(1)).toBe(contributionsHead(both.slice(0, 1)))
  })

  it('is the same from ready-made files and from single contributions', () => {
    expect(grownFromFiles().head()).toBe(grown().head())
    expect(grownFromFiles().documents).toEqual(grown().documents)
    for (const tokens of [[1, 2], [9], run, [5, 1]]) {
      expect(grownFromFiles().view().index.count(tokens)).toBe(grown().view().index.count(tokens))
    }
  })

  it('keeps the view of n contributions as it was when more have come', () => {
    expect(grown().view(1).index.count([1, 2])).toBe(1)
    expect(grown().view(2).index.count([1, 2])).toBe(2)
    expect(grownFromFiles().view(1).documents).toHaveLength(2)
  })

  it('refuses documents that are not those committed to, and knows no later head', () => {
    expect(() => new Datanet('7').add(both[0]!, second)).toThrow(expect.objectContaining({ code: 'contribution_mismatch' }))
    expect(() => new Datanet('8').add(both[0]!, first)).toThrow(expect.objectContaining({ code: 'contribution_mismatch' }))
    expect(() => grown().add(contribution(3, second), second)).toThrow(expect.objectContaining({ code: 'contribution_mismatch' }))
    expect(() => grown().head(3)).toThrow(expect.objectContaining({ code: 'datanet_unknown_head' }))
  })
})

describe('findDuplicates', () => {
  it('names the document that holds a long run, and its share', () => {
    const [duplicate, ...others] = findDuplicates(Uint16Array.from([7, ...run, 8, 8, 8]), [grown().view()])
    expect(others).toEqual([])
    expect(duplicate).toMatchObject({ datanet: '7', entry: { title: 'b' }, share: 20 / 24 })
  })

  it('finds nothing in short coincidences', () => {
    expect(findDuplicates(Uint16Array.from([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]), [grown().view()])).toEqual([])
  })
})
