// Bad corpora are refused with the line at fault; good ones build the same shards however the file ends.
import { expect, test } from 'vitest'
import { buildCorpus, type CorpusSettings } from './corpus.ts'
import { openIndex } from './index.ts'

const settings: CorpusSettings = { width: 2, shards: 1, path: 'c.jsonl', tokenise: null }
const bytes = (text: string) => new TextEncoder().encode(text)

test.each([
  ['not JSON', '{"ids":[1]}\n{"ids":[1}\n', 'Line 2'],
  ['a blank line', '{"ids":[1]}\n\n{"ids":[1]}\n', 'Line 2'],
  ['no object', '[1,2]\n', 'Line 1'],
  ['no ids', '{"text":"a"}\n', '"ids"'],
  ['a fraction', '{"ids":[1.5]}\n', 'Entry 0'],
  ['a string among the ids', '{"ids":[1,"2"]}\n', 'Entry 1'],
  ['an id that is the separator', '{"ids":[65535]}\n', '65535'],
  ['a negative id', '{"ids":[-1]}\n', '-1'],
  ['an id beyond every float', `{"ids":[${'9'.repeat(400)}]}\n`, 'Infinity'],
  ['nothing at all', '', '0 documents'],
])('%s', (_, text, named) => {
  expect(() => buildCorpus(bytes(text), settings)).toThrow(
    expect.objectContaining({ code: 'corpus_invalid', message: expect.stringContaining(named) }),
  )
})

test('bytes that are no UTF-8', () => {
  expect(() => buildCorpus(Uint8Array.of(0x7b, 0xff, 0x7d), settings)).toThrow(expect.objectContaining({ code: 'corpus_invalid' }))
})

test('more shards than documents, and an index of one byte', () => {
  expect(() => buildCorpus(bytes('{"ids":[1]}'), { ...settings, shards: 2 })).toThrow(expect.objectContaining({ code: 'corpus_invalid' }))
  expect(() => buildCorpus(bytes('{"ids":[]}'), { ...settings, width: 1 })).toThrow(expect.objectContaining({ code: 'corpus_invalid' }))
})

test('a last line without newline, carriage returns and a byte order mark change nothing', () => {
  const plain = buildCorpus(bytes('{"ids":[1,2]}\n{"ids":[2],"by":"ada"}\n'), settings)
  expect(buildCorpus(bytes('\uFEFF{"ids":[1,2]}\r\n{"ids":[2],"by":"ada"}'), settings)).toEqual(plain)
})

test('text lines are tokenised, and only their other fields become metadata', () => {
  const tokenise = (text: string) => Array.from(bytes(text))
  const index = openIndex(buildCorpus(bytes('{"by":"ada","text":"abc","n":1.0}\n'), { ...settings, width: 1, tokenise }), 1)
  expect(index.count(tokenise('bc'))).toBe(1)
  expect(index.metadataOf(0)).toBe('{"path": "c.jsonl", "linenum": 0, "metadata": {"by": "ada", "n": 1.0}}\n')
})
