// Makes receipts that lie in exactly one step, for tests: every other field is carried through honestly from the lie on, and the
// whole is signed again, so that no other step has a reason to object. Not used by the product.
import type { Place } from './credit.ts'
import { compareCommitment, prefixAmounts } from './credit.ts'
import { contentHash, type ReceiptContent, type ReceiptHeader, type ReceiptSpan } from './receipt.ts'
import { encodeContent } from './receipt-codec.ts'
import { sharesRoot } from './receipt-shares.ts'
import { surprisalSums } from './surprisal.ts'
import { candidatesOf } from './tracer.ts'
import type { Hex } from './types.ts'
import type { OwnerReceipt, VerifyContext } from './verify.ts'
import { verifySteps } from './verify.ts'
import { Facts } from './verify-facts.ts'
import { ZERO_HASH } from './words.ts'

export interface BreakingInput {
  receipt: OwnerReceipt
  context: VerifyContext
  /** The payer's signature over a changed header. */
  sign(header: ReceiptHeader): Promise<Hex>
}

/** A receipt and the surroundings it is verified in; only the step `posted` is broken by its surroundings. */
export interface Broken {
  receipt: OwnerReceipt
  context: VerifyContext
}

const flip = (hash: Hex): Hex => `0x${(BigInt(hash) ^ 1n).toString(16).padStart(hash.length - 2, '0')}`

type Change = Partial<ReceiptContent> | null

/** Changes of the content that make one step fail; null where this receipt gives no occasion. */
const contentChanges: Record<string, (facts: Facts) => Change | Promise<Change>> = {
  header: ({ content }) => ({ nonce: content.nonce + 1n }),
  prompt: ({ content }) => ({ promptRoot: flip(content.promptRoot) }),
  answer: ({ content }) => ({ answerCount: content.answerCount + 1 }),
  parameters: ({ content }) => ({ parametersHash: flip(content.parametersHash) }),
  model: ({ content }) => ({ model: flip(content.model) }),
  adapters: ({ content }) => ({ lineageRoot: flip(content.lineageRoot) }),
  indexes: ({ content }) => ({
    indexes: content.indexes.with(0, { ...content.indexes[0], commitment: flip(content.indexes[0].commitment) }),
  }),
  passages: ({ content }) =>
    content.retrieved.length === 0 ? null : { retrieved: content.retrieved.with(0, { ...content.retrieved[0], length: 2 ** 31 }) },
  positions: ({ content }) => first(content, (span) => ({ position: span.position > 0 ? span.position - 1 : span.position + 1 })),
  spans: ({ content }) => (content.spans.length === 0 ? null : { spans: content.spans.slice(0, -1) }),
  count: ({ content }) => first(content, (span) => ({ count: span.count + (span.count < 64 ? 1 : -1) })),
  eligible: ({ content }) => (content.spans.length === 0 ? null : { adapters: [], lineageRoot: ZERO_HASH, lineageCount: 0, retrieved: [] }),
  earliest: laterOccurrence,
  surprisal: ({ content }) => first(content, (span) => ({ surprisal: span.surprisal + 1n })),
  total: ({ content }) => ({ totalSurprisal: content.totalSurprisal + 1n }),
  threshold: plainSpan,
  amounts: ({ content }) => {
    const [span] = content.spans
    return span === undefined || content.commons === 0n
      ? null
      : { spans: content.spans.with(0, { ...span, amount: span.amount + 1n }), commons: content.commons - 1n }
  },
}

function first(content: ReceiptContent, change: (span: ReceiptSpan) => Partial<ReceiptSpan>): Change {
  const [span] = content.spans
  return span === undefined ? null : { spans: content.spans.with(0, { ...span, ...change(span) }) }
}

/** Pays a later eligible copy of some span. */
async function laterOccurrence(facts: Facts): Promise<Change> {
  const [entryOf, eligible] = [await facts.entryOf(), await facts.eligible()]
  for (const [i, span] of facts.content.spans.entries()) {
    const { places } = await facts.occurrences(await facts.spanTokens(span), 64)
    const later = places.find((place: Place) => eligible(place.index, place.document) && compareCommitment(place, span, entryOf) > 0)
    if (later !== undefined) return { spans: facts.content.spans.with(i, { ...span, ...later }) }
  }
  return null
}

/** Pays a true match that is too plain, with its true numbers. */
async function plainSpan(facts: Facts): Promise<Change> {
  const answer = await facts.answer()
  const indexes = (await facts.indexes()).map(({ index }) => index)
  const sums = surprisalSums(answer, await facts.unigrams())
  const [entryOf, eligible] = [await facts.entryOf(), await facts.eligible()]
  for (const { start, length, count, occurrences } of candidatesOf(answer, await facts.prompt(), indexes, facts.rules).free) {
    const surprisal = sums[start + length] - sums[start]
    const place = [...occurrences].sort((a, b) => compareCommitment(a, b, entryOf)).find((p) => eligible(p.index, p.document))
    if (place === undefined || surprisal >= facts.context.parameters.tauQ16) continue
    const { index, document, position } = place
    const span: ReceiptSpan = { start, length, index, document, position, count, surprisal: BigInt(surprisal), amount: 0n }
    return { spans: [...facts.content.spans, span].sort((a, b) => a.start - b.start) }
  }
  return null
}

/** Steps that {@link breakReceipt} can break, given a receipt with the occasion. */
export const breakableSteps: readonly string[] = verifySteps.map(({ id }) => id)

/** The receipt broken in `step` alone, or null when it gives no occasion (no passage, no second copy, no plain match). */
export async function breakReceipt(step: string, { receipt, context, sign }: BreakingInput): Promise<Broken | null> {
  const facts = new Facts(receipt, context)
  if (step === 'encoding') return { receipt: { ...receipt, content: Uint8Array.of(...receipt.content, 0) }, context }
  if (step === 'signature')
    return { receipt: { ...receipt, signature: await sign({ ...receipt.header, nonce: receipt.header.nonce + 1n }) }, context }
  if (step === 'shares') {
    const header = { ...receipt.header, sharesRoot: flip(receipt.header.sharesRoot) }
    return { receipt: { ...receipt, header, signature: await sign(header) }, context }
  }
  if (step === 'posted') return lyingValidator(receipt, context)

  const change = await contentChanges[step](facts)
  if (change === null) return null
  const changed = { ...facts.content, ...change }
  const { amounts, commons } = prefixAmounts(
    changed.fee,
    changed.spans.map(({ surprisal }) => surprisal),
    changed.totalSurprisal,
  )
  const priced =
    step === 'amounts' ? changed : { ...changed, commons, spans: changed.spans.map((span, i) => ({ ...span, amount: amounts[i] })) }
  const content = encodeContent(priced)
  const draft: OwnerReceipt = { ...receipt, content }
  const shares = await new Facts(draft, context).shares()
  const header: ReceiptHeader = {
    ...receipt.header,
    content: contentHash(content),
    sharesRoot: sharesRoot(shares, receipt.header.fee),
    shareCount: shares.length,
  }
  return { receipt: { ...draft, header, signature: await sign(header) }, context }
}

/** A batch that holds the receipt, with one line of one wei less. */
function lyingValidator(receipt: OwnerReceipt, context: VerifyContext): Broken | null {
  const { chain } = context
  if (chain === null) return null
  return {
    receipt,
    context: {
      ...context,
      chain: {
        ...chain,
        lineOf: async (batch, account, id) => {
          const found = await chain.lineOf(batch, account, id)
          return found === null ? null : { ...found, line: { ...found.line, amount: found.line.amount - 1n } }
        },
      },
    },
  }
}
