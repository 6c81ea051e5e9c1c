import { expect, test } from 'vitest'
import type { DocumentEntry, Trace } from '../../attribution/types.ts'
import { alsoAppears, paidDocuments } from './shaped.ts'

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
