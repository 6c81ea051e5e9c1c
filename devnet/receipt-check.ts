// What a validator checks of a receipt before it puts its bond on it: everything that follows from the receipt, the chain and,
// where it holds the index, the corpus. Not what only the owner can check (that the answer was traced rightly).
// Invariants: a receipt that passes can be batched without losing the bond by its shares; the shares come from here, not from
// the sender.
// Source: architecture.md "public" level; attribution.md "Credit".
import { recoverAddress } from 'viem'
import type { Contribution } from '../src/attribution/contributions.ts'
import { prefixAmounts } from '../src/attribution/credit.ts'
import { type AttributionParameters, parametersHash } from '../src/attribution/parameters.ts'
import { type ReceiptContent, type ReceiptDomain, typedDataDigest } from '../src/attribution/receipt.ts'
import { aggregateShares, sharesRoot } from '../src/attribution/receipt-shares.ts'
import type { Hex, Share } from '../src/attribution/types.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import type { ChainView } from './chain-view.ts'
import { type CheckedForm, contentOf, type SignedForm } from './receipt-form.ts'

/** Looks a receipt's spans up in the corpus. Answers with the first fault, or null. */
export type CorpusCheck = (content: ReceiptContent) => Promise<string | null>

export interface CheckContext {
  domain: ReceiptDomain
  chain: ChainView
  parameters: AttributionParameters
  corpus?: CorpusCheck
}

function demand(condition: boolean, reason: string, sentence: string): asserts condition {
  if (!condition) throw new OpenChatError('receipt_refused', sentence, { meta: { reason } })
}

/** @throws `receipt_invalid`; `receipt_refused` with `meta.reason` naming the check; `deposit_insufficient` */
export async function checkReceipt(form: SignedForm, context: CheckContext): Promise<CheckedForm> {
  const content = contentOf(form)
  checkHeader(form, content, context.domain)
  // A signature that no key made recovers to nobody, and is refused as such below.
  const signer = await recoverAddress({ hash: typedDataDigest(form.header, context.domain), signature: form.signature }).catch(() => null)
  demand(signer?.toLowerCase() === content.payer, 'signature', `The signature is ${signer ?? 'nobody'}'s, the payer is ${content.payer}.`)
  await checkParameters(content, context)
  const contributions = await checkIndexes(content, context.chain)
  checkSpans(content, context.parameters)
  const fault = await context.corpus?.(content)
  demand(fault === null || fault === undefined, 'corpus', fault ?? '')
  const shares = sharesOf(content, contributions, context.parameters.commons)
  const root = sharesRoot(shares, content.fee)
  demand(
    root === form.header.sharesRoot && shares.length === form.header.shareCount,
    'shares',
    `The spans give ${shares.length} shares of root ${root}, the header says ${form.header.shareCount} of ${form.header.sharesRoot}.`,
  )
  await checkFunds(form, context.chain)
  return { ...form, shares }
}

function checkHeader({ header }: SignedForm, content: ReceiptContent, domain: ReceiptDomain): void {
  demand(
    content.chainId === domain.chainId && content.contract === domain.contract.toLowerCase(),
    'chain',
    'The receipt is for another chain or contract.',
  )
  for (const field of ['payer', 'channel', 'nonce', 'fee'] as const) {
    demand(content[field] === header[field], 'header', `The content's ${field} is ${content[field]}, the header's ${header[field]}.`)
  }
  demand(header.channel === ZERO_HASH, 'channel', 'Payment channels are not open yet.')
}

async function checkParameters(content: ReceiptContent, { chain, parameters }: CheckContext): Promise<void> {
  const current = await chain.parametersHash()
  demand(
    content.parametersHash === current,
    'parameters',
    `The receipt was made under parameters ${content.parametersHash}, the chain has ${current}.`,
  )
  demand(parametersHash(parameters) === current, 'parameters', 'This validator does not know the parameters of the chain.')
  demand(content.fee === parameters.fee, 'fee', `The fee is ${content.fee} wei, an answer costs ${parameters.fee}.`)
}

async function checkIndexes(content: ReceiptContent, chain: ChainView): Promise<(readonly Contribution[])[]> {
  const found: (readonly Contribution[])[] = []
  for (const { datanet, commitment, contributions } of content.indexes) {
    const list = await chain.contributions(datanet, contributions, commitment)
    demand(list !== null, 'index', `Datanet ${datanet} has another head after ${contributions} contributions.`)
    found.push(list)
  }
  return found
}

function checkSpans(content: ReceiptContent, parameters: AttributionParameters): void {
  const retrieved = new Set(content.retrieved.map(({ index, document }) => `${index}:${document}`))
  for (const [i, span] of content.spans.entries()) {
    const rare = span.count >= 1 && span.count <= parameters.maxCount
    demand(
      rare && span.length >= parameters.minLength,
      'span',
      `Paid span ${i} is ${span.length} tokens long and occurs ${span.count} times.`,
    )
    demand(span.surprisal >= BigInt(parameters.tauQ16), 'span', `Paid span ${i} is less surprising than the threshold.`)
    const eligible = content.adapters.length > 0 || retrieved.has(`${span.index}:${span.document}`)
    demand(eligible, 'eligible', `Paid span ${i} is of a document that was neither retrieved nor learnt.`)
  }
  const sum = content.spans.reduce((total, { surprisal }) => total + surprisal, 0n)
  demand(sum <= content.totalSurprisal, 'amounts', 'The spans are more surprising than the whole answer.')
  const { amounts, commons } = prefixAmounts(
    content.fee,
    content.spans.map(({ surprisal }) => surprisal),
    content.totalSurprisal,
  )
  demand(
    commons === content.commons && amounts.every((amount, i) => amount === content.spans[i].amount),
    'amounts',
    'The amounts do not follow from the surprisals.',
  )
}

/** Shares by the contributions that hold the paid documents; document numbers run on over a datanet's contributions. */
function sharesOf(content: ReceiptContent, indexes: readonly (readonly Contribution[])[], commons: Hex): Share[] {
  const payments = content.spans.map(({ index, document, amount }, i) => {
    let first = 0
    const holder = indexes[index].find(({ documents }) => document < (first += documents))
    demand(holder !== undefined, 'document', `Paid span ${i} names document ${document}, which the datanet does not have.`)
    return { account: holder.author.toLowerCase() as Hex, amount }
  })
  return aggregateShares([...payments, { account: commons, amount: content.commons }])
}

async function checkFunds({ id, header }: SignedForm, chain: ChainView): Promise<void> {
  const taken = await chain.receiptAt(header.payer, header.nonce)
  demand(taken === null || taken === id, 'nonce', `Nonce ${header.nonce} of ${header.payer} is taken by receipt ${taken}.`)
  if (taken === id) return
  const deposit = await chain.deposit(header.payer)
  if (deposit < header.fee) {
    throw new OpenChatError('deposit_insufficient', `${header.payer} has ${deposit} wei aside, the receipt costs ${header.fee}.`, {
      meta: { deposit: String(deposit), fee: String(header.fee) },
      action: 'Put OPEN aside for receipts, then post again.',
    })
  }
}
