// Hostile and damaged index files: each is refused by name, and no byte pattern makes a search read outside or run on.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildFiles, pointerBytesOf } from './build.ts'
import { openIndex } from './index.ts'
import type { IndexFiles } from './shard.ts'

const good = () => ({
  ...buildFiles([[1, 2, 3, 1, 2], [], [2, 3]]),
  metadata: new TextEncoder().encode('{}\n{}\n{}\n'),
  metaoff: offsets(0, 3, 6),
})

function offsets(...values: number[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer)
}

test('the untouched files open', () => {
  expect(openIndex([good()]).count([1, 2])).toBe(2)
})

const damaged: [string, (files: Required<IndexFiles>) => Partial<IndexFiles>][] = [
  ['an empty text', () => ({ tokenized: new Uint8Array() })],
  ['half a token', ({ tokenized }) => ({ tokenized: tokenized.subarray(0, -1) })],
  ['a table of another length', ({ table }) => ({ table: table.subarray(0, -1) })],
  ['an empty table', () => ({ table: new Uint8Array() })],
  ['nine bytes a pointer', ({ tokenized }) => ({ table: new Uint8Array((tokenized.length / 2) * 9) })],
  ['a pointer past the end', ({ table }) => ({ table: table.with(3, 200) })],
  ['a pointer between tokens', ({ table }) => ({ table: table.with(0, 1) })],
  ['no documents', () => ({ offset: new Uint8Array() })],
  ['half an offset', ({ offset }) => ({ offset: offset.subarray(0, -3) })],
  ['a document missing', ({ offset }) => ({ offset: offset.subarray(0, 16) })],
  ['the first document not first', () => ({ offset: offsets(12, 14) })],
  ['documents out of order', () => ({ offset: offsets(0, 14, 12) })],
  ['a document twice', () => ({ offset: offsets(0, 12, 12, 14) })],
  ['a document that begins with a word', () => ({ offset: offsets(0, 4, 14) })],
  ['a document between tokens', () => ({ offset: offsets(0, 13, 14) })],
  ['a document past the end', () => ({ offset: offsets(0, 12, 2 ** 40) })],
  ['fewer metadata lines than documents', () => ({ metaoff: offsets(0, 3) })],
  ['metadata past its end', () => ({ metaoff: offsets(0, 3, 99) })],
  ['metadata out of order', () => ({ metaoff: offsets(3, 0, 6) })],
]

test.each(damaged)('%s', (_, damage) => {
  const files = good()
  expect(() => openIndex([{ ...files, ...damage(files) }])).toThrow(expect.objectContaining({ code: 'index_invalid' }))
})

test('metadata without its offsets, and no shard at all', () => {
  const { metaoff: _, ...files } = good()
  expect(() => openIndex([files])).toThrow(expect.objectContaining({ code: 'index_invalid' }))
  expect(() => openIndex([])).toThrow(expect.objectContaining({ code: 'index_invalid' }))
})

test('any table of valid pointers answers within range, however wrong its order', () => {
  const { tokenized, offset } = buildFiles([
    [1, 2, 3, 1, 2, 1, 1],
    [2, 3],
  ])
  const size = tokenized.length / 2
  fc.assert(
    fc.property(fc.array(fc.nat(size - 1), { minLength: size, maxLength: size }), fc.array(fc.nat(4), { maxLength: 5 }), (order, query) => {
      const table = Uint8Array.from(order, (position) => 2 * position)
      const index = openIndex([{ tokenized, offset, table }])
      const [[low, high]] = index.query(query).ranges(0, query.length)
      expect(0 <= low && low <= high && high <= size).toBe(true)
      expect(index.query(query).longest(0)).toBeLessThanOrEqual(query.length)
    }),
    { numRuns: 300 },
  )
})

test('pointers take ceil(log2(bytes) / 8) bytes', () => {
  expect([1, 2, 256, 257, 65536, 65537, 2 ** 24, 2 ** 24 + 1, 2 ** 32].map(pointerBytesOf)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4])
})
