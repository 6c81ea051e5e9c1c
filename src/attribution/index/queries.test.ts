// infini-gram's calls against the quadratic oracle, where the package's own answers cannot be the measure: end-of-text ids
// inside the text, matches at rank 0, and refusals of malformed queries.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildFiles, buildIndex } from './build.ts'
import { type Index, openIndex } from './index.ts'
import { answerQuery } from './queries.ts'
import { layOut, longestPrefix, positionsOf } from './substring-oracle.ts'
import { separatorOf, type TokenWidth } from './token-order.ts'

const END_OF_TEXT = 3
const settings = { endOfText: END_OF_TEXT, wordStarts: new Set([0, 1]) }
const widths: TokenWidth[] = [1, 2, 4]

const cases = fc.record({
  width: fc.constantFrom(...widths),
  documents: fc.array(fc.array(fc.nat(3), { maxLength: 10 }), { minLength: 2, maxLength: 4 }),
  query: fc.array(fc.nat(3), { maxLength: 7 }),
})

test('prob and infgram_prob', () => {
  fc.assert(
    fc.property(cases, ({ width, documents, query }) => {
      const { index, count } = setUp(documents, width)
      const [next, ...prompt] = [1, ...query]
      const seen = count(prompt)
      const expected =
        seen === 0
          ? { prompt_cnt: 0, cont_cnt: 0, prob: -1 }
          : { prompt_cnt: seen, cont_cnt: count([...prompt, next]), prob: count([...prompt, next]) / seen }
      expect(answerQuery(index, { op: 'prob', prompt_ids: prompt, cont_id: next }, settings)).toEqual(expected)
      const suffix = longestSuffix(prompt, count)
      expect(answerQuery(index, { op: 'infgram_prob', prompt_ids: prompt, cont_id: next }, settings)).toMatchObject({
        suffix_len: suffix.length,
        prompt_cnt: count(suffix),
        cont_cnt: count([...suffix, next]),
      })
    }),
    { numRuns: 200 },
  )
})

test('ntd and infgram_ntd, exact, with the end-of-text id standing in the text as well', () => {
  fc.assert(
    fc.property(cases, ({ width, documents, query }) => {
      const { index, text, count } = setUp(documents, width)
      for (const [op, prompt] of [
        ['ntd', query],
        ['infgram_ntd', longestSuffix(query, count)],
      ] as const) {
        const got = answerQuery(index, { op, prompt_ids: query, max_support: 1000 }, settings) as Distribution
        const expected: Record<string, number> = {}
        for (const at of positionsOf(text, prompt)) {
          const token = text[at + prompt.length] ?? separatorOf(width)
          const id = token === separatorOf(width) ? END_OF_TEXT : token
          expected[id] = (expected[id] ?? 0) + 1
        }
        expect(Object.fromEntries(Object.entries(got.result_by_token_id).map(([id, { cont_cnt }]) => [id, cont_cnt]))).toEqual(expected)
        expect(got.approx).toBe(false)
      }
    }),
    { numRuns: 200 },
  )
})

test('an approximate ntd is the same every time, and its counts still sum to the prompt', () => {
  const documents = Array.from({ length: 60 }, (_, d) => Array.from({ length: 20 }, (_, i) => (d * i + i) % 7))
  const query = { op: 'ntd', prompt_ids: [1], max_support: 10 }
  const first = answerQuery(buildIndex(documents), query, settings) as Distribution
  expect(first.approx).toBe(true)
  expect(Object.values(first.result_by_token_id).reduce((sum, { cont_cnt }) => sum + cont_cnt, 0)).toBe(first.prompt_cnt)
  expect(answerQuery(buildIndex(documents), query, settings)).toEqual(first)
})

