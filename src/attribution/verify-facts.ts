// What the steps of a verification share: the decoded content, the tokens of prompt and answer, the indexes named. Each is worked
// out once, when a step first asks. Not a judgement: a fact that cannot be had is a typed error, and the step is `unknown`.
// Invariant: nothing here corrects a stated field.
import { OpenChatError } from '../errors.ts'
import type { Eligible, EntryOf, Place } from './credit.ts'
import type { IndexQuery } from './index/index.ts'
import type { Lineage, ReceiptContent, ReceiptSpan } from './receipt.ts'
import { decodeContent } from './receipt-codec.ts'
import { aggregateShares } from './receipt-shares.ts'
import type { SpanRules } from './spans.ts'
import { mergeUnigrams, type UnigramCounts, unigramTable } from './surprisal.ts'
import { eligibility, spanRules } from './tracer.ts'
import type { DocumentEntry, Share } from './types.ts'
import type { OwnerReceipt, VerifiableIndex, VerifyContext } from './verify.ts'

export interface NamedIndex extends VerifiableIndex {
  datanet: string
}

export class Facts {
  readonly receipt: OwnerReceipt
  readonly context: VerifyContext
  readonly #known = new Map<string, unknown>()

  constructor(receipt: OwnerReceipt, context: VerifyContext) {
    this.receipt = receipt
    this.context = context
  }

  get content(): ReceiptContent {
    return this.#once('content', () => decodeContent(this.receipt.content))
  }

  get rules(): SpanRules {
    return spanRules(this.context.parameters, this.context.boundaries)
  }

  /** Owner's facts; steps of level `owner` run only where they are there. */
  get owner(): { answer: string; prompt: string; salt: `0x${string}` } {
    if (this.receipt.owner === undefined) throw new OpenChatError('receipt_private', 'The prompt and the answer stay with their owner.')
    return this.receipt.owner
  }

  answer(): Promise<number[]> {
    return this.#once('answer', async () => Array.from(await this.context.tokenise(this.owner.answer)))
  }

  prompt(): Promise<number[]> {
    return this.#once('prompt', async () => Array.from(await this.context.tokenise(this.owner.prompt)))
  }

  /** The indexes that the content names, in its order. @throws index_unavailable */
  indexes(): Promise<NamedIndex[]> {
    return this.#once('indexes', () =>
      Promise.all(
        this.content.indexes.map(async ({ datanet, contributions }) => {
          const found = await this.context.indexAt(String(datanet), contributions)
          if (found !== null) return { ...found, datanet: String(datanet) }
          throw new OpenChatError('index_unavailable', `Datanet ${datanet} with ${contributions} contributions is not on this machine.`, {
            action: 'Open the datanet once, then verify again.',
          })
        }),
      ),
    )
  }

  async unigrams(): Promise<UnigramCounts> {
    const indexes = await this.indexes()
    return this.#once('unigrams', () => mergeUnigrams(indexes.map(({ index }) => unigramTable(index))))
  }

  async entryOf(): Promise<EntryOf> {
    const indexes = await this.indexes()
    return (index, document): DocumentEntry => {
      const entry = indexes[index].documents[document]
      if (entry === undefined) throw new OpenChatError('receipt_invalid', `Index ${index} has no document ${document}.`)
      return entry
    }
  }

  /** Lineage of the adapters used, in their order. @throws lineage_unknown */
  lineage(): Lineage[] {
    return this.content.adapters.flatMap(({ digest }) => {
      const lineage = this.context.lineageOf(digest)
      if (lineage === null) throw new OpenChatError('lineage_unknown', `No lineage is registered for adapter ${digest}.`)
      return [...lineage]
    })
  }

  async eligible(): Promise<Eligible> {
    const indexes = await this.indexes()
    const retrieved = this.content.retrieved.map(({ index, document }) => ({ datanet: indexes[index].datanet, document }))
    const eligible = eligibility(indexes, this.lineage(), retrieved)
    const entryOf = await this.entryOf()
    // The entry is asked for first: a document that does not exist is another step's finding.
    return (index, document) => entryOf(index, document) !== undefined && eligible(index, document)
  }

  /** Tokens of a paid span: the answer's where the owner gives it, else those at the stated place. */
  async spanTokens(span: ReceiptSpan): Promise<ArrayLike<number>> {
    if (this.receipt.owner !== undefined) return (await this.answer()).slice(span.start, span.start + span.length)
    const entryOf = await this.entryOf()
    entryOf(span.index, span.document)
    return (await this.indexes())[span.index].index.tokensOf(span.document, span.position, span.length)
  }

  /** Every occurrence of some tokens over all indexes, none when there are more than `limit`; and their number. */
  async occurrences(tokens: ArrayLike<number>, limit: number): Promise<{ count: number; places: Place[] }> {
    const queries: IndexQuery[] = (await this.indexes()).map(({ index }) => index.query(tokens))
    const count = queries.reduce((sum, query) => sum + query.count(0, tokens.length), 0)
    if (count > limit) return { count, places: [] }
    return { count, places: queries.flatMap((query, index) => query.occurrences(0, tokens.length).map((place) => ({ index, ...place }))) }
  }

  /** Who the stated amounts go to. */
  async shares(): Promise<Share[]> {
    const entryOf = await this.entryOf()
    const { spans, commons } = this.content
    return aggregateShares([
      ...spans.map(({ index, document, amount }) => ({ account: entryOf(index, document).contributor, amount })),
      { account: this.context.parameters.commons, amount: commons },
    ])
  }

  #once<T>(name: string, work: () => T): T {
    if (!this.#known.has(name)) this.#known.set(name, work())
    return this.#known.get(name) as T
  }
}
