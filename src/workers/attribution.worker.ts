// The worker of attribution: tokeniser, datanets, retrieval, spans, receipts, verification. No page, no chain, no GPU.
// Invariants: everything it knows of a datanet was hashed here; a datanet that changed is a new view, never a changed one.
import { boundarySets } from '../attribution/boundaries.ts'
import { contributionRoot } from '../attribution/contributions.ts'
import { LiveSpans } from '../attribution/live-spans.ts'
import {
  type AttributionParameters,
  boundaryDigest,
  defaultParameters,
  parametersHash,
  tokenizerDigest,
} from '../attribution/parameters.ts'
import { type Lineage, receiptId, typedDataDigest } from '../attribution/receipt.ts'
import { decodeContent } from '../attribution/receipt-codec.ts'
import { parseReceiptFile, writeReceiptFile } from '../attribution/receipt-file.ts'
import { retrieve } from '../attribution/retrieval/retrieve.ts'
import type { SpanRules } from '../attribution/spans.ts'
import { draftReceipt, spanRules, traceAnswer } from '../attribution/tracer.ts'
import { normalise } from '../attribution/tracer-text.ts'
import type { Hex } from '../attribution/types.ts'
import { type Proven, type VerifyContext, verifyReceipt } from '../attribution/verify.ts'
import { toHex } from '../attribution/words.ts'
import type { TraceRequest } from '../chat/ports.ts'
import { cleanText } from '../datanet/clean.ts'
import { findDuplicates } from '../datanet/duplicates.ts'
import { asOpenChatError, fromWire, OpenChatError } from '../errors.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { createTokenizer, type Tokenizer } from '../gpu/model/tokenizer.ts'
import { openBlobs } from '../storage/open.ts'
import type { Outcome } from '../wallet/verification.ts'
import type { AttributionSettings, AttributionWorker, VerifyRequest } from './attribution-api.ts'
import { DatanetShelf } from './datanet-shelf.ts'
import { expose } from './rpc.ts'
import { blobSource, rangeSource } from './sources.ts'
import { offsetsOfTokens, textOfTokens } from './text-of-tokens.ts'

interface Desk {
  settings: AttributionSettings
  tokenizer: Tokenizer
  tokenizerDigest: Hex
  parameters: AttributionParameters
  boundaries: Pick<SpanRules, 'delimiters' | 'wordStart'>
  shelf: DatanetShelf
}

const blobs = openBlobs()
let desk: Desk | null = null
let live: { key: string; spans: LiveSpans } | null = null

function opened(): Desk {
  if (desk !== null) return desk
  throw new OpenChatError('engine_not_ready', 'The tokeniser is not loaded yet.', { action: 'Wait a moment and try again.' })
}

async function open(settings: AttributionSettings): Promise<{ parametersHash: Hex; fee: bigint; commons: Hex }> {
  const { model } = settings
  const kept = await (await blobs).get(model.sha256)
  const gguf = await readGguf(kept === null ? rangeSource(model.urls[0]!, model.bytes) : blobSource(kept))
  const tokenizer = createTokenizer(gguf)
  const tokens = gguf.metadata.get('tokenizer.ggml.tokens') as string[]
  const merges = gguf.metadata.get('tokenizer.ggml.merges') as string[]
  const sets = boundarySets(tokens.map((_, id) => tokenizer.decode([id])))
  const digest = tokenizerDigest(tokens, merges)
  const parameters = defaultParameters(digest, boundaryDigest(sets))
  desk = {
    settings,
    tokenizer,
    tokenizerDigest: digest,
    parameters,
    boundaries: sets,
    shelf: desk?.tokenizerDigest === digest ? desk.shelf : new DatanetShelf(tokenizer),
  }
  return { parametersHash: parametersHash(parameters), fee: parameters.fee, commons: parameters.commons }
}

const lineageOf = (adapter: string): readonly Lineage[] | null =>
  opened().settings.adapters.find(({ digest }) => digest === adapter || digest === `0x${adapter}`)?.lineage ?? null

