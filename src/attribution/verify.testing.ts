// A small world for tests: two datanets of a few sentences, a word tokeniser, an adapter, a chain of maps and one honest receipt
// that gives every verification step something to judge. Not used by the product.
import { Address, Secp256k1, Signature } from 'ox'
import { type Contribution, contributionRoot, contributionsHead, nameHash } from './contributions.ts'
import { buildIndex } from './index/build.ts'
import { boundaryDigest, defaultParameters, parametersHash } from './parameters.ts'
import { type Lineage, type ReceiptDomain, type ReceiptHeader, receiptId, typedDataDigest } from './receipt.ts'
import { batchLines, linesTree } from './receipt-shares.ts'
import { draftReceipt, type SearchedIndex, traceAnswer } from './tracer.ts'
import type { DocumentEntry, Hex, Share, Trace } from './types.ts'
import type { OwnerReceipt, Proven, VerifiableIndex, VerifyContext } from './verify.ts'
import { ZERO_HASH } from './words.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const account = (byte: string): Hex => `0x${byte.repeat(20)}`

/** A sentence that two authors of the archive wrote; Ada first. */
export const shared = ' The river carried seven painted boats beyond every silent harbour.'
const commonplace = ' and so on and so on and so on and so'
export const quoted = ' A patient gardener waters young cherry trees before dawn breaks softly.'
const archive: [author: string, text: string][] = [
  ['Ada', `We met in spring.${shared} Then winter came, and snow fell over quiet fields for days.`],
  ['Bea', `Old maps lie.${shared} My brother drew better charts with charcoal${commonplace} they grew.`],
  ['Cid', `Nothing here repeats, and so on and on, so and so and so on and and and so so on on. Books stay.`],
]
const garden: [author: string, text: string][] = [['Dot', `On gardens:${quoted} Bees follow.${shared}`]]
export const answerText = `In short:${shared} Perhaps${quoted} Which wise visitors always told us long before${commonplace}!`
export const promptText = 'Please explain boats and cherry trees'

export interface SmallWorld {
  context: VerifyContext
  receipt: OwnerReceipt
  trace: Trace
  sign(header: ReceiptHeader): Promise<Hex>
  traceOf(answer: string, prompt: string, options?: { lineage?: readonly Lineage[]; retrieved?: readonly number[] }): Trace
}

/** Pieces cover the whole text, so `offsets` (UTF-16, one more than tokens) are exact. */
export interface WordTokeniser {
  (text: string): number[]
  offsets(text: string): number[]
  boundaries: { delimiters: Set<number>; wordStart(token: number): boolean }
}

/** Words with their leading space, and punctuation, numbered as they are met. */
export function wordTokeniser(): WordTokeniser {
  const ids = new Map<string, number>()
  const delimiters = new Set<number>()
  const starts = new Set<number>()
  const pieces = (text: string) => text.normalize('NFC').match(/ ?[\p{L}\p{N}]+|\s|[^\s\p{L}\p{N}]/gu) ?? []
  const encode = (text: string) =>
    pieces(text).map((piece) => {
      if (!ids.has(piece)) {
        ids.set(piece, ids.size)
        if (/[.?!\n]/.test(piece)) delimiters.add(ids.size - 1)
        if (!/^[\p{L}\p{N}]/u.test(piece)) starts.add(ids.size - 1)
      }
      return ids.get(piece) as number
    })
  const offsets = (text: string) => {
    let end = 0
    return [0, ...pieces(text).map((piece) => (end += piece.length))]
  }
  return Object.assign(encode, { offsets, boundaries: { delimiters, wordStart: (token: number) => starts.has(token) } })
}

/** A datanet whose author number i brings document i, committed as order + i. */
function datanetOf(
  id: number,
  order: number,
  documents: [author: string, text: string][],
  tokenise: WordTokeniser,
): VerifiableIndex & SearchedIndex {
  const tokens = documents.map(([, text]) => Uint16Array.from(tokenise(text)))
  const entries = documents.map(
    ([author], i): DocumentEntry => ({
      document: i,
      contribution: i,
      contributor: account(`${id}${'abcdef'[i]}`),
      author,
      title: `Notes of ${author}`,
      year: 1900 + i,
      licence: 'CC0-1.0',
      order: order + i,
      tokens: tokens[i].length,
    }),
  )
  const chained = entries.map(
    (entry, i): Contribution => ({
      datanet: BigInt(id),
      index: i,
      author: entry.contributor,
      root: contributionRoot([{ tokens: tokens[i], facts: entry }]),
      documents: 1,
      tokens: entry.tokens,
      licence: nameHash(entry.licence),
      daCommitmentHash: ZERO_HASH,
      order: entry.order,
    }),
  )
  return {
    datanet: String(id),
    commitment: contributionsHead(chained),
    contributions: chained.length,
    index: buildIndex(tokens),
    documents: entries,
    chained,
  }
}

