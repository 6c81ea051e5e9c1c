// One answer, end to end: retrieve → generate → trace → credit → receipt → outbox. Reading this file explains the product.
// It knows three ports and no tensor, suffix array, chain or page. Each stage is one event, so that whoever listens can
// save before showing: a closed tab loses at most the stage that was running.
import type { PaidSpan, Passage, Retrieval, Trace } from '../attribution/types.ts'
import type { ChatMessage, ChatUsage, Engine, Ledger, SignedReceipt, TraceRequest, Tracer } from './ports.ts'
import { buildPrompt } from './prompt.ts'

export interface AnswerRequest {
  question: string
  /** Earlier turns, oldest first. */
  history: ChatMessage[]
  /** Ids of the datanets whose documents are searched, for retrieval and for spans. */
  datanets: string[]
  askWithSources: boolean
  payContributors: boolean
  /** Digest of the adapter that quotes from sources; null when none is loaded. */
  quotingAdapter: string | null
  temperature: number
  topP?: number
  topK?: number
  seed?: number
  maxTokens?: number
  /** Text of an answer that was cut: generation goes on after it, and it is part of the answer. */
  continueFrom?: string
}

export type AnswerEvent =
  | { type: 'retrieved'; retrieval: Retrieval }
  | { type: 'prefill'; done: number; total: number }
  /** The whole text so far. */
  | { type: 'text'; text: string }
  /** Provisional marks of the text so far, UTF-16 ranges. */
  | { type: 'marks'; marks: { from: number; to: number }[] }
  | { type: 'generated'; text: string; reason: 'stop' | 'length' | 'cancelled'; usage: ChatUsage; adapter: string | null }
  | { type: 'traced'; trace: Trace; request: TraceRequest; names: CitedDocument[] }
  | { type: 'signed'; receipt: SignedReceipt; request: TraceRequest }
  | { type: 'queued'; receipt: SignedReceipt }

/** A name that the page may write: that of a document which a paid span was traced to. */
export interface CitedDocument {
  index: number
  document: number
  author: string
  title: string
  year: number | null
}

export interface Ports {
  engine: Engine
  tracer: Tracer
  /** Absent where no chain is reachable: answers are then traced but never signed. */
  ledger?: Ledger
}

/** Runs one answer. Cancelling ends generation; what was said by then is still traced, and paid for if asked. */
export async function* answer(request: AnswerRequest, ports: Ports, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const passages: Passage[] = []
  if (request.askWithSources) {
    const retrieval = await ports.tracer.retrieve(request.question, request.datanets, signal)
    if (retrieval.open) passages.push(...retrieval.passages)
    yield { type: 'retrieved', retrieval }
  }

  const prompt = buildPrompt({ question: request.question, history: request.history, passages })
  const begin = request.continueFrom ?? prompt.begin
  const adapter = prompt.adapter ? request.quotingAdapter : null
  const stream = ports.engine.chat(
    {
      messages: prompt.messages,
      max_tokens: request.maxTokens ?? prompt.maxTokens,
      temperature: request.temperature,
      ...(request.topP === undefined ? {} : { top_p: request.topP }),
      ...(request.topK === undefined ? {} : { top_k: request.topK }),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      stop: prompt.stop,
      adapter,
      begin,
    },
    signal,
  )
  let text = begin
  for await (const event of stream) {
    if (event.type === 'prefill') yield event
    else if (event.type === 'token') {
      text += event.text
      yield { type: 'text', text }
      yield { type: 'marks', marks: await ports.tracer.live(text, request.datanets) }
    } else yield { type: 'generated', text, reason: event.reason, usage: event.usage, adapter }
  }

  const traced: TraceRequest = {
    prompt: visitorWords(request),
    answer: text,
    retrieved: passages,
    adapters: adapter === null ? [] : [adapter],
    datanets: request.datanets,
  }
  const trace = await ports.tracer.trace(traced)
  yield { type: 'traced', trace, request: traced, names: citedDocuments(trace) }

  if (!request.payContributors || ports.ledger === undefined || trace.spans.length === 0) return
  const payer = await ports.ledger.payer()
  const nonce = await ports.ledger.nonce()
  const draft = await ports.tracer.draft({ ...traced, trace, model: ports.engine.model, payer, nonce })
  const receipt = await ports.ledger.sign(draft, nonce)
  yield { type: 'signed', receipt, request: traced }
  await ports.ledger.post(receipt)
  yield { type: 'queued', receipt }
}

/** Every word the visitor typed in this conversation; an answer that only repeats them pays nobody. */
function visitorWords(request: AnswerRequest): string {
  return [...request.history.filter((turn) => turn.role === 'user').map((turn) => turn.content), request.question].join('\n')
}

/** Names come from the trace alone, in the order of their first paid span: the model is never asked who said it. */
export function citedDocuments(trace: Trace): CitedDocument[] {
  const seen = new Map<string, CitedDocument>()
  for (const span of trace.spans as PaidSpan[]) {
    const key = `${span.index}:${span.document}`
    const entry = trace.documents[key]
    if (entry === undefined || seen.has(key)) continue
    seen.set(key, { index: span.index, document: span.document, author: entry.author, title: entry.title, year: entry.year })
  }
  return [...seen.values()]
}
