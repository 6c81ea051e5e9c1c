// Steps about the paid spans: they stand where the receipt says, none is invented or left out, each is counted and paid rightly.
import { compareCommitment, payee, refusal } from './credit.ts'
import type { ReceiptSpan } from './receipt.ts'
import { surprisalSums } from './surprisal.ts'
import { candidatesOf } from './tracer.ts'
import type { StepFinding, VerifyStepDefinition } from './verify.ts'
import type { Facts } from './verify-facts.ts'

const placeOf = ({ index, document, position }: Pick<ReceiptSpan, 'index' | 'document' | 'position'>) =>
  `index ${index}, document ${document}, token ${position}`

const spanOf = ({ start, length }: Pick<ReceiptSpan, 'start' | 'length'>) => `tokens ${start} to ${start + length}`

async function positions(facts: Facts): Promise<StepFinding> {
  const { spans } = facts.content
  const indexes = await facts.indexes()
  const answer = facts.receipt.owner === undefined ? null : await facts.answer()
  for (const span of spans) {
    const { index } = indexes[span.index]
    const words = span.document < index.documents ? index.tokensOf(span.document, span.position, span.length) : []
    // The public sees only that such a text exists; the owner sees that the answer holds it.
    if (words.length < span.length || (answer !== null && !words.every((token, i) => token === answer[span.start + i]))) {
      return {
        status: 'failed',
        detail: `The words of ${spanOf(span)} do not stand at the stated place.`,
        expected: `the answer's words at ${placeOf(span)}`,
        got: words.length < span.length ? 'the document ends before' : 'other words',
      }
    }
  }
  return { status: 'ok', detail: `${spans.length} paid spans stand at their stated places.` }
}

async function spans(facts: Facts): Promise<StepFinding> {
  const { context, content } = facts
  const indexes = await facts.indexes()
  const answer = await facts.answer()
  const { free } = candidatesOf(
    answer,
    await facts.prompt(),
    indexes.map(({ index }) => index),
    facts.rules,
  )
  const found = new Set(free.map(spanOf))
  const invented = content.spans.find((span) => !found.has(spanOf(span)))
  if (invented !== undefined) {
    return {
      status: 'failed',
      detail: 'A paid span is not a leftmost-longest match outside the visitor’s own words.',
      got: spanOf(invented),
    }
  }
  const stated = new Set(content.spans.map(spanOf))
  const sums = surprisalSums(answer, await facts.unigrams())
  const [entryOf, eligible] = [await facts.entryOf(), await facts.eligible()]
  const missing = free.find((candidate) => {
    const surprisal = sums[candidate.start + candidate.length] - sums[candidate.start]
    const paid = refusal(candidate, surprisal, payee(candidate, entryOf, eligible), context.parameters) === null
    return paid && !stated.has(spanOf(candidate))
  })
  if (missing !== undefined) return { status: 'failed', detail: 'A span that should be paid is left out.', expected: spanOf(missing) }
  return { status: 'ok', detail: `Searching again finds ${free.length} matches, and all that are payable are paid.` }
}

async function counts(facts: Facts): Promise<StepFinding> {
  for (const span of facts.content.spans) {
    const { count } = await facts.occurrences(await facts.spanTokens(span), 0)
    if (count !== span.count) {
      return {
        status: 'failed',
        detail: `The words of ${spanOf(span)} occur another number of times.`,
        expected: String(count),
        got: String(span.count),
      }
    }
  }
  return { status: 'ok', detail: 'Every span occurs as often as stated.' }
}

async function earliest(facts: Facts): Promise<StepFinding> {
  const [entryOf, eligible] = [await facts.entryOf(), await facts.eligible()]
  for (const span of facts.content.spans) {
    const { places } = await facts.occurrences(await facts.spanTokens(span), facts.context.parameters.maxCount)
    const stands = places.some((place) => placeOf(place) === placeOf(span))
    if (!stands) return { status: 'unknown', detail: `Not judged: the words of ${spanOf(span)} do not stand at the stated place.` }
    const before = places.find((place) => eligible(place.index, place.document) && compareCommitment(place, span, entryOf) < 0)
    if (before !== undefined) {
      return {
        status: 'failed',
        detail: `An eligible text said ${spanOf(span)} earlier.`,
        expected: `${entryOf(before.index, before.document).author}, ${placeOf(before)}`,
        got: `${entryOf(span.index, span.document).author}, ${placeOf(span)}`,
      }
    }
  }
  return { status: 'ok', detail: 'No eligible text was committed earlier with the same words.' }
}

async function eligibleSpans(facts: Facts): Promise<StepFinding> {
  const [entryOf, eligible] = [await facts.entryOf(), await facts.eligible()]
  const wrong = facts.content.spans.find((span) => !eligible(span.index, span.document))
  if (wrong === undefined) return { status: 'ok', detail: 'Every paid text was learned by an adapter used, or retrieved.' }
  const { author, title } = entryOf(wrong.index, wrong.document)
  return {
    status: 'failed',
    detail: `"${title}" by ${author} is paid, but no adapter used learned from it and nothing of it was retrieved.`,
    expected: 'a text in the lineage or among the retrieved',
    got: placeOf(wrong),
  }
}

export const spanSteps: readonly VerifyStepDefinition[] = [
  { id: 'positions', title: 'Words stand where stated', level: 'public', check: positions },
  { id: 'spans', title: 'Nothing invented, nothing left out', level: 'owner', check: spans },
  { id: 'count', title: 'Occurrences counted', level: 'public', check: counts },
  { id: 'eligible', title: 'Paid texts are eligible', level: 'public', check: eligibleSpans },
  { id: 'earliest', title: 'The earliest commitment is paid', level: 'public', check: earliest },
]
