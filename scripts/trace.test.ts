// The command line end to end: what it prints, what it writes, and what it refuses. Not the calls (index/queries.test.ts).
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { main } from './trace.ts'

let folder = ''
const at = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trace-'))
  await writeFile(at('corpus.jsonl'), '{"ids":[1,2,3],"author":"ada"}\n{"ids":[2,3]}\n')
  await writeFile(
    at('text.jsonl'),
    `${JSON.stringify({ text: 'To be, or not to be, that is the question.', author: 'William', year: 1603 })}\n`,
  )
  await writeFile(at('queries.json'), '{"tokens":"u16","shards":1,"queries":[{"id":"a","op":"count","input_ids":[2,3]}]}')
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** What a command prints. */
async function printed(...args: string[]): Promise<string> {
  let out = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk)
    return true
  })
  try {
    await main(args)
  } finally {
    write.mockRestore()
  }
  return out
}

test('build writes all files of every shard and prints nothing; query prints one JSON array', async () => {
  expect(await printed('build', '--in', at('corpus.jsonl'), '--out', at('two'), '--tokens', 'u16', '--ids', '--shards', '2')).toBe('')
  const kinds = ['metadata', 'metaoff', 'offset', 'table', 'tokenized', 'unigram']
  expect((await readdir(at('two'))).sort()).toEqual(kinds.flatMap((kind) => [`${kind}.0`, `${kind}.1`]))
  expect(await readFile(join(at('two'), 'metadata.1'), 'utf8')).toBe('{"path": "corpus.jsonl", "linenum": 1, "metadata": {}}\n')

  await printed('build', '--in', at('corpus.jsonl'), '--out', at('one'), '--tokens', 'u16', '--ids')
  expect(JSON.parse(await printed('query', '--index', at('one'), '--queries', at('queries.json')))).toEqual([
    { id: 'a', result: { count: 2, approx: false } },
  ])
})

test('run prints spans, documents and amounts that sum to the fee', async () => {
  await printed('build', '--in', at('text.jsonl'), '--out', at('bytes'), '--tokens', 'u8')
  await writeFile(at('answer.txt'), 'He said: not to be, that is the question.')
  const result = JSON.parse(await printed('run', '--index', at('bytes'), '--text', at('answer.txt'), '--tokens', 'u8', '--json'))
  expect(result.spans).toMatchObject([{ text: ' not to be, that is the question.', document: 0, position: 9, count: 1, author: 'William' }])
  expect(result.documents).toMatchObject([{ document: 0, author: 'William', year: 1603, amount: result.spans[0].amount }])
  expect(result.shares.reduce((sum: bigint, { amount }: { amount: string }) => sum + BigInt(amount), 0n)).toBe(BigInt(result.fee))

  await writeFile(at('prompt.txt'), 'Complete: not to be, that is the question.')
  const own = JSON.parse(
    await printed('run', '--index', at('bytes'), '--text', at('answer.txt'), '--tokens', 'u8', '--prompt', at('prompt.txt'), '--json'),
  )
  expect(own.spans).toEqual([])
})

test.each([
  ['usage', 'no command', []],
  ['usage', 'an option that is missing', ['query', '--index', 'x']],
  ['usage', 'an option nobody knows', ['query', '--index', 'x', '--queries', 'y', '--fast']],
  ['usage', 'an unknown width', ['build', '--in', 'corpus.jsonl', '--out', 'o', '--tokens', 'u64', '--ids']],
  ['corpus_invalid', 'a corpus that is not there', ['build', '--in', 'absent.jsonl', '--out', 'o', '--ids']],
  ['corpus_invalid', 'shards that are no number', ['build', '--in', 'corpus.jsonl', '--out', 'o', '--ids', '--shards', 'two']],
  ['index_invalid', 'a folder that is not there', ['query', '--index', 'absent', '--queries', 'queries.json']],
  ['index_invalid', 'a folder without an index', ['query', '--index', '.', '--queries', 'queries.json']],
  ['query_invalid', 'queries that are no JSON', ['query', '--index', 'one', '--queries', 'corpus.jsonl']],
  ['text_invalid', 'a text that is not there', ['run', '--index', 'bytes', '--text', 'absent.txt', '--tokens', 'u8', '--json']],
  [
    'model_unavailable',
    'a tokeniser that is not there',
    ['run', '--index', 'one', '--text', 'text.jsonl', '--tokenizer', 'absent.gguf', '--json'],
  ],
])('%s: %s', async (code, _, args) => {
  const paths = new Set([
    'absent.jsonl',
    'corpus.jsonl',
    'o',
    'absent',
    '.',
    'queries.json',
    'one',
    'bytes',
    'absent.txt',
    'text.jsonl',
    'absent.gguf',
  ])
  await expect(printed(...args.map((arg) => (paths.has(arg) ? at(arg) : arg)))).rejects.toMatchObject({ code })
})
