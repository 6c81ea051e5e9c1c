// `npm run -s trace -- query|build|run …`: the index and the tracer without a page.
// Not the tracer itself (src/attribution); this file reads options and files and prints JSON, nothing else, on stdout.
// Source: the shapes of query and build are those of the infini-gram conformance vectors (test/vectors/infini-gram).
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildCorpus } from '../src/attribution/index/corpus.ts'
import { openIndex } from '../src/attribution/index/index.ts'
import { answerQuery } from '../src/attribution/index/queries.ts'
import { separatorOf, type TokenWidth } from '../src/attribution/index/token-order.ts'
import { OpenChatError } from '../src/errors.ts'
import { indexKinds, readBytes, readIndexFolder, readJson } from './trace-files.ts'
import { runTrace } from './trace-run.ts'
import { tokeniserOf } from './trace-tokeniser.ts'

const usage = `trace query --index DIR --queries FILE
trace build --in corpus.jsonl --out DIR [--tokens u8|u16|u32] [--shards N] [--ids | --tokenizer MODEL.gguf]
trace run --index DIR --text FILE [--prompt FILE] [--tokens u8|u16|u32] [--tokenizer MODEL.gguf] --json`

const widths = new Map<unknown, TokenWidth>([
  ['u8', 1],
  ['u16', 2],
  ['u32', 4],
])

export async function main(args: string[]): Promise<void> {
  const [command, ...rest] = args
  if (command === 'query') return query(rest)
  if (command === 'build') return build(rest)
  if (command === 'run') return run(rest)
  throw usageError(`There is no trace command "${command ?? ''}".`)
}

async function query(args: string[]): Promise<void> {
  const { values } = readOptions(args, ['index', 'queries'])
  const spec = await readJson(values.queries, 'query_invalid')
  const width = widths.get(spec.tokens)
  if (width === undefined)
    throw new OpenChatError('query_invalid', `"tokens" is ${JSON.stringify(spec.tokens)}; it must be u8, u16 or u32.`)
  if (!Array.isArray(spec.queries)) throw new OpenChatError('query_invalid', 'The file has no list "queries".')
  const index = openIndex(await readIndexFolder(values.index), width)
  if (spec.shards !== undefined && spec.shards !== index.shards.length)
    throw new OpenChatError(
      'index_invalid',
      `The folder holds ${index.shards.length} shards, and the queries expect ${String(spec.shards)}.`,
    )
  const settings = {
    endOfText: typeof spec.eos_token_id === 'number' ? spec.eos_token_id : separatorOf(width),
    wordStarts: new Set<number>(Array.isArray(spec.bow_ids) ? spec.bow_ids : []),
  }
  const answers = spec.queries.map((entry: { id?: unknown }) => ({ id: entry?.id, result: answerQuery(index, entry, settings) }))
  process.stdout.write(`${JSON.stringify(answers)}\n`)
}

async function build(args: string[]): Promise<void> {
  const { values, flags } = readOptions(args, ['in', 'out'], ['tokens', 'shards', 'tokenizer'], ['ids'])
  const width = widths.get(values.tokens ?? 'u16')
  if (width === undefined) throw usageError(`--tokens ${values.tokens} is not u8, u16 or u32.`)
  const shards = Number(values.shards ?? 1)
  const tokenise = flags.has('ids') ? null : (await tokeniserOf(values.tokenizer, width)).encode
  const path = basename(values.in)
  const files = buildCorpus(await readBytes(values.in, 'corpus_invalid'), { width, shards, path, tokenise })
  await mkdir(values.out, { recursive: true })
  await Promise.all(files.flatMap((shard, s) => indexKinds.map((kind) => writeFile(join(values.out, `${kind}.${s}`), shard[kind]))))
}

async function run(args: string[]): Promise<void> {
  const { tokens, ...values } = readOptions(args, ['index', 'text'], ['tokens', 'prompt', 'tokenizer'], ['json']).values
  if (tokens !== undefined && !widths.has(tokens)) throw usageError(`--tokens ${tokens} is not u8, u16 or u32.`)
  process.stdout.write(`${JSON.stringify(await runTrace({ ...values, width: widths.get(tokens) }), null, 1)}\n`)
}

/** Options as the person wrote them. @throws usage for an unknown, missing or empty one */
function readOptions<Needed extends string, Optional extends string = never>(
  args: string[],
  needed: Needed[],
  optional: Optional[] = [],
  switches: string[] = [],
): { values: Record<Needed, string> & Partial<Record<Optional, string>>; flags: ReadonlySet<string> } {
  const texts = [...needed, ...optional].map((name) => [name, { type: 'string' as const }] as const)
  const options = Object.fromEntries([...texts, ...switches.map((name) => [name, { type: 'boolean' as const }] as const)])
  const { values } = parse(args, options)
  const missing = needed.filter((name) => !values[name])
  if (missing.length > 0) throw usageError(`The option --${missing.join(', --')} is missing.`)
  return {
    values: values as Record<Needed, string> & Partial<Record<Optional, string>>,
    flags: new Set(switches.filter((name) => values[name] === true)),
  }
}

function parse(args: string[], options: Record<string, { type: 'string' | 'boolean' }>): { values: Record<string, unknown> } {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false })
  } catch (cause) {
    throw usageError(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function usageError(sentence: string, cause?: unknown): OpenChatError {
  return new OpenChatError('usage', `${sentence} Usage: ${usage.replaceAll('\n', ' | ')}`, { cause })
}