test('attribute', () => {
  const rules = fc.record({
    min_len: fc.integer({ min: 1, max: 3 }),
    max_cnt: fc.integer({ min: 1, max: 6 }),
    enforce_bow: fc.boolean(),
    delim_ids: fc.subarray([1, 2]),
  })
  fc.assert(
    fc.property(cases, rules, ({ width, documents, query }, rules) => {
      const { index, text } = setUp(documents, width)
      const { spans } = answerQuery(index, { op: 'attribute', input_ids: query, ...rules }, settings) as {
        spans: { l: number; r: number; count: number; docs: { ptr: number }[] }[]
      }
      const expected: { l: number; r: number; positions: number[] }[] = []
      let reached = 0
      for (let l = 0; l < query.length; l++) {
        if (rules.enforce_bow && query[l] > 1) continue
        let m = longestPrefix(text, query.slice(l))
        const stop = query.slice(l, Math.max(l, l + m - 1)).findIndex((token) => rules.delim_ids.includes(token))
        if (stop >= 0) m = stop + 1
        if (rules.enforce_bow) while (l + m < query.length && query[l + m] > 1) m--
        const positions = positionsOf(text, query.slice(l, l + m))
        if (m < rules.min_len || positions.length > rules.max_cnt || l + m <= reached) continue
        reached = l + m
        expected.push({ l, r: l + m, positions })
      }
      expect(spans.map(({ l, r, docs }) => ({ l, r, positions: docs.map(({ ptr }) => ptr / width).sort((a, b) => a - b) }))).toEqual(
        expected,
      )
    }),
    { numRuns: 300 },
  )
})

describe('search_docs', () => {
  const index = openIndex([
    buildFiles([
      [1, 2, 3],
      [2, 1],
    ]),
    buildFiles([[1], [3, 1, 2]]),
  ])

  test('the same seed draws the same documents; draws reach every match', () => {
    const search = (seed: number) =>
      answerQuery(index, { op: 'search_docs', input_ids: [1], maxnum: 50, max_disp_len: 4, seed }, settings) as {
        idxs: number[]
        documents: { doc_ix: number }[]
      }
    expect(search(7)).toEqual(search(7))
    expect(search(7).idxs).not.toEqual(search(8).idxs)
    expect([...new Set(search(7).idxs)].sort()).toEqual([0, 1, 2, 3])
    expect([...new Set(search(7).documents.map(({ doc_ix }) => doc_ix))].sort()).toEqual([0, 1, 2, 3])
  })

  test('a window on a separator stays within its document', () => {
    const at = (rank: number) => answerQuery(index, { op: 'get_doc_by_rank', s: 0, rank, max_disp_len: 2 }, settings)
    expect(at(5)).toMatchObject({ doc_ix: 0, needle_offset: 0, token_ids: [] })
  })
})

test.each([
  ['no object', []],
  ['no such call', { op: 'drop' }],
  ['a missing field', { op: 'find' }],
  ['ids that are text', { op: 'count', input_ids: '12' }],
  ['a fraction', { op: 'count', input_ids: [1.5] }],
  ['an id beyond the width', { op: 'count', input_ids: [65536] }],
  ['no support', { op: 'ntd', prompt_ids: [], max_support: 0 }],
  ['a rank past the end', { op: 'get_doc_by_rank', s: 0, rank: 99, max_disp_len: 1 }],
  ['a shard past the end', { op: 'get_doc_by_rank', s: 1, rank: 0, max_disp_len: 1 }],
  ['a flag that is a number', { op: 'attribute', input_ids: [1], delim_ids: [], min_len: 1, max_cnt: 1, enforce_bow: 1 }],
])('refuses %s', (_, query) => {
  expect(() => answerQuery(buildIndex([[1, 2]]), query, settings)).toThrow(expect.objectContaining({ code: 'query_invalid' }))
})

interface Distribution {
  prompt_cnt: number
  result_by_token_id: Record<string, { cont_cnt: number }>
  approx: boolean
}

function setUp(documents: number[][], width: TokenWidth): { index: Index; text: number[]; count: (needle: number[]) => number } {
  const text = layOut(documents, separatorOf(width))
  return { index: buildIndex(documents, width), text, count: (needle) => positionsOf(text, needle).length }
}

function longestSuffix(prompt: number[], count: (needle: number[]) => number): number[] {
  return prompt.slice(Array.from({ length: prompt.length + 1 }, (_, start) => start).find((start) => count(prompt.slice(start)) > 0))
}
