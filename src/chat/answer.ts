// One answer, end to end: retrieve → generate → trace → credit → receipt → outbox. Reading this file explains the product.
// It knows three ports and no tensor, suffix array, chain or page. Each stage is one event, so that whoever listens can
// save before showing: a closed tab loses at most the stage that was running.
import type { PaidSpan, Passage, Retrieval, Trace, Utterance } from '../attribution/types.ts'
import { type Attachment, withAttachments } from './attachment.ts'
import { type ContextFit, fitContext } from './context.ts'
import type { ChatMessage, ChatUsage, Engine, Ledger, SignedReceipt, Speaker, TraceRequest, Tracer } from './ports.ts'
import { buildPrompt, type Prompt } from './prompt.ts'
import { requestSampling, type SamplingSettings } from './sampling-fields.ts'

/** auto: the one that quotes from the datanet a passage came from; null: the backbone alone; else a digest. */
export type AdapterChoice = 'auto' | (string & {}) | null

export interface AnswerRequest extends SamplingSettings {
  question: string
  /** Earlier turns, oldest first. */
  history: ChatMessage[]
  /** Ids of the datanets whose documents are searched, for retrieval and for spans. */
  datanets: string[]
  askWithSources: boolean
  payContributors: boolean
  /** Datanet id → digest of the loaded adapter that quotes from it. */
  quotingAdapters: Record<string, string>
  adapter: AdapterChoice
  /** Begins the conversation, except where a source is quoted: the quoting adapters were trained on one of their own. */
  system?: string
  /** Texts beside the question. They take the place of sources: nothing is retrieved for a question that brings its own. */
  attachments?: Attachment[]
  /** Further words that are the visitor's own and so never paid, such as answers that were edited. */
  ownWords?: string[]
  seed?: number
  maxTokens?: number
  stop?: string[]
  /** Text of an answer that was cut: generation goes on after it, and it is part of the answer. */
  continueFrom?: string
}

export type AnswerEvent =
  | { type: 'retrieved'; retrieval: Retrieval }
  /** Who is going to answer, and what of the conversation was left out. */
  | { type: 'begun'; speaker: Speaker; context: ContextFit }
  | { type: 'prefill'; done: number; total: number }
  /** The whole text so far. */
  | { type: 'text'; text: string }
  /** Provisional marks of the text so far, UTF-16 ranges. */
  | { type: 'marks'; marks: { from: number; to: number }[] }
  /** `said`: what the local engine drew and how, where a receipt will be signed. */
  | { type: 'generated'; text: string; reason: 'stop' | 'length' | 'cancelled'; usage: ChatUsage; speaker: Speaker; said?: Utterance }
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
  if (asksWithSources(request)) {
    const retrieval = await ports.tracer.retrieve(request.question, request.datanets, signal)
    if (retrieval.open) passages.push(...retrieval.passages)
    yield { type: 'retrieved', retrieval }
  }

  const prompt = promptOf(request, passages)
  const begin = request.continueFrom ?? prompt.begin
  const voice = ports.engine.voice
  const speaker: Speaker = { ...voice, adapter: voice.engine === 'local' ? chosenAdapter(request, passages[0]) : null }
  const { messages, fit } = await fitContext(prompt.messages, request.maxTokens ?? prompt.maxTokens, ports.engine, begin)
  yield { type: 'begun', speaker, context: fit }

  const stream = ports.engine.chat(
    {
      messages,
      max_tokens: fit.answerTokens,
      temperature: request.temperature,
      ...requestSampling(request),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      stop: [...prompt.stop, ...(request.stop ?? [])],
      adapter: speaker.adapter,
      begin,
      // A conversation that nobody pays for leaves no more behind than its words.
      ...(request.payContributors ? { record: true } : {}),
      // An answer with a source mostly quotes it.
      ...(passages.length > 0 ? { drafts: { datanets: request.datanets } } : {}),
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
    } else {
      const { reason, usage, said } = event
      yield { type: 'generated', text, reason, usage, speaker, ...(said === undefined ? {} : { said }) }
    }
  }

  const traced: TraceRequest = {
    prompt: visitorWords(request),
    answer: text,
    retrieved: passages,
    adapters: speaker.adapter === null ? [] : [speaker.adapter],
    datanets: request.datanets,
  }
  const trace = await ports.tracer.trace(traced)
  yield { type: 'traced', trace, request: traced, names: citedDocuments(trace) }

  if (!request.payContributors || ports.ledger === undefined || trace.spans.length === 0) return
  // A receipt names its backbone by digest; for an engine that tells none, no receipt could be checked.
  if (speaker.modelDigest === null) return
  const payer = await ports.ledger.payer()
  const nonce = await ports.ledger.nonce()
  const draft = await ports.tracer.draft({ ...traced, trace, model: speaker.modelDigest, payer, nonce })
  const receipt = await ports.ledger.sign(draft, nonce)
  yield { type: 'signed', receipt, request: traced }
  await ports.ledger.post(receipt)
  yield { type: 'queued', receipt }
}

/**
 * What the question would take of the context if no source is found for it: a found one replaces the earlier turns, and is
 * shorter. Nothing is sent. @throws question_too_long
 */
export async function measure(request: AnswerRequest, engine: Pick<Engine, 'contextTokens' | 'count'>): Promise<ContextFit> {
  const prompt = promptOf(request, [])
  return (await fitContext(prompt.messages, request.maxTokens ?? prompt.maxTokens, engine, request.continueFrom)).fit
}

export function asksWithSources(request: Pick<AnswerRequest, 'askWithSources' | 'attachments'>): boolean {
  return request.askWithSources && (request.attachments ?? []).length === 0
}

function promptOf(request: AnswerRequest, passages: Passage[]): Prompt {
  const question = withAttachments(request.question, request.attachments)
  const prompt = buildPrompt({ question, history: request.history, passages })
  const system = request.system?.trim() ?? ''
  if (system === '' || passages.length > 0) return prompt
  return { ...prompt, messages: [{ role: 'system', content: system }, ...prompt.messages] }
}

function chosenAdapter({ adapter, quotingAdapters }: AnswerRequest, best: Passage | undefined): string | null {
  if (adapter !== 'auto') return adapter
  return best === undefined ? null : (quotingAdapters[best.datanet] ?? null)
}

/** Every word the visitor typed or attached in this conversation; an answer that only repeats them pays nobody. */
function visitorWords(request: AnswerRequest): string {
  const asked = request.history.filter((turn) => turn.role === 'user').map((turn) => turn.content)
  const system = request.system === undefined ? [] : [request.system]
  return [...system, ...asked, ...(request.ownWords ?? []), withAttachments(request.question, request.attachments)].join('\n')
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
