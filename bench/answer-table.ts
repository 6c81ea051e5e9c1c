// The figures of bench:answers over its two lists, and their table. Not the answers themselves.
// Bars: issue "First light", part 3.
import type { AskedAnswer } from './answers.ts'

/** Least length of a span that counts, in tokens. */
const SPAN_TOKENS = 8

export interface AnswerSummary {
  on: number
  off: number
  /** On-topic questions for which something was retrieved. */
  opened: number
  /** On-topic answers with a paid span of at least eight tokens whose words stand in the retrieved passage. */
  paid: number
  /** The same, and the retrieved document is the one that is paid: nobody brought the words earlier. */
  paidThere: number
  /** Mean over all on-topic answers of paid tokens over tokens. */
  paidShare: number
  /** Answers in which every name shown is the author of a document quoted, over answers. */
  namesRight: number
  offOpened: number
  /** Off-topic answers that pay although nothing was retrieved. */
  offPaidUnopened: number
}

export function summarise(on: readonly AskedAnswer[], off: readonly AskedAnswer[]): AnswerSummary {
  const count = (list: readonly AskedAnswer[], holds: (answer: AskedAnswer) => boolean) => list.filter(holds).length
  const counts = ({ length, amount }: { length: number; amount: string }) => length >= SPAN_TOKENS && amount !== '0'
  return {
    on: on.length,
    off: off.length,
    opened: count(on, ({ retrieved }) => retrieved.length > 0),
    paid: count(on, ({ spans }) => spans.some((span) => span.quoted && counts(span))),
    paidThere: count(on, ({ spans }) => spans.some((span) => span.quoted && span.retrieved && counts(span))),
    paidShare: on.reduce((sum, answer) => sum + answer.paidShare, 0) / Math.max(1, on.length),
    namesRight: count([...on, ...off], (answer) => answer.namesRight),
    offOpened: count(off, ({ retrieved }) => retrieved.length > 0),
    offPaidUnopened: count(off, ({ retrieved, spans }) => retrieved.length === 0 && spans.length > 0),
  }
}

/** A Markdown table, one row a setting. */
export function table(rows: readonly [string, AnswerSummary][]): string {
  const head = [
    '',
    'retrieval opens',
    `paid span ≥ ${SPAN_TOKENS} from the retrieved passage`,
    'its document is the one paid',
    'mean paid share',
    'names right',
    'off-topic: opens',
    'off-topic: closed but paid',
  ]
  const lines = rows.map(([name, s]) => [
    name,
    `${s.opened}/${s.on}`,
    `${s.paid}/${s.on}`,
    `${s.paidThere}/${s.on}`,
    `${(s.paidShare * 100).toFixed(1)} %`,
    `${s.namesRight}/${s.on + s.off}`,
    `${s.offOpened}/${s.off}`,
    `${s.offPaidUnopened}/${s.off}`,
  ])
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
