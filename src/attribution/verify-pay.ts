// Steps about money: surprisal, threshold, amounts, shares, and the lines that a batch pays by.
import { prefixAmounts } from './credit.ts'
import { verifyMerkleProof } from './merkle.ts'
import { receiptId } from './receipt.ts'
import { lineLeaf, sharesRoot } from './receipt-shares.ts'
import { surprisalSums } from './surprisal.ts'
import type { StepFinding, VerifyStepDefinition } from './verify.ts'
import type { Facts } from './verify-facts.ts'
import { compare } from './verify-form.ts'

/** Q16.16 as bits, for people. */
const bits = (q16: bigint) => `${(Number(q16) / 65_536).toFixed(2)} bits (${q16})`

async function surprisal(facts: Facts): Promise<StepFinding> {
  const unigrams = await facts.unigrams()
  for (const [i, span] of facts.content.spans.entries()) {
    const tokens = await facts.spanTokens(span)
    const finding = compare(
      `Surprisal of paid span ${i}.`,
      bits(BigInt(surprisalSums(tokens, unigrams)[tokens.length])),
      bits(span.surprisal),
    )
    if (finding.status === 'failed') return finding
  }
  return { status: 'ok', detail: 'The surprisal of every paid span follows from the unigram counts.' }
}

async function total(facts: Facts): Promise<StepFinding> {
  const answer = await facts.answer()
  const sum = surprisalSums(answer, await facts.unigrams())[answer.length]
  return compare(
    'The surprisal of the whole answer follows from the unigram counts.',
    bits(BigInt(sum)),
    bits(facts.content.totalSurprisal),
  )
}

function threshold({ content, context }: Facts): StepFinding {
  const { minLength, maxCount, tauQ16 } = context.parameters
  for (const [i, span] of content.spans.entries()) {
    const wrong =
      span.length < minLength
        ? [`${minLength} tokens or more`, `${span.length}`]
        : span.count > maxCount || span.count === 0
          ? [`1 to ${maxCount} occurrences`, `${span.count}`]
          : span.surprisal < BigInt(tauQ16)
            ? [`${bits(BigInt(tauQ16))} or more`, bits(span.surprisal)]
            : null
    if (wrong !== null)
      return { status: 'failed', detail: `Paid span ${i} is too short, too common or too plain.`, expected: wrong[0], got: wrong[1] }
  }
  return { status: 'ok', detail: 'Every paid span is long, rare and surprising enough.' }
}

function amounts({ content }: Facts): StepFinding {
  const surprisals = content.spans.map((span) => span.surprisal)
  const expected = prefixAmounts(content.fee, surprisals, content.totalSurprisal)
  const text = (list: bigint[], commons: bigint) => `${list.join(' + ')} to spans, ${commons} to the commons`
  return compare(
    'The fee is split by surprisal, exact to the wei.',
    text(expected.amounts, expected.commons),
    text(
      content.spans.map((span) => span.amount),
      content.commons,
    ),
  )
}

async function shares(facts: Facts): Promise<StepFinding> {
  const { header } = facts.receipt
  const list = await facts.shares()
  const sum = list.reduce((total, { amount }) => total + amount, 0n)
  return compare(
    `${list.length} accounts share ${sum} wei, and the header commits to them.`,
    `${list.length} shares, root ${sharesRoot(list, sum)}`,
    `${header.shareCount} shares, root ${header.sharesRoot}`,
  )
}

async function posted(facts: Facts): Promise<StepFinding> {
  const { chain } = facts.context
  if (chain === null) return { status: 'unknown', detail: 'No chain is reachable.' }
  const id = receiptId(facts.receipt.header)
  const { value: batch, assurance } = await chain.batchOf(id)
  if (batch === null) return { status: 'unknown', detail: 'This receipt is in no batch yet.' }
  const values = [
    { name: `lines root of batch ${batch.batch}`, value: batch.linesRoot, assurance },
    { name: `lines of batch ${batch.batch}`, value: String(batch.lineCount), assurance },
  ]
  for (const { account, amount } of await facts.shares()) {
    const found = await chain.lineOf(batch.batch, account, id)
    if (found === null) return { status: 'unknown', detail: `Nobody gave the line of ${account} in batch ${batch.batch}.`, values }
    const { line, index, proof } = found
    const stands = verifyMerkleProof({ root: batch.linesRoot, count: batch.lineCount, index, leaf: lineLeaf(line), proof })
    const paid = `${line.amount} wei to ${line.account} for ${line.receiptId}`
    if (!stands) return { status: 'failed', detail: 'A line does not stand in the posted batch.', got: paid, values }
    const finding = compare(`Line of ${account}.`, `${amount} wei to ${account} for ${id}`, paid)
    if (finding.status === 'failed') return { ...finding, values }
  }
  return { status: 'ok', detail: `Every share is a line of batch ${batch.batch}.`, values }
}

export const paySteps: readonly VerifyStepDefinition[] = [
  { id: 'surprisal', title: 'Surprisal of the spans', level: 'public', check: surprisal },
  { id: 'total', title: 'Surprisal of the answer', level: 'owner', check: total },
  { id: 'threshold', title: 'Above the threshold', level: 'public', check: threshold },
  { id: 'amounts', title: 'Amounts', level: 'public', check: amounts },
  { id: 'shares', title: 'Shares', level: 'public', check: shares },
  { id: 'posted', title: 'Posted for payment', level: 'public', check: posted },
]
