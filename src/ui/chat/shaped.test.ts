import { expect, test } from 'vitest'
import type { DocumentEntry, Hex, Passage, Trace } from '../../attribution/types.ts'
import { alsoAppears, certaintyOf, feeParts, originsOf, paidContributors, paidDocuments } from './shaped.ts'

const entry = (document: number) => ({ document, author: `author ${document}` }) as DocumentEntry
const span = (document: number, length: number, amount: bigint) => ({ index: 0, document, length, amount })
const unpaid = (document: number, length: number, reason: string) => ({ index: 0, document, length, reason })

const trace = {
  spans: [span(1, 8, 10n), span(2, 20, 90n), span(1, 9, 30n), span(3, 8, 40n)],
  unpaid: [unpaid(1, 8, 'in_prompt'), unpaid(4, 9, 'not_eligible'), unpaid(4, 12, 'not_eligible'), unpaid(1, 3, 'not_eligible')],
  documents: { '0:1': entry(1), '0:2': entry(2), '0:3': entry(3) },
} as unknown as Trace

test('spans of one document make one row; the largest amount stands first, ties in order of appearance', () => {
  expect(paidDocuments(trace).map(({ key, tokens, amount, firstSpan }) => ({ key, tokens, amount, firstSpan }))).toEqual([
    { key: '0:2', tokens: 20, amount: 90n, firstSpan: 1 },
    { key: '0:1', tokens: 17, amount: 40n, firstSpan: 0 },
    { key: '0:3', tokens: 8, amount: 40n, firstSpan: 3 },
  ])
})

test('what only also appears is kept apart by document and reason, and may lack an entry', () => {
  expect(alsoAppears(trace).map(({ key, tokens, entry: e }) => [key, tokens, e?.author])).toEqual([
    ['0:4:not_eligible', 21, undefined],
    ['0:1:in_prompt', 8, 'author 1'],
    ['0:1:not_eligible', 3, 'author 1'],
  ])
})

const account = (n: number): Hex => `0x${String(n).repeat(40)}`
const row = (document: number, by: number, author: string) => ({ document, author, contributor: account(by) }) as DocumentEntry
const paidTrace = {
  indexes: [{ datanet: '1' }],
  answerTokens: 60,
  fee: 100n,
  spans: [
    { index: 0, document: 1, length: 8, amount: 10n, count: 1, surprisal: 83n << 16n },
    { index: 0, document: 2, length: 20, amount: 30n, count: 3, surprisal: 240n << 16n },
    { index: 0, document: 3, length: 9, amount: 20n, count: 1, surprisal: 101n << 16n },
  ],
  unpaid: [],
  documents: { '0:1': row(1, 1, 'A'), '0:2': row(2, 2, 'B'), '0:3': row(3, 1, 'A. Again') },
} as unknown as Trace

test('documents of one account make one contributor, by tokens', () => {
  expect(paidContributors(paidTrace)).toEqual([
    { account: account(2), authors: ['B'], documents: 1, tokens: 20, amount: 30n, firstSpan: 1 },
    { account: account(1), authors: ['A. Again', 'A'], documents: 2, tokens: 17, amount: 30n, firstSpan: 0 },
  ])
})

test('tokens are told apart by the way they came, and sum to the answer', () => {
  const passage = { datanet: '1', document: 2 } as Passage
  expect(originsOf(paidTrace, [passage])).toEqual({ read: 20, adapter: 17, untraced: 23 })
  expect(originsOf(paidTrace, [{ ...passage, datanet: '2' }])).toEqual({ read: 0, adapter: 37, untraced: 23 })
})

test('what stands in several places and what is least telling is known', () => {
  expect(certaintyOf(paidTrace)).toEqual({ single: 2, several: 1, weakestBits: 83 })
  expect(certaintyOf({ ...paidTrace, spans: [] })).toEqual({ single: 0, several: 0, weakestBits: null })
})

test('the parts of the fee sum to it; small ones are put together, empty ones are left out', () => {
  expect(feeParts(paidTrace, 6).map(({ account: a, amount }) => [a, amount])).toEqual([
    [account(1), 30n],
    [account(2), 30n],
    [null, 40n],
  ])
  expect(feeParts(paidTrace, 1)[0]).toEqual({ account: 'rest', authors: ['A. Again', 'A', 'B'], amount: 60n })
  expect(feeParts({ ...paidTrace, spans: [] }, 6)).toEqual([{ account: null, authors: [], amount: 100n }])
  expect(feeParts({ ...paidTrace, fee: 60n }, 6).reduce((sum, part) => sum + part.amount, 0n)).toBe(60n)
})
