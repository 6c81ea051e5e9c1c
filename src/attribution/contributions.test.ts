// The contribution hash was computed with viem 2.57's encodeAbiParameters, independently of this code.
import { describe, expect, it } from 'vitest'
import { type Contribution, canonicalFacts, contributionHash, contributionRoot, contributionsHead, nextHead } from './contributions.ts'
import type { Hex } from './types.ts'
import { ZERO_HASH } from './words.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const contribution: Contribution = {
  datanet: 1n,
  index: 2,
  author: `0x${'ab'.repeat(20)}`,
  root: hash('01'),
  documents: 3,
  tokens: 1000,
  licence: hash('02'),
  daCommitmentHash: hash('03'),
  order: 7,
}
const document = {
  tokens: Uint16Array.of(1, 256, 65534),
  facts: { author: 'Ada', licence: 'CC-BY-4.0', title: 'Nötes', year: 1843 as number | null },
}

describe('contributions', () => {
  it('hashes like Solidity abi.encode', () => {
    expect(contributionHash(contribution)).toBe('0x35711ae8a8cc09b34873a3127545182bb58b6d4418a727c38a8c2a5c7338246f')
  })

  it('binds every field', () => {
    const changed: Partial<Contribution>[] = [
      { datanet: 2n },
      { index: 3 },
      { author: `0x${'ac'.repeat(20)}` },
      { root: hash('09') },
      { documents: 4 },
      { tokens: 1001 },
      { licence: hash('09') },
      { daCommitmentHash: hash('09') },
      { order: 8 },
    ]
    const hashes = [{}, ...changed].map((change) => contributionHash({ ...contribution, ...change }))
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(() => contributionHash({ ...contribution, documents: 2 ** 32 })).toThrow('32 bits')
  })

  it('chains heads from zero, in order', () => {
    const second = { ...contribution, index: 3 }
    expect(contributionsHead([])).toBe(ZERO_HASH)
    const head = nextHead(nextHead(ZERO_HASH, contributionHash(contribution)), contributionHash(second))
    expect(contributionsHead([contribution, second])).toBe(head)
    expect(contributionsHead([second, contribution])).not.toBe(head)
  })

  it('binds tokens and declared facts of each document', () => {
    const root = contributionRoot([document])
    expect(new TextDecoder().decode(canonicalFacts({ ...document.facts, year: null }))).toBe(
      '{"author":"Ada","licence":"CC-BY-4.0","title":"Nötes","year":null}',
    )
    expect(contributionRoot([{ ...document, tokens: Uint16Array.of(1, 256, 65533) }])).not.toBe(root)
    expect(contributionRoot([{ ...document, facts: { ...document.facts, author: 'Bea' } }])).not.toBe(root)
    expect(contributionRoot([document, document])).not.toBe(root)
  })
})
