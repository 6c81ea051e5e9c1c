// Fakes of the three ports of one answer, for the page's specs and for work on its looks: words instead of a model,
// sentences instead of a suffix array, a clock instead of a chain. Never in a production build (main.ts).
// What they keep true: events come in the order of the real ones, amounts sum to the fee, names come from the trace.
import type { DocumentEntry, Hex, PaidSpan, Trace } from '../../attribution/types.ts'
import type { Engine, Ledger, ReceiptState, Tracer } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import { askedSample } from './answers.ts'

export const FEE = 10n ** 15n
const COMMONS: Hex = `0x${'c0'.repeat(20)}`

export interface FakeDocument {
  datanet: string
  document: number
  entry: DocumentEntry
  text: string
}

/** Ends at once when it is cancelled: a cancelled answer ends as the real one does, with what was said. */
const pause = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal?.aborted) return resolve()
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

/**
 * Says the passage it was given, or a sample of markdown, word by word; without an adapter it tells a source in its own words.
 * A question with "fail" loses the device at once, one with "break" after six words.
 */
export function fakeEngine(msPerToken: number): Engine {
  return {
    voice: {
      engine: 'local',
      model: 'SmolLM2-135M-Instruct',
      modelDigest: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    },
    contextTokens: 2048,
    count: async (messages) => messages.reduce((sum, { content }) => sum + 5 + content.split(/\s+/).length, 0),
    async *chat(request, signal) {
      const question = request.messages.at(-1)?.content ?? ''
      if (/\bfail\b/.test(question)) throw deviceLost()
      const started = performance.now()
      for (let done = 16; done <= 64; done += 16) {
        yield { type: 'prefill', done, total: 64 }
        await pause(msPerToken, signal)
      }
      const firstTokenMs = performance.now() - started
      const whole = sampleAnswer(question, request.adapter)
      const spoken = request.begin ?? ''
      const overlap = Array.from(whole, (_, i) => whole.length - i).find((n) => spoken.endsWith(whole.slice(0, n))) ?? 0
      const words = whole.slice(overlap).match(/\s*\S+/g) ?? []
      let said = 0
      const most = askedSample(question) === undefined ? request.max_tokens : words.length
      for (const text of words) {
        if (signal.aborted || said >= most) break
        // Words that were here before are not said again, so the answer that goes on does not break again.
        if (said === 6 && spoken === '' && /\bbreak\b/.test(question)) throw deviceLost()
        yield { type: 'token', text }
        said++
        // A timer takes some ms even when it is to take none: ten thousand of them would be minutes.
        if (msPerToken > 0 || said % 8 === 0) await pause(msPerToken, signal)
      }
      const tokensPerSecond = 1000 / Math.max(1, msPerToken)
      const usage = { promptTokens: 64, completionTokens: said, firstTokenMs, tokensPerSecond, dispatchesPerToken: 213 }
      yield { type: 'end', reason: signal.aborted ? 'cancelled' : said < words.length ? 'length' : 'stop', usage }
    },
  }
}

function deviceLost(): OpenChatError {
  return new OpenChatError('device_lost', 'The graphics card stopped answering.', { action: 'Try again; the page takes it up anew.' })
}

function sampleAnswer(question: string, adapter: string | null): string {
  if (/^Source:.*navy/is.test(question) && adapter === null) return ' A country with long coasts and much trade wants ships to guard both.'
  const asked = askedSample(question)
  if (asked !== undefined) return asked
  if (/navy/i.test(question)) return NAVY
  if (/markdown|table|code/i.test(question)) return MARKDOWN
  return ' I can say this in my own words, and no datanet holds them. Ask about the navy with sources on to see a quotation.'
}

