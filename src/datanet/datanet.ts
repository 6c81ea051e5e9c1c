// One datanet as this machine holds it: its contributions in chain order, their documents' tokens, and the index over the
// first n of them for any n. Not where they come from (files, chain and DA are the caller's), not its registration.
// Invariants: a contribution is taken only if its documents hash to its root; `head(n)` is the fold of the first n; a view of
// n contributions depends on those alone, so that a receipt can be checked long after the datanet grew.
import { type Contribution, contributionHash, contributionRoot, type DocumentFacts, nextHead } from '../attribution/contributions.ts'
import { buildIndex } from '../attribution/index/build.ts'
import { Index, openIndex } from '../attribution/index/index.ts'
import type { IndexFiles } from '../attribution/index/shard.ts'
import type { SearchedIndex } from '../attribution/tracer.ts'
import type { DocumentEntry, Hex } from '../attribution/types.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'

export interface NewDocument {
  tokens: Uint16Array
  facts: DocumentFacts
}

export class Datanet {
  readonly id: string
  readonly #heads: Hex[] = [ZERO_HASH]
  readonly #contributions: Contribution[] = []
  readonly #entries: DocumentEntry[] = []
  readonly #tokens: Uint16Array[] = []
  /** The shard that came ready-made, and how many contributions it covers. */
  #base: { index: Index; contributions: number } | null = null
  readonly #views = new Map<number, SearchedIndex>()

  constructor(id: string) {
    this.id = id
  }

  get contributions(): readonly Contribution[] {
    return this.#contributions
  }

  get documents(): readonly DocumentEntry[] {
    return this.#entries
  }

  /** head_n. @throws datanet_unknown_head when fewer than n contributions are here */
  head(n = this.#contributions.length): Hex {
    const head = this.#heads[n]
    if (head === undefined) {
      throw new OpenChatError(
        'datanet_unknown_head',
        `Datanet ${this.id} is known up to contribution ${this.#contributions.length}, not ${n}.`,
        {
          meta: { datanet: this.id, known: this.#contributions.length, asked: n },
          action: 'Refresh the datanet and try again.',
        },
      )
    }
    return head
  }

  tokensOf(document: number): Uint16Array {
    return this.#tokens[document] ?? new Uint16Array(0)
  }

  /**
   * Takes a ready-made index with its first contributions. Every document is hashed again.
   * @throws contribution_mismatch, index_invalid
   */
  addIndexed(files: IndexFiles, contributions: readonly Contribution[], entries: readonly DocumentEntry[]): void {
    const index = openIndex([files])
    if (this.#contributions.length > 0 || index.documents !== entries.length) {
      throw new OpenChatError(
        'contribution_mismatch',
        `The index of datanet ${this.id} has ${index.documents} documents, its list ${entries.length}.`,
        {
          meta: { datanet: this.id },
          action: 'Fetch the datanet again.',
        },
      )
    }
    const byContribution = contributions.map((): NewDocument[] => [])
    // Documents stand in the index in their own order (by year), contributions in theirs (by author).
    for (const entry of entries) {
      const { author, licence, title, year } = entry
      byContribution[entry.contribution]?.push({
        tokens: index.tokensOf(entry.document) as Uint16Array,
        facts: { author, licence, title, year },
      })
    }
    for (const [i, contribution] of contributions.entries()) this.#append(contribution, byContribution[i] ?? [])
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#tokens.push(index.tokensOf(entry.document) as Uint16Array)
    }
    this.#base = { index, contributions: contributions.length }
  }

  /** Appends one contribution. @throws contribution_mismatch when the documents are not those it committed to */
  add(contribution: Contribution, documents: readonly NewDocument[]): void {
    this.#append(contribution, documents)
    for (const { tokens, facts } of documents) {
      this.#entries.push({
        document: this.#entries.length,
        contribution: contribution.index,
        contributor: contribution.author,
        ...facts,
        order: contribution.order,
        tokens: tokens.length,
      })
      this.#tokens.push(tokens)
    }
  }

  #append(contribution: Contribution, documents: readonly NewDocument[]): void {
    const n = this.#contributions.length
    const root = contributionRoot(documents)
    if (contribution.index !== n || contribution.root !== root || String(contribution.datanet) !== this.id) {
      throw new OpenChatError(
        'contribution_mismatch',
        `Contribution ${contribution.index} of datanet ${contribution.datanet} commits to ${contribution.root.slice(0, 12)}…, its documents hash to ${root.slice(0, 12)}… as number ${n}.`,
        {
          meta: { datanet: this.id, index: contribution.index, expected: contribution.root, got: root },
          action: 'Fetch the datanet again.',
        },
      )
    }
    this.#contributions.push(contribution)
    this.#heads.push(nextHead(this.head(n), contributionHash(contribution)))
  }

  /** The index over the first n contributions, all by default. Built once a count. @throws datanet_unknown_head */
  view(n = this.#contributions.length): SearchedIndex {
    const known = this.#views.get(n)
    if (known !== undefined) return known
    const commitment = this.head(n)
    const base = this.#base !== null && this.#base.contributions <= n ? this.#base : null
    const documents = this.#entries.filter((entry) => entry.contribution < n)
    const fresh = documents.filter((entry) => entry.contribution >= (base?.contributions ?? 0))
    const delta = fresh.length > 0 || base === null ? buildIndex(fresh.map((entry) => this.tokensOf(entry.document))).shards : []
    const view = { datanet: this.id, commitment, contributions: n, index: new Index([...(base?.index.shards ?? []), ...delta]), documents }
    this.#views.set(n, view)
    return view
  }
}