const proven = <T>(value: T): Promise<Proven<T>> => Promise.resolve({ value, assurance: { level: 'pinned', label: 'test header' } })

/** Builds the world and its honest, posted receipt. The archive is learned (lineage), the garden is retrieved. */
export async function smallWorld(): Promise<SmallWorld> {
  const tokenise = wordTokeniser()
  const datanets = [datanetOf(1, 11, archive, tokenise), datanetOf(2, 21, garden, tokenise)]
  tokenise(answerText + promptText)
  const { boundaries } = tokenise
  const parameters = defaultParameters(hash('77'), boundaryDigest({ delimiters: boundaries.delimiters, wordStart: new Uint8Array() }))
  const domain: ReceiptDomain = { chainId: 42069n, contract: account('c0') }
  const adapter = hash('ad')
  const learned: Lineage[] = [{ adapter, datanet: 1n, contributions: 3 }]
  const privateKey = hash('42')
  const payer = Address.fromPublicKey(Secp256k1.getPublicKey({ privateKey }), { checksum: false })
  const sign = async (header: ReceiptHeader): Promise<Hex> =>
    Signature.toHex(Secp256k1.sign({ payload: typedDataDigest(header, domain), privateKey }))

  const traceOf: SmallWorld['traceOf'] = (answer, prompt, { lineage = learned, retrieved = [0] } = {}) =>
    traceAnswer({
      answerTokens: tokenise(answer),
      answerOffsets: tokenise.offsets(answer),
      promptTokens: tokenise(prompt),
      indexes: datanets,
      lineage,
      retrieved: retrieved.map((document) => ({ datanet: '2', document })),
      parameters,
      boundaries,
    })
  const trace = traceOf(answerText, promptText)
  const salt = hash('5a')
  const draft = draftReceipt({
    trace,
    domain,
    payer,
    nonce: 3n,
    model: hash('30'),
    adapters: [{ digest: adapter, scale: 65_536 }],
    lineage: learned,
    retrieved: [{ datanet: '2', document: 0, start: 2, length: 9 }],
    parametersHash: parametersHash(parameters),
    commons: parameters.commons,
    salt,
    answerTokens: tokenise(answerText),
    promptTokens: tokenise(promptText),
  })
  const header: ReceiptHeader = {
    payer,
    channel: ZERO_HASH,
    nonce: 3n,
    content: draft.contentHash,
    sharesRoot: draft.sharesRoot,
    shareCount: draft.shareCount,
    fee: draft.fee,
  }
  const lines = batchLines([{ id: receiptId(header), shares: trace.shares }, ...neighbours(trace.shares)])
  const tree = linesTree(lines)
  const context: VerifyContext = {
    domain,
    parameters,
    boundaries,
    tokenise,
    recover: async (digest, signature) =>
      Secp256k1.recoverAddress({ payload: digest, signature: Signature.fromHex(signature) }).toLowerCase() as Hex,
    modelName: (digest) => (digest === hash('30') ? 'Small' : null),
    lineageOf: (digest) => (digest === adapter ? learned : null),
    indexAt: async (datanet, contributions) =>
      datanets.find((net) => net.datanet === datanet && net.contributions === contributions) ?? null,
    chain: {
      parametersHash: () => proven(parametersHash(parameters)),
      headAt: (datanet) => proven(datanets[Number(datanet) - 1].commitment),
      batchOf: (id) => proven(id === receiptId(header) ? { batch: 9, linesRoot: tree.root, lineCount: lines.length } : null),
      lineOf: async (_, to, id) => {
        const index = lines.findIndex((line) => line.account === to && line.receiptId === id)
        return index < 0 ? null : { line: lines[index], index, proof: tree.proof(index) }
      },
    },
  }
  const receipt: OwnerReceipt = {
    header,
    content: draft.content,
    signature: await sign(header),
    owner: { answer: answerText, prompt: promptText, salt },
  }
  return { context, receipt, trace, sign, traceOf }
}

/** Other receipts of the same batch, so that a line's place is not trivial. */
const neighbours = (shares: readonly Share[]) => ['01', 'fe'].map((byte) => ({ id: hash(byte), shares }))
