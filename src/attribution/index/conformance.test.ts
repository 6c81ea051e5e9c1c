// Conformance with infini-gram 2.6.0: its files read by us, its files built by us, its answers given by us, and the right
// answers where it is wrong. Vectors: test/vectors/infini-gram, made with the real package.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildCorpus } from './corpus.ts'
import { openIndex } from './index.ts'
import { answerQuery } from './queries.ts'
import type { IndexFiles } from './shard.ts'
import type { ShownDocument } from './show-documents.ts'
import type { TokenWidth } from './token-order.ts'

const root = join(import.meta.dirname, '../../../test/vectors/infini-gram')
const kinds = ['tokenized', 'table', 'offset', 'metadata', 'metaoff', 'unigram'] as const
const widths = new Map<string, TokenWidth>([
  ['u8', 1],
  ['u16', 2],
  ['u32', 4],
])

interface Spec {
  tokens: string
  shards: number
  eos_token_id: number
  bow_ids: number[]
  queries: { id: string; op: string; input_ids: number[] }[]
}

describe.each(readdirSync(root).filter((name) => name.startsWith('u')))('%s', (name) => {
  const folder = join(root, name)
  const json = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'))
  const spec: Spec = json('queries.json')
  const width = widths.get(spec.tokens) ?? 2
  const expected = Array.from(
    { length: spec.shards },
    (_, shard) =>
      Object.fromEntries(
        kinds.map((kind) => [kind, new Uint8Array(readFileSync(join(folder, 'index', `${kind}.${shard}`)))]),
      ) as unknown as IndexFiles,
  )
  const index = openIndex(expected, width)
  const settings = { endOfText: spec.eos_token_id, wordStarts: new Set(spec.bow_ids) }

  test('files, byte for byte', () => {
    const corpus = new Uint8Array(readFileSync(join(folder, 'corpus.jsonl')))
    const built = buildCorpus(corpus, { width, shards: spec.shards, path: 'corpus.jsonl', tokenise: null })
    for (const [shard, files] of built.entries())
      for (const kind of kinds) expect(Buffer.compare(files[kind], expected[shard][kind] ?? new Uint8Array()), `${kind}.${shard}`).toBe(0)
  })

  test('answers', () => {
    const answers: { id: string; result: Record<string, unknown> }[] = json('answers.json')
    expect(answers.length).toBe(spec.queries.length)
    for (const [i, { id, result }] of answers.entries()) {
      const query = spec.queries[i]
      expect(query.id).toBe(id)
      const got = answerQuery(index, query, settings)
      if (query.op !== 'search_docs') expect(difference(got, result, id)).toBeNull()
      else expectSample(got as Sample, result as unknown as ExpectedSample, query.input_ids, id)
    }
  })

  const quirks: { query: { id: string }; correct: unknown; reference: unknown }[] = readdirSync(folder).includes('quirks.json')
    ? json('quirks.json')
    : []
  if (quirks.length > 0)
    test('right where the package is wrong', () => {
      for (const { query, correct } of quirks) expect(difference(answerQuery(index, query, settings), correct, query.id)).toBeNull()
    })
})

interface Sample {
  cnt: number
  approx: boolean
  idxs: number[]
  documents: ShownDocument[]
}

interface ExpectedSample {
  cnt: number
  approx: boolean
  num_documents: number
  /** Null when there are more matches than were recorded. */
  documents_by_idx: ShownDocument[] | null
}

/** The reference draws from the system's entropy, so what is compared is that every document is the one its idx names. */
function expectSample(got: Sample, expected: ExpectedSample, needle: number[], id: string): void {
  expect([got.cnt, got.approx, got.idxs.length, got.documents.length], id).toEqual([
    expected.cnt,
    expected.approx,
    expected.num_documents,
    expected.num_documents,
  ])
  for (const [i, idx] of got.idxs.entries()) {
    const { token_ids, needle_offset } = got.documents[i]
    if (expected.documents_by_idx !== null) expect(got.documents[i], id).toEqual(expected.documents_by_idx[idx])
    else
      expect(token_ids.slice(needle_offset, needle_offset + needle.length), id).toEqual(needle.slice(0, token_ids.length - needle_offset))
  }
}

/** Where two results differ, or null; numbers that are no integers agree to 1e-9 relative. */
function difference(got: unknown, expected: unknown, path: string): string | null {
  if (typeof expected === 'object' && expected !== null) {
    const fields = Object.entries(expected)
    const keys = Object.keys((got ?? {}) as object)
    if (
      keys.sort().join() !==
      fields
        .map(([key]) => key)
        .sort()
        .join()
    )
      return `${path}: fields ${keys}`
    for (const [key, value] of fields) {
      const inside = difference((got as Record<string, unknown>)[key], value, `${path}.${key}`)
      if (inside !== null) return inside
    }
    return null
  }
  const close =
    typeof expected === 'number' &&
    !Number.isInteger(expected) &&
    Math.abs((got as number) - expected) <= 1e-9 * Math.max(1, Math.abs(expected))
  return close || got === expected ? null : `${path}: expected ${expected}, got ${got}`
}
