// The datanets of this machine: from ready-made files or grown by contributions, with their texts and their passages for
// retrieval, both made when first asked for. Not attribution itself, no fetching and no chain.
import type { Contribution } from '../attribution/contributions.ts'
import { nameHash } from '../attribution/contributions.ts'
import { PassageIndex } from '../attribution/retrieval/passage-index.ts'
import { tokenRange } from '../attribution/retrieval/retrieve.ts'
import type { SearchedIndex } from '../attribution/tracer.ts'
import { normalise } from '../attribution/tracer-text.ts'
import type { DocumentEntry } from '../attribution/types.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { Datanet } from '../datanet/datanet.ts'
import { OpenChatError } from '../errors.ts'
import type { Tokenizer } from '../gpu/model/tokenizer.ts'
import type { DatanetFacts, FetchedContribution } from './attribution-api.ts'
import { offsetsOfTokens, textOfTokens } from './text-of-tokens.ts'

/** What scripts/seed-build.ts writes, as far as it is read here. */
export interface ServedManifest {
  version: 1
  width: 2
  tokenizer: string
  head: string
  contributions: { author: string; account: `0x${string}`; root: `0x${string}`; documents: number; tokens: number; licence: string }[]
  files: Record<string, { bytes: number; sha256: string }>
}

export class DatanetShelf {
  readonly #datanets = new Map<string, Datanet>()
  readonly #texts = new Map<string, string>()
  readonly #passages = new Map<string, { contributions: number; index: PassageIndex }>()
  readonly #withdrawn = new Map<string, ReadonlySet<number>>()
  readonly #tokenizer: Tokenizer
  readonly #tokenizerDigest: string

  constructor(tokenizer: Tokenizer, tokenizerDigest: string) {
    this.#tokenizer = tokenizer
    this.#tokenizerDigest = tokenizerDigest
  }

  has(id: string): boolean {
    return this.#datanets.has(id)
  }

  /** @throws datanet_unknown */
  datanet(id: string): Datanet {
    const datanet = this.#datanets.get(id)
    if (datanet !== undefined) return datanet
    throw new OpenChatError('datanet_unknown', `Datanet ${id} is not on this machine.`, {
      meta: { datanet: id },
      action: 'Open it under Datanets first.',
    })
  }

  get ids(): string[] {
    return [...this.#datanets.keys()]
  }

  /** Views of the datanets named that are here; an unknown one is left out, since nothing of it can be matched. */
  views(ids: readonly string[]): SearchedIndex[] {
    return ids.filter((id) => this.has(id)).map((id) => this.datanet(id).view())
  }

  facts(id: string): DatanetFacts {
    const datanet = this.datanet(id)
    return {
      id,
      documents: datanet.documents.length,
      tokens: datanet.documents.reduce((sum, { tokens }) => sum + tokens, 0),
      contributions: datanet.contributions.length,
      commitment: datanet.head(),
    }
  }

  /** Takes a datanet from its ready-made files, once. @throws contribution_mismatch, index_invalid, tokenizer_mismatch */
  addFiles(id: string, manifest: ServedManifest, files: Record<string, Uint8Array>): void {
    if (manifest.tokenizer !== this.#tokenizerDigest) {
      throw new OpenChatError('tokenizer_mismatch', `Datanet ${id} was indexed with another tokeniser than the model's.`, {
        meta: { datanet: id, expected: this.#tokenizerDigest, got: manifest.tokenizer },
        action: 'Rebuild the datanet with this model.',
      })
    }
    if (this.has(id)) return
    const entries = JSON.parse(new TextDecoder().decode(files['documents.json'])) as DocumentEntry[]
    const orders = new Map(entries.map(({ contribution, order }) => [contribution, order]))
    const contributions = manifest.contributions.map(
      ({ account, root, documents, tokens, licence }, index): Contribution => ({
        datanet: BigInt(id),
        index,
        author: account,
        root,
        documents,
        tokens,
        licence: nameHash(licence),
        daCommitmentHash: ZERO_HASH,
        // 0 is no order that the chain gives: a contribution without a document is refused by its root.
        order: orders.get(index) ?? 0,
      }),
    )
    const datanet = new Datanet(id)
    datanet.addIndexed({ tokenized: files['tokenized.0']!, table: files['table.0']!, offset: files['offset.0']! }, contributions, entries)
    this.#datanets.set(id, datanet)
  }

  /** Appends contributions that are not here yet, in order. @throws contribution_mismatch */
  addContributions(id: string, fetched: readonly FetchedContribution[]): void {
    const datanet = this.#datanets.get(id) ?? new Datanet(id)
    for (const { contribution, documents } of fetched) {
      if (contribution.index < datanet.contributions.length) continue
      datanet.add(
        contribution,
        documents.map(({ text, facts }) => ({ tokens: this.tokens(text), facts })),
      )
    }
    this.#datanets.set(id, datanet)
  }

  /** Contributions whose texts no new answer retrieves. They stay in the index: heads, traces and receipts name them for ever. */
  setWithdrawn(id: string, contributions: readonly number[]): void {
    if (contributions.length === this.#withdrawn.get(id)?.size) return
    this.#withdrawn.set(id, new Set(contributions))
    this.#passages.delete(id)
  }

  /** Documents of a datanet that may be retrieved and found, in their order. @throws datanet_unknown */
  offered(id: string): readonly DocumentEntry[] {
    const withdrawn = this.#withdrawn.get(id)
    const { documents } = this.datanet(id)
    return withdrawn === undefined ? documents : documents.filter(({ contribution }) => !withdrawn.has(contribution))
  }

  /** Ids of a text as documents and answers are tokenised: NFC, no control tokens. */
  tokens(text: string): Uint16Array {
    return Uint16Array.from(this.#tokenizer.encode(normalise(text).text))
  }

  text(id: string, document: number): string {
    const key = `${id}:${document}`
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const text = this.freshText(id, document)
    this.#texts.set(key, text)
    return text
  }

  /** Made again each time, for those who read every text once. */
  freshText(id: string, document: number): string {
    return textOfTokens(this.datanet(id).tokensOf(document), this.#tokenizer)
  }

  /** Tokens that cover UTF-16 [from, to) of a document. */
  locate(id: string, document: number, from: number, to: number): { start: number; length: number } {
    const offsets = offsetsOfTokens(this.text(id, document), this.datanet(id).tokensOf(document), this.#tokenizer)
    return tokenRange(offsets, from, to)
  }

  passages(id: string): PassageIndex {
    const datanet = this.datanet(id)
    const known = this.#passages.get(id)
    if (known !== undefined && known.contributions === datanet.contributions.length) return known.index
    const index = new PassageIndex(
      this.offered(id).map((entry) => ({ document: entry.document, text: this.text(id, entry.document), entry })),
    )
    this.#passages.set(id, { contributions: datanet.contributions.length, index })
    return index
  }
}