const lineageOfAll = (adapters: readonly string[]): Lineage[] => adapters.flatMap((adapter) => lineageOf(adapter) ?? [])

/** The answer as it is traced: NFC tokens, with their ranges in the text as it is shown. */
function answerTokens(answer: string) {
  const { shelf, tokenizer } = opened()
  const { text, toOriginal } = normalise(answer)
  const tokens = shelf.tokens(text)
  return { tokens, offsets: Array.from(offsetsOfTokens(text, tokens, tokenizer), toOriginal) }
}

function trace(request: TraceRequest) {
  const { parameters, boundaries, shelf } = opened()
  const { tokens, offsets } = answerTokens(request.answer)
  return traceAnswer({
    answerTokens: tokens,
    answerOffsets: offsets,
    promptTokens: shelf.tokens(request.prompt),
    indexes: shelf.views(request.datanets),
    lineage: lineageOfAll(request.adapters),
    retrieved: request.retrieved,
    parameters,
    boundaries,
  })
}

const settled = <T>(outcome: Outcome<T> | undefined): Promise<Proven<T>> => {
  if (outcome !== undefined && 'proven' in outcome) return Promise.resolve(outcome.proven)
  return Promise.reject(
    outcome === undefined ? new OpenChatError('rpc_unreachable', 'This value was not asked of the chain.') : fromWire(outcome.error),
  )
}

function verifyContext({ domain, signer, chain }: VerifyRequest): VerifyContext {
  const { parameters, boundaries, shelf, settings } = opened()
  return {
    domain,
    parameters,
    boundaries,
    tokenise: (text) => shelf.tokens(text),
    recover: async () => {
      if ('address' in signer) return signer.address
      throw fromWire(signer.error)
    },
    modelName: (digest) => (digest === `0x${settings.model.sha256}` ? settings.model.name : null),
    lineageOf,
    async indexAt(id, contributions) {
      if (!shelf.has(id) || shelf.datanet(id).contributions.length < contributions) return null
      const datanet = shelf.datanet(id)
      return { ...datanet.view(contributions), chained: datanet.contributions.slice(0, contributions) }
    },
    chain: chain && {
      parametersHash: () => settled(chain.parametersHash),
      headAt: (datanet, contributions) => settled(chain.heads[`${datanet}:${contributions}`]),
      batchOf: () => settled(chain.batch),
      lineOf: async (_, account) => chain.lines[account.toLowerCase()] ?? null,
    },
  }
}