/** Finds whole sentences of the documents in the answer, by plain search. */
export function fakeTracer(documents: () => FakeDocument[]): Tracer {
  const spansIn = (answer: string, datanets: string[]) =>
    documents()
      .filter((d) => datanets.includes(d.datanet))
      .flatMap((d) =>
        (d.text.match(/[^.!?]+[.!?]/g) ?? []).flatMap((sentence) => {
          const words = sentence.trim()
          const from = answer.indexOf(words)
          return from === -1 || words.length < 30 ? [] : [{ from, to: from + words.length, words, d }]
        }),
      )
      .sort((a, b) => a.from - b.from)
  return {
    async retrieve(question, datanets) {
      const keys = question.toLowerCase().match(/[a-z]{4,}/g) ?? []
      const best = documents()
        .filter((d) => datanets.includes(d.datanet))
        .map((d) => ({ d, score: keys.filter((key) => d.text.toLowerCase().includes(key)).length / Math.max(1, keys.length) }))
        .sort((a, b) => b.score - a.score)[0]
      const open = best !== undefined && best.score >= 0.3
      const passages = open
        ? [{ datanet: best.d.datanet, document: best.d.document, start: 0, length: 60, text: best.d.text, entry: best.d.entry }]
        : []
      return { open, score: best?.score ?? 0, threshold: 0.3, passages }
    },
    async live(answer, datanets) {
      return spansIn(answer, datanets).map(({ from, to }) => ({ from, to }))
    },
    async trace({ answer, datanets, retrieved }) {
      const found = spansIn(answer, datanets)
      const total = BigInt(Math.max(1, answer.length)) << 18n
      const paid = found.filter(({ d }) => retrieved.some((p) => p.datanet === d.datanet && p.document === d.document))
      let running = 0n
      const spans = paid.map(({ from, to, words, d }, i): PaidSpan => {
        const surprisal = BigInt(words.length) << 18n
        const amount = (FEE * (running + surprisal)) / total - (FEE * running) / total
        running += surprisal
        const length = words.split(' ').length
        return {
          start: i,
          length,
          from,
          to,
          index: datanets.indexOf(d.datanet),
          document: d.document,
          position: d.text.slice(0, d.text.indexOf(words)).split(' ').length - 1,
          count: 1 + i,
          surprisal,
          amount,
        }
      })
      const byAccount = new Map<Hex, bigint>()
      const trace: Trace = {
        indexes: datanets.map((datanet) => ({ datanet, commitment: `0x${'1d'.repeat(32)}`, contributions: 43 })),
        answerTokens: answer.split(/\s+/).length,
        paidTokens: spans.reduce((sum, s) => sum + s.length, 0),
        totalSurprisal: total,
        spans,
        unpaid: found
          .filter((f) => !paid.includes(f))
          .map(({ from, to, words, d }) => ({
            from,
            to,
            length: words.split(' ').length,
            index: datanets.indexOf(d.datanet),
            document: d.document,
            count: 1,
            reason: 'not_eligible',
          })),
        shares: [],
        fee: FEE,
        documents: Object.fromEntries(found.map(({ d }) => [`${datanets.indexOf(d.datanet)}:${d.document}`, d.entry])),
      }
      for (const { amount, index, document } of spans) {
        const account = trace.documents[`${index}:${document}`].contributor
        byAccount.set(account, (byAccount.get(account) ?? 0n) + amount)
      }
      byAccount.set(COMMONS, FEE - spans.reduce((sum, s) => sum + s.amount, 0n))
      trace.shares = [...byAccount].map(([account, amount]) => ({ account, amount })).sort((a, b) => (a.account < b.account ? -1 : 1))
      return trace
    },
    async draft({ trace }) {
      const hash: Hex = `0x${'ab'.repeat(32)}`
      return {
        content: new Uint8Array([1]),
        contentHash: hash,
        sharesRoot: hash,
        shareCount: trace.shares.length,
        fee: trace.fee,
        salt: hash,
      }
    },
  }
}

/** Signs with a made-up id and walks posted → final → paid by the clock. */
export function fakeLedger(stageMs: number, changed: (id: Hex, state: ReceiptState) => void): Ledger {
  let nonce = 0n
  const payer: Hex = `0x${'51ab'.repeat(10)}`
  return {
    payer: async () => payer,
    nonce: async () => nonce++,
    async sign(draft, at) {
      const id: Hex = `0x${crypto.randomUUID().replaceAll('-', '').padEnd(64, '7')}`
      changed(id, { state: 'signed' })
      return { id, payer, nonce: at, draft, signature: `0x${'00'.repeat(65)}` }
    },
    async post({ id }) {
      setTimeout(() => changed(id, { state: 'posted', batch: 4, finalAt: (Date.now() + stageMs) / 1000 }), stageMs / 4)
      setTimeout(() => changed(id, { state: 'final', batch: 4 }), stageMs)
      setTimeout(() => changed(id, { state: 'paid', batch: 4 }), stageMs * 1.5)
    },
  }
}

const NAVY =
  ' “We have always looked to the navy of the country as our first and chief line of defense. We have always seen it to be our manifest course of prudence to be strong on the seas.”'

const MARKDOWN = ` ## A sample of markdown

Some *emphasis*, a [link](https://example.org/), \`inline code\`, and a list:

1. first
2. second, with a <b>tag</b> and <img src=x onerror=alert(1)> in it

| Year | Speaker | Ships |
| ---- | ------- | ----: |
| 1915 | Wilson  |    48 |
| 1941 | Roosevelt | 343 |

\`\`\`ts
const answer: number = 42
\`\`\`

> We have always looked to the navy of the country as our first and chief line of defense.`
