// Attribution over a set of datanets, put together: tokeniser, retrieval, spans, receipts, verification. The attribution
// worker serves it to the page; benches, the validator and tests open the same desk in Node. No fetching, no chain, no GPU.
// Invariants: everything it knows of a datanet was hashed here; a datanet that changed is a new view, never a changed one.
import { boundarySets } from '../attribution/boundaries.ts'
import { contributionRoot, type DocumentFacts } from '../attribution/contributions.ts'
import { type Continuation, draftTokens } from '../attribution/draft-tokens.ts'
import { LiveSpans } from '../attribution/live-spans.ts'
import {
  type AttributionParameters,
  boundaryDigest,
  defaultParameters,
  parametersHash,
  tokenizerDigest,
} from '../attribution/parameters.ts'
import { type Lineage, type ReceiptDomain, receiptId, typedDataDigest } from '../attribution/receipt.ts'
import { decodeContent } from '../attribution/receipt-codec.ts'
import { retrieve } from '../attribution/retrieval/retrieve.ts'
import type { SpanRules } from '../attribution/spans.ts'
import { draftReceipt, spanRules, traceAnswer } from '../attribution/tracer.ts'
import { normalise } from '../attribution/tracer-text.ts'
import type { Hex, Retrieval, Trace } from '../attribution/types.ts'
import type { ChainValues, OwnerReceipt, VerifyContext } from '../attribution/verify.ts'
import { toHex } from '../attribution/words.ts'
import type { ReceiptDraft, TraceRequest, Tracer } from '../chat/ports.ts'
import { findDuplicates } from '../datanet/duplicates.ts'
import { asOpenChatError } from '../errors.ts'
import type { GgufFile } from '../gpu/formats/gguf.ts'
import { createTokenizer, type Tokenizer } from '../gpu/model/tokenizer.ts'
import type { VerificationNeeds } from '../wallet/verification.ts'
import type { AdapterLineage, Appraisal } from './attribution-api.ts'
import { DatanetShelf } from './datanet-shelf.ts'
import { vocabularyMark } from './draft-source.ts'
import { offsetsOfTokens } from './text-of-tokens.ts'

export interface DeskSettings {
  model: { name: string; sha256: string }
  adapters: AdapterLineage[]
}

export class AttributionDesk {
  readonly shelf: DatanetShelf
  readonly tokenizer: Tokenizer
  readonly tokenizerDigest: Hex
  readonly parameters: AttributionParameters
  readonly #boundaries: Pick<SpanRules, 'delimiters' | 'wordStart'>
  readonly #settings: DeskSettings
  readonly #vocabulary: string
  #live: { key: string; spans: LiveSpans } | null = null

  /** @param gguf the backbone's file, whose header holds the tokeniser of every index. @throws gguf_invalid, tokenizer_unsupported */
  constructor(gguf: GgufFile, settings: DeskSettings) {
    this.#settings = settings
    this.tokenizer = createTokenizer(gguf)
    const tokens = gguf.metadata.get('tokenizer.ggml.tokens') as string[]
    this.#vocabulary = vocabularyMark((text) => this.tokenizer.encode(text))
    const sets = boundarySets(tokens.map((_, id) => this.tokenizer.decode([id])))
    this.#boundaries = sets
    this.tokenizerDigest = tokenizerDigest(tokens, gguf.metadata.get('tokenizer.ggml.merges') as string[])
    this.parameters = defaultParameters(this.tokenizerDigest, boundaryDigest(sets))
    this.shelf = new DatanetShelf(this.tokenizer, this.tokenizerDigest)
  }

  async retrieve(question: string, datanets: string[], signal: AbortSignal): Promise<Retrieval> {
    const { shelf } = this
    const sources = datanets
      .filter((id) => shelf.has(id))
      .map((id) => ({
        datanet: id,
        index: shelf.passages(id),
        locate: (document: number, from: number, to: number) => shelf.locate(id, document, from, to),
      }))
    return retrieve(question, sources, { signal })
  }

  /** Provisional marks of an unfinished answer. */
  live(answer: string, datanets: string[]): { from: number; to: number }[] {
    const views = this.shelf.views(datanets)
    const key = views.map(({ datanet, commitment }) => `${datanet}:${commitment}`).join()
    // A new answer shares no beginning with the last one; LiveSpans rolls back to what they share, so one object serves all.
    if (this.#live?.key !== key) {
      const indexes = views.map(({ index }) => index)
      this.#live = { key, spans: new LiveSpans(indexes, spanRules(this.parameters, this.#boundaries)) }
    }
    const { tokens, offsets } = this.#answerTokens(answer)
    return this.#live.spans.update(tokens).map(({ start, length }) => ({ from: offsets[start]!, to: offsets[start + length]! }))
  }

