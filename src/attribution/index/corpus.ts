// A corpus as JSON lines → the files of one or more shards. Line i goes to shard i mod N; every field but the text's own
// becomes metadata. Not a tokeniser: ids are given, or a function from text to ids is.
// Invariant: same lines, same bytes. Source: infini-gram's indexing, version 4.
import { OpenChatError } from '../../errors.ts'
import { buildFiles, encodeU64 } from './build.ts'
import { dumpJson, type Json, JsonNumber, parseJson } from './json-text.ts'
import type { IndexFiles } from './shard.ts'
import type { TokenWidth } from './token-order.ts'

export interface CorpusSettings {
  width: TokenWidth
  shards: number
  /** File name without folders, written into every metadata line. */
  path: string
  /** Text of the field "text" to ids; null when lines carry "ids". */
  tokenise: ((text: string) => ArrayLike<number>) | null
}

interface CorpusLine {
  ids: ArrayLike<number>
  metadata: string
}

/**
 * All six files of every shard. @throws corpus_invalid with the 1-based line
 * Example: buildCorpus(bytes of '{"ids":[1,2]}\n', { width: 2, shards: 1, path: 'corpus.jsonl', tokenise: null })
 */
export function buildCorpus(jsonl: Uint8Array, settings: CorpusSettings): Required<IndexFiles>[] {
  const lines = [...splitLines(jsonl)].map((bytes, number) => readLine(bytes, number, settings))
  if (!Number.isInteger(settings.shards) || settings.shards < 1 || settings.shards > lines.length)
    throw new OpenChatError('corpus_invalid', `${lines.length} documents cannot fill ${settings.shards} shards.`, {
      meta: { documents: lines.length, shards: settings.shards },
      action: 'Give at least one document a shard.',
    })
  return Array.from({ length: settings.shards }, (_, s) => {
    const own = lines.filter((_, number) => number % settings.shards === s)
    const files = buildFiles(
      own.map(({ ids }) => ids),
      settings.width,
    )
    const encoded = own.map(({ metadata }) => new TextEncoder().encode(metadata))
    return { ...files, metadata: concatenate(encoded), metaoff: encodeU64(startsOf(encoded)) }
  })
}

function* splitLines(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start)
    const end = newline < 0 ? bytes.length : newline
    yield bytes.subarray(start, end)
    start = end + 1
  }
}

function readLine(bytes: Uint8Array, number: number, settings: CorpusSettings): CorpusLine {
  try {
    const line = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (!(line instanceof Map)) throw new OpenChatError('corpus_invalid', 'It is not a JSON object.')
    const field = settings.tokenise === null ? 'ids' : 'text'
    const content = line.get(field)
    line.delete(field)
    const ids = settings.tokenise === null ? readIds(content) : settings.tokenise(readText(content))
    const metadata = new Map<string, Json>([
      ['path', settings.path],
      ['linenum', new JsonNumber(String(number))],
      ['metadata', line],
    ])
    return { ids, metadata: `${dumpJson(metadata)}\n` }
  } catch (cause) {
    if (cause instanceof OpenChatError && cause.code !== 'corpus_invalid') throw cause
    const reason = cause instanceof OpenChatError ? cause.shortMessage : 'It is not UTF-8 text.'
    throw new OpenChatError('corpus_invalid', `Line ${number + 1} of the corpus cannot be read: ${reason}`, {
      meta: { line: number + 1 },
      action: 'Correct that line.',
      cause,
    })
  }
}

function readIds(content: Json | undefined): Float64Array {
  if (!Array.isArray(content)) throw new OpenChatError('corpus_invalid', 'It has no list "ids".')
  return Float64Array.from(content, (item, i) => {
    if (!(item instanceof JsonNumber) || !/^-?[0-9]+$/.test(item.text))
      throw new OpenChatError('corpus_invalid', `Entry ${i} of "ids" is not a whole number.`)
    return Number(item.text)
  })
}

function readText(content: Json | undefined): string {
  if (typeof content !== 'string') throw new OpenChatError('corpus_invalid', 'It has no string "text".')
  return content
}

function startsOf(parts: readonly Uint8Array[]): number[] {
  let at = 0
  return parts.map((part) => {
    const start = at
    at += part.length
    return start
  })
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  for (const [i, start] of startsOf(parts).entries()) out.set(parts[i], start)
  return out
}
