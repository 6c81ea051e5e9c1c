// Makes signed receipts for tests of the devnet: a payer, one paid span of a seeded document, the rest to the commons. Every
// field may be replaced, before or after the parts that depend on it are made.
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { prefixAmounts } from '../src/attribution/credit.ts'
import { type AttributionParameters, defaultParameters, parametersHash } from '../src/attribution/parameters.ts'
import { contentHash, type ReceiptContent, type ReceiptHeader, receiptId, typedDataDigest } from '../src/attribution/receipt.ts'
import { encodeContent } from '../src/attribution/receipt-codec.ts'
import { aggregateShares, sharesRoot } from '../src/attribution/receipt-shares.ts'
import type { Hex } from '../src/attribution/types.ts'
import { keccak, toHex, utf8, ZERO_HASH } from '../src/attribution/words.ts'
import type { DevnetSeed } from './deploy.ts'
import type { SignedForm } from './receipt-form.ts'

export const PARAMETERS: AttributionParameters = defaultParameters(toHex(keccak(utf8('tokenizer'))), toHex(keccak(utf8('boundaries'))))

const account = (name: string): Hex => privateKeyToAccount(toHex(keccak(utf8(name)))).address.toLowerCase() as Hex

/** Two authors of three and two documents. */
export const AUTHORS = [account('author a'), account('author b')] as const
export const SEED: DevnetSeed = {
  name: 'Test speech',
  licence: 'Public domain',
  open: true,
  contributions: AUTHORS.map((author, i) => ({
    account: author,
    root: toHex(keccak(utf8(`root ${i}`))),
    documents: 3 - i,
    tokens: 1000,
    licence: 'Public domain',
  })),
}

export const payerNamed = (name: string): PrivateKeyAccount => privateKeyToAccount(toHex(keccak(utf8(name))))

export interface ReceiptPlan {
  payer: PrivateKeyAccount
  nonce: bigint
  contract: Hex
  head: Hex
  /** Document that the one span is taken from, 0 … 4. */
  document?: number
  content?: Partial<ReceiptContent>
  header?: Partial<ReceiptHeader>
}

export async function signedReceipt({
  payer,
  nonce,
  contract,
  head,
  document = 0,
  content: other,
  header: changed,
}: ReceiptPlan): Promise<SignedForm> {
  const surprisal = 100n * 65_536n
  const totalSurprisal = 250n * 65_536n
  const { amounts, commons } = prefixAmounts(PARAMETERS.fee, [surprisal], totalSurprisal)
  const content: ReceiptContent = {
    version: 1,
    chainId: 42069n,
    contract: contract.toLowerCase() as Hex,
    payer: payer.address.toLowerCase() as Hex,
    channel: ZERO_HASH,
    nonce,
    model: toHex(keccak(utf8('model'))),
    adapters: [],
    indexes: [{ datanet: 1n, commitment: head, contributions: AUTHORS.length }],
    lineageRoot: ZERO_HASH,
    lineageCount: 0,
    retrieved: [{ index: 0, document, start: 10, length: 100 }],
    parametersHash: parametersHash(PARAMETERS),
    promptRoot: toHex(keccak(utf8('prompt'))),
    promptCount: 9,
    answerRoot: toHex(keccak(utf8('answer'))),
    answerCount: 40,
    totalSurprisal,
    spans: [{ start: 4, length: 12, index: 0, document, position: 20, count: 1, surprisal, amount: amounts[0] }],
    influenceRoot: ZERO_HASH,
    fee: PARAMETERS.fee,
    commons,
    ...other,
  }
  const bytes = encodeContent(content)
  const shares = aggregateShares([
    ...content.spans.map((span) => ({ account: AUTHORS[span.document < 3 ? 0 : 1], amount: span.amount })),
    { account: PARAMETERS.commons, amount: content.commons },
  ])
  const header: ReceiptHeader = {
    payer: content.payer,
    channel: content.channel,
    nonce,
    content: contentHash(bytes),
    sharesRoot: shares.reduce((sum, { amount }) => sum + amount, 0n) === content.fee ? sharesRoot(shares, content.fee) : ZERO_HASH,
    shareCount: shares.length,
    fee: content.fee,
    ...changed,
  }
  const signature = await payer.sign({ hash: typedDataDigest(header, { chainId: 42069n, contract: content.contract }) })
  return { id: receiptId(header), header, content: toHex(bytes), signature }
}