const worker: AttributionWorker = {
  open,

  async addServed(served, progress, signal) {
    const { shelf, tokenizerDigest: digest } = opened()
    return shelf.addServed(served, digest, await blobs, progress, signal)
  },

  async addContributions(datanet, contributions) {
    const { shelf } = opened()
    shelf.addContributions(datanet, contributions)
    return shelf.facts(datanet)
  },

  async datanets() {
    const { shelf } = opened()
    return shelf.ids.map((id) => shelf.facts(id))
  },

  async documents(datanet) {
    return [...opened().shelf.datanet(datanet).documents]
  },

  async search(datanet, words, limit, signal) {
    const { shelf } = opened()
    const wanted = words.trim().toLowerCase()
    if (wanted === '') return []
    const hits = []
    for (const entry of shelf.datanet(datanet).documents) {
      signal.throwIfAborted()
      if (hits.length === limit) break
      const text = shelf.text(datanet, entry.document)
      const at = text.toLowerCase().indexOf(wanted)
      if (at < 0) continue
      const from = Math.max(0, text.lastIndexOf(' ', Math.max(0, at - 80)) + 1)
      const to = Math.min(text.length, at + wanted.length + 120)
      hits.push({ document: entry.document, entry, snippet: text.slice(from, to), from: at - from, to: at - from + wanted.length })
    }
    return hits
  },

  async context(id, document, position, length, around) {
    const { shelf, tokenizer } = opened()
    const datanet = shelf.datanet(id)
    const tokens = datanet.tokensOf(document)
    const entry = datanet.documents[document]
    if (entry === undefined) throw new OpenChatError('query_invalid', `Datanet ${id} has no document ${document}.`, { meta: { document } })
    const text = (from: number, to: number) => textOfTokens(tokens.subarray(Math.max(0, from), Math.max(0, to)), tokenizer)
    return {
      entry,
      before: text(position - around, position),
      text: text(position, position + length),
      after: text(position + length, position + length + around),
      commitment: datanet.head(),
    }
  },

  async prepare(raw, facts) {
    const { shelf } = opened()
    const { text, changes } = cleanText(raw)
    const tokens = shelf.tokens(text)
    const duplicates = findDuplicates(tokens, shelf.views(shelf.ids))
    return {
      text,
      changes,
      tokens,
      root: contributionRoot([{ tokens, facts }]),
      duplicates: duplicates.map(({ datanet, entry, share }) => ({
        datanet,
        document: entry.document,
        title: entry.title,
        author: entry.author,
        share,
      })),
    }
  },

  async retrieve(question, datanets, signal) {
    signal.throwIfAborted()
    const { shelf } = opened()
    return retrieve(
      question,
      datanets
        .filter((id) => shelf.has(id))
        .map((id) => ({
          datanet: id,
          index: shelf.passages(id),
          locate: (document: number, from: number, to: number) => shelf.locate(id, document, from, to),
        })),
      { signal },
    )
  },

  async live(answer, datanets) {
    const { shelf, parameters, boundaries } = opened()
    const views = shelf.views(datanets)
    const key = views.map(({ datanet, commitment }) => `${datanet}:${commitment}`).join()
    // A new answer shares no beginning with the last one; LiveSpans rolls back to what they share, so one object serves all.
    if (live?.key !== key)
      live = {
        key,
        spans: new LiveSpans(
          views.map(({ index }) => index),
          spanRules(parameters, boundaries),
        ),
      }
    const { tokens, offsets } = answerTokens(answer)
    return live.spans.update(tokens).map(({ start, length }) => ({ from: offsets[start]!, to: offsets[start + length]! }))
  },

  async trace(request) {
    return trace(request)
  },

  async draft(request, domain) {
    const { shelf, parameters } = opened()
    return draftReceipt({
      trace: request.trace,
      answerTokens: answerTokens(request.answer).tokens,
      promptTokens: shelf.tokens(request.prompt),
      domain,
      payer: request.payer,
      nonce: request.nonce,
      model: `0x${request.model}`,
      adapters: request.adapters.map((digest) => ({ digest: `0x${digest}`, scale: 1 << 16 })),
      lineage: lineageOfAll(request.adapters),
      retrieved: request.retrieved,
      parametersHash: parametersHash(parameters),
      commons: parameters.commons,
      salt: toHex(crypto.getRandomValues(new Uint8Array(32))),
    })
  },

  parse: async (file) => parseReceiptFile(file),

  write: async (receipt) => writeReceiptFile(receipt),

  async needs(receipt, domain) {
    const named = { receiptId: receiptId(receipt.header), digest: typedDataDigest(receipt.header, domain) }
    try {
      const { shelf, parameters } = opened()
      const { indexes, spans } = decodeContent(receipt.content)
      const accounts = spans.flatMap(({ index, document }) => {
        const id = String(indexes[index]?.datanet)
        return shelf.has(id) ? (shelf.datanet(id).documents[document]?.contributor ?? []) : []
      })
      const heads = indexes.map(({ datanet, contributions }) => ({ datanet, contributions }))
      return { ...named, heads, accounts: [...new Set([...accounts, parameters.commons])] }
    } catch (error) {
      // The step "encoding" says what is wrong with the content; nothing can be asked of the chain for it.
      if (asOpenChatError(error).code === 'receipt_invalid') return { ...named, heads: [], accounts: [] }
      throw error
    }
  },

  async *verify(request, signal) {
    yield* verifyReceipt(request.receipt, verifyContext(request), signal)
  },
}

expose(worker)