  /** How a text goes on in these datanets, by a vocabulary that is theirs; as the `DraftSource` of draft-source.ts. */
  continuation(vocabulary: string, tokens: readonly number[], datanets: readonly string[], most: number): Continuation {
    if (vocabulary !== this.#vocabulary) return { matched: 0, tokens: [] }
    const indexes = this.shelf.views(datanets).map(({ index }) => index)
    return draftTokens(indexes, tokens, most)
  }

  trace(request: TraceRequest): Trace {
    const { tokens, offsets } = this.#answerTokens(request.answer)
    return traceAnswer({
      answerTokens: tokens,
      answerOffsets: offsets,
      promptTokens: this.shelf.tokens(request.prompt),
      indexes: this.shelf.views(request.datanets),
      lineage: this.#lineage(request.adapters),
      retrieved: request.retrieved,
      parameters: this.parameters,
      boundaries: this.#boundaries,
    })
  }

  draft(request: Parameters<Tracer['draft']>[0], domain: ReceiptDomain): ReceiptDraft {
    return draftReceipt({
      trace: request.trace,
      answerTokens: this.#answerTokens(request.answer).tokens,
      promptTokens: this.shelf.tokens(request.prompt),
      domain,
      payer: request.payer,
      nonce: request.nonce,
      model: `0x${request.model}`,
      adapters: request.adapters.map((digest) => ({ digest: `0x${digest}`, scale: 1 << 16 })),
      lineage: this.#lineage(request.adapters),
      retrieved: request.retrieved,
      parametersHash: parametersHash(this.parameters),
      commons: this.parameters.commons,
      salt: toHex(crypto.getRandomValues(new Uint8Array(32))),
    })
  }

  /** Counts, hashes and compares published texts with every datanet here; nothing is kept. */
  appraise(documents: readonly { text: string; facts: DocumentFacts }[]): Appraisal {
    const { shelf } = this
    const read = documents.map(({ text, facts }) => ({ facts, tokens: shelf.tokens(text) }))
    const duplicates = read.flatMap(({ tokens }, of) =>
      findDuplicates(tokens, shelf.views(shelf.ids)).map(({ datanet, entry: { title, author }, share }) => ({
        of,
        datanet,
        title,
        author,
        share,
      })),
    )
    return { root: contributionRoot(read), tokens: read.reduce((sum, { tokens }) => sum + tokens.length, 0), duplicates }
  }

  /** What a verification will ask of chain and key, by name. A content that cannot be read needs nothing. */
  needs(receipt: OwnerReceipt, domain: ReceiptDomain): VerificationNeeds {
    const named = { receiptId: receiptId(receipt.header), digest: typedDataDigest(receipt.header, domain) }
    try {
      const { indexes, spans } = decodeContent(receipt.content)
      const accounts = spans.flatMap(({ index, document }) => {
        const id = String(indexes[index]?.datanet)
        return this.shelf.has(id) ? (this.shelf.datanet(id).documents[document]?.contributor ?? []) : []
      })
      const heads = indexes.map(({ datanet, contributions }) => ({ datanet, contributions }))
      return { ...named, heads, accounts: [...new Set([...accounts, this.parameters.commons])] }
    } catch (error) {
      // The step "encoding" says what is wrong with the content; nothing can be asked of the chain for it.
      if (asOpenChatError(error).code === 'receipt_invalid') return { ...named, heads: [], accounts: [] }
      throw error
    }
  }

  verifyContext(domain: ReceiptDomain, recover: VerifyContext['recover'], chain: ChainValues | null): VerifyContext {
    const { shelf } = this
    const { model } = this.#settings
    return {
      domain,
      parameters: this.parameters,
      boundaries: this.#boundaries,
      tokenise: (text) => shelf.tokens(text),
      recover,
      modelName: (digest) => (digest === `0x${model.sha256}` ? model.name : null),
      lineageOf: (adapter) => this.#lineageOf(adapter),
      async indexAt(id, contributions) {
        if (!shelf.has(id) || shelf.datanet(id).contributions.length < contributions) return null
        const datanet = shelf.datanet(id)
        return { ...datanet.view(contributions), chained: datanet.contributions.slice(0, contributions) }
      },
      chain,
    }
  }

  #lineageOf(adapter: string): readonly Lineage[] | null {
    return this.#settings.adapters.find(({ digest }) => digest === adapter || digest === `0x${adapter}`)?.lineage ?? null
  }

  #lineage(adapters: readonly string[]): Lineage[] {
    return adapters.flatMap((adapter) => this.#lineageOf(adapter) ?? [])
  }

  /** The answer as it is traced: NFC tokens, with their ranges in the text as it is shown. */
  #answerTokens(answer: string) {
    const { text, toOriginal } = normalise(answer)
    const tokens = this.shelf.tokens(text)
    return { tokens, offsets: Array.from(offsetsOfTokens(text, tokens, this.tokenizer), toOriginal) }
  }
}
