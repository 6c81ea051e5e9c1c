// The attribution worker: the desk (attribution-desk.ts) served to the page, with what it needs fetched and kept. The page's
// thread never touches a suffix array.

import { parametersHash } from '../attribution/parameters.ts'
import { parseReceiptFile, writeReceiptFile } from '../attribution/receipt-file.ts'
import { type Proven, verifyReceipt } from '../attribution/verify.ts'
import { judgeReplay, replayAsk, saidStep } from '../attribution/verify-said.ts'
import { fromWire, OpenChatError } from '../errors.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { openBlobs } from '../storage/open.ts'
import type { FetchedChain, Outcome } from '../wallet/verification.ts'
import type { AttributionWorker } from './attribution-api.ts'
import { AttributionDesk } from './attribution-desk.ts'
import type { DraftSource } from './draft-source.ts'
import { fetchServed } from './fetch-served.ts'
import { expose } from './rpc.ts'
import { blobSource, rangeSource } from './sources.ts'
import { textOfTokens } from './text-of-tokens.ts'

/** UTF-16 units shown before and after words that were searched for. */
const SNIPPET_BEFORE = 80
const SNIPPET_AFTER = 120
/** Pause before passages are indexed unasked, ms. */
const WARM_MS = 300

const blobs = openBlobs()
let desk: AttributionDesk | null = null

function opened(): AttributionDesk {
  if (desk !== null) return desk
  throw new OpenChatError('engine_not_ready', 'The tokeniser is not loaded yet.', { action: 'Wait a moment and try again.' })
}

const settled = <T>(outcome: Outcome<T> | undefined): Promise<Proven<T>> => {
  if (outcome !== undefined && 'proven' in outcome) return Promise.resolve(outcome.proven)
  return Promise.reject(
    outcome === undefined ? new OpenChatError('rpc_unreachable', 'This value was not asked of the chain.') : fromWire(outcome.error),
  )
}

/** Values that were fetched before, as the port that asks for them. */
const chainOf = (fetched: FetchedChain) => ({
  parametersHash: () => settled(fetched.parametersHash),
  headAt: (datanet: bigint, contributions: number) => settled(fetched.heads[`${datanet}:${contributions}`]),
  batchOf: () => settled(fetched.batch),
  lineOf: async (_: number, account: string) => fetched.lines[account.toLowerCase()] ?? null,
})

const worker: AttributionWorker = {
  async open({ model, adapters }) {
    const kept = await (await blobs).get(model.sha256)
    const gguf = await readGguf(kept === null ? rangeSource(model.urls[0]!, model.bytes) : blobSource(kept))
    desk = new AttributionDesk(gguf, { model, adapters })
    const { parameters } = desk
    return { parametersHash: parametersHash(parameters), fee: parameters.fee, commons: parameters.commons }
  },

  async addServed(served, progress, signal) {
    const { shelf } = opened()
    const { manifest, files } = await fetchServed(served, await blobs, progress, signal)
    shelf.addFiles(served.id, manifest, files)
    // Ahead of the first question, in a turn of its own: what was asked for meanwhile comes first.
    setTimeout(() => shelf.passages(served.id), WARM_MS)
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

  async proposeOn(port) {
    const source: DraftSource = {
      continuation: async (...asked) => desk?.continuation(...asked) ?? { matched: 0, tokens: [] },
    }
    expose(source, port)
  },

  async documents(datanet) {
    return [...opened().shelf.datanet(datanet).documents]
  },

  async corpus(id, from, maxTokens) {
    const datanet = opened().shelf.datanet(id)
    const documents = []
    let sum = 0
    for (const { document, title, author, tokens } of datanet.documents.slice(from)) {
      if (documents.length > 0 && sum + tokens > maxTokens) break
      documents.push({ document, title, author, tokens: datanet.tokensOf(document).slice() })
      sum += tokens
    }
    return { datanet: id, documents }
  },

  async search(datanet, words, limit, signal) {
    const { shelf } = opened()
    const wanted = words.trim().toLowerCase()
    if (wanted === '') return []
    const hits = []
    for (const entry of shelf.offered(datanet)) {
      signal.throwIfAborted()
      if (hits.length === limit) break
      const text = shelf.text(datanet, entry.document)
      const at = text.toLowerCase().indexOf(wanted)
      if (at < 0) continue
      const from = Math.max(0, text.lastIndexOf(' ', Math.max(0, at - SNIPPET_BEFORE)) + 1)
      const to = Math.min(text.length, at + wanted.length + SNIPPET_AFTER)
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

  setWithdrawn: async (datanet, contributions) => opened().shelf.setWithdrawn(datanet, contributions),
  appraise: async (documents) => opened().appraise(documents),
  retrieve: async (question, datanets, signal) => opened().retrieve(question, datanets, signal),
  live: async (answer, datanets) => opened().live(answer, datanets),
  trace: async (request) => opened().trace(request),
  draft: async (request, domain) => opened().draft(request, domain),
  parse: async (file) => parseReceiptFile(file),
  write: async (receipt) => writeReceiptFile(receipt),
  needs: async (receipt, domain) => opened().needs(receipt, domain),
  replayAsk: async (receipt) => replayAsk(receipt),

  async said(receipt, outcome) {
    if (outcome === 'pending') return { ...saidStep, status: 'pending', detail: '' }
    if ('found' in outcome) return { ...saidStep, ...judgeReplay(receipt, outcome.found) }
    return { ...saidStep, status: 'unknown', detail: `Not checked: ${outcome.error.shortMessage} (${outcome.error.code})` }
  },

  async *export(facts, format, progress, signal) {
    const { shelf } = opened()
    const { exportDatanet } = await import('./datanet-export.ts')
    yield* exportDatanet(shelf, facts, format, progress, signal)
  },

  async *verify({ receipt, domain, signer, chain }, signal) {
    const recover = async () => {
      if ('address' in signer) return signer.address
      throw fromWire(signer.error)
    }
    yield* verifyReceipt(receipt, opened().verifyContext(domain, recover, chain && chainOf(chain)), signal)
  },
}

expose(worker)
