// A trace out of a file, read with distrust. It is what somebody wrote there: the page shows it as imported, nothing is paid
// by it, and only a receipt can prove it.
// Invariants: spans lie in the answer and name an index and a document that the trace describes; integers are integers.
import type { DocumentEntry, Hex, PaidSpan, Share, Trace, UnpaidSpan } from '../attribution/types.ts'
import { readBigint } from './archive.ts'
import { fields, listOf, number, object, oneOf, orNull, type Reader, shapeError, text, whole } from './shape.ts'

const MOST = 20_000
const NAME = text(2000)

const hex =
  (bytes: number): Reader<Hex> =>
  (value, at) => {
    if (typeof value !== 'string' || !new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`).test(value))
      throw shapeError(at, `${bytes} bytes in hex`, value)
    return value as Hex
  }

/** Not negative, at most 32 bytes. */
const amount: Reader<bigint> = (value, at) => {
  const found = readBigint(value)
  if (found === undefined || found < 0n || found >= 1n << 256n) throw shapeError(at, 'an integer', value)
  return found
}

const INDEX = object<Trace['indexes'][number]>({ datanet: NAME, commitment: hex(32), contributions: whole() })
const SHARE = object<Share>({ account: hex(20), amount })
const PAID = object<PaidSpan>({
  start: whole(),
  length: whole(),
  from: whole(),
  to: whole(),
  index: whole(),
  document: whole(),
  position: whole(),
  count: whole(),
  surprisal: amount,
  amount,
})
const UNPAID = object<UnpaidSpan>({
  from: whole(),
  to: whole(),
  length: whole(),
  index: whole(),
  document: whole(),
  count: whole(),
  reason: oneOf('not_eligible', 'in_prompt', 'too_common', 'below_tau'),
})
const ENTRY = object<DocumentEntry>({
  document: whole(),
  contribution: whole(),
  contributor: hex(20),
  author: NAME,
  title: NAME,
  year: orNull(number(-10_000, 10_000)),
  licence: NAME,
  order: whole(),
  tokens: whole(),
})
const TRACE = object<Omit<Trace, 'documents'>>({
  indexes: listOf(INDEX, 1000),
  answerTokens: whole(),
  paidTokens: whole(),
  totalSurprisal: amount,
  spans: listOf(PAID, MOST),
  unpaid: listOf(UNPAID, MOST),
  shares: listOf(SHARE, MOST),
  fee: amount,
})

/** @param length characters of the answer */
export function readTrace(value: unknown, at: string, length: number): Trace {
  const trace = TRACE(value, at)
  const documents = Object.fromEntries(
    Object.entries(fields(fields(value, at).documents, `${at}.documents`)).map(([key, entry]) => [
      key,
      ENTRY(entry, `${at}.documents.${key.slice(0, 40)}`),
    ]),
  )
  trace.spans.forEach((span, i) => {
    if (span.from > span.to || span.to > length) throw shapeError(`${at}.spans[${i}]`, 'a range of the answer', span)
    if (!Object.hasOwn(documents, `${span.index}:${span.document}`))
      throw shapeError(`${at}.spans[${i}].document`, 'one of its documents', span.document)
  })
  for (const [i, { index }] of [...trace.spans, ...trace.unpaid].entries()) {
    if (index >= trace.indexes.length) throw shapeError(`${at} span ${i}`, 'of one of its indexes', index)
  }
  return { ...trace, documents }
}
