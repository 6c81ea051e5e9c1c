// `trace run`: one text against one index folder; prints its spans, their documents and the amounts.
// Not a receipt: nothing is signed. Every document counts as eligible, because a bare text names no adapter and no
// retrieved passage to decide by. A folder that set-up made has documents.json; one made by `trace build` does not, and its
// documents are then named from their metadata (author, title, year, licence), with an account derived from the author.
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Index, openIndex } from '../src/attribution/index/index.ts'
import type { TokenWidth } from '../src/attribution/index/token-order.ts'
import { boundaryDigest, defaultParameters } from '../src/attribution/parameters.ts'
import { traceAnswer } from '../src/attribution/tracer.ts'
import { normalise, tokenOffsets } from '../src/attribution/tracer-text.ts'
import type { DocumentEntry, Trace } from '../src/attribution/types.ts'
import { keccak, toHex, utf8, ZERO_HASH } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import { readBytes, readIndexFolder, readJson, readJsonList } from './trace-files.ts'
import { type Tokeniser, tokeniserOf } from './trace-tokeniser.ts'

export interface RunOptions {
  index: string
  text: string
  /** Words that are never paid. */
  prompt?: string | undefined
  /** Path of a GGUF file; without it the default backbone's. */
  tokenizer?: string | undefined
  width?: TokenWidth | undefined
}

/** The trace of a text file as plain JSON, amounts in wei as decimal strings. @throws index_invalid, tokenizer_mismatch, text_invalid */
export async function runTrace(options: RunOptions): Promise<object> {
  const manifest = existsSync(join(options.index, 'manifest.json'))
    ? await readJson(join(options.index, 'manifest.json'), 'index_invalid')
    : {}
  const width = options.width ?? (manifest.width === 1 || manifest.width === 4 ? manifest.width : 2)
  const index = openIndex(await readIndexFolder(options.index), width)
  const documents = await entriesOf(options.index, index)
  const tokeniser = await tokeniserOf(options.tokenizer, width)
  if (typeof manifest.tokenizer === 'string' && manifest.tokenizer !== tokeniser.digest)
    throw new OpenChatError('tokenizer_mismatch', 'The index was made with another tokeniser than the one given.', {
      meta: { expected: manifest.tokenizer, got: tokeniser.digest },
      action: 'Name the model file it was made with by --tokenizer.',
    })
  const text = await readText(options.text)
  const trace = traceText(text, options.prompt === undefined ? '' : await readText(options.prompt), index, documents, tokeniser)
  return report(trace, text)
}

function traceText(text: string, prompt: string, index: Index, documents: DocumentEntry[], tokeniser: Tokeniser): Trace {
  const normal = normalise(text)
  const answerTokens = tokeniser.encode(normal.text)
  const offsets = tokenOffsets(
    normal.text,
    answerTokens.map((token) => tokeniser.bytesOf(token)),
  )
  const boundaries = tokeniser.boundaries()
  const contributions = documents.reduce((most, { contribution }) => Math.max(most, contribution + 1), 0)
  return traceAnswer({
    answerTokens,
    answerOffsets: Array.from(offsets, normal.toOriginal),
    promptTokens: tokeniser.encode(prompt),
    indexes: [{ datanet: '1', commitment: ZERO_HASH, contributions, index, documents }],
    lineage: [{ adapter: ZERO_HASH, datanet: 1n, contributions }],
    retrieved: [],
    parameters: defaultParameters(tokeniser.digest, boundaryDigest(boundaries)),
    boundaries,
  })
}

function report(trace: Trace, text: string): object {
  const documentOf = (index: number, document: number) => trace.documents[`${index}:${document}`]
  const paidTo = (entry: DocumentEntry) =>
    trace.spans.filter(({ document }) => document === entry.document).reduce((sum, { amount }) => sum + amount, 0n)
  return {
    fee: String(trace.fee),
    totalSurprisalQ16: String(trace.totalSurprisal),
    answerTokens: trace.answerTokens,
    paidTokens: trace.paidTokens,
    spans: trace.spans.map(({ index, surprisal, amount, ...span }) => ({
      text: text.slice(span.from, span.to),
      ...span,
      author: documentOf(index, span.document).author,
      title: documentOf(index, span.document).title,
      surprisalQ16: String(surprisal),
      amount: String(amount),
    })),
    unpaid: trace.unpaid.map(({ index: _, ...span }) => ({ text: text.slice(span.from, span.to), ...span })),
    documents: Object.values(trace.documents).map((entry) => ({ ...entry, amount: String(paidTo(entry)) })),
    shares: trace.shares.map(({ account, amount }) => ({ account, amount: String(amount) })),
  }
}

async function entriesOf(folder: string, index: Index): Promise<DocumentEntry[]> {
  const path = join(folder, 'documents.json')
  if (!existsSync(path)) return Array.from({ length: index.documents }, (_, document) => entryFromMetadata(index, document))
  const entries = await readJsonList(path, 'index_invalid')
  if (entries.length !== index.documents || !entries.every(isEntry))
    throw new OpenChatError('index_invalid', `documents.json does not describe the ${index.documents} documents of the index, in order.`)
  return entries
}

function isEntry(value: unknown, document: number): value is DocumentEntry {
  const entry = value as Partial<DocumentEntry> | null
  return (
    entry?.document === document &&
    Number.isSafeInteger(entry.contribution) &&
    Number.isSafeInteger(entry.order) &&
    typeof entry.author === 'string' &&
    typeof entry.title === 'string' &&
    /^0x[0-9a-f]{40}$/i.test(String(entry.contributor))
  )
}

function entryFromMetadata(index: Index, document: number): DocumentEntry {
  const line = index.metadataOf(document)
  const parsed: { metadata?: unknown } | null = line === '' ? null : JSON.parse(line)
  const fields = new Map(Object.entries(parsed?.metadata ?? {}))
  const text = (name: string) => (typeof fields.get(name) === 'string' ? String(fields.get(name)) : '')
  const author = text('author') || `Document ${document}`
  const year = fields.get('year')
  return {
    document,
    contribution: document,
    contributor: toHex(keccak(utf8(author)).slice(12)),
    author,
    title: text('title'),
    year: typeof year === 'number' ? year : null,
    licence: text('licence'),
    order: document + 1,
    tokens: index.documentTokens(document),
  }
}

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path, 'text_invalid')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new OpenChatError('text_invalid', `"${basename(path)}" is not UTF-8 text.`, { action: 'Save it as UTF-8.', cause })
  }
}
