// Answers that run and answers that wait for them. One job at a time; a job is one answer, or several side by side to one
// question, which the engine batches. It folds their events into conversations on the shelf and decides nothing about what
// is asked (chat.svelte.ts).
// Invariants: the end of every stage is saved before it is shown; an answer that fails keeps the words it has.
import type { AnswerEvent } from '../../chat/answer.ts'
import * as talk from '../../chat/conversation.ts'
import { samplingOf } from '../../chat/sampling-fields.ts'
import { OpenChatError, toWire } from '../../errors.ts'
import type { AskRequest, Services } from '../services.ts'
import { strings } from '../strings.ts'
import type { ConversationShelf } from './chat-shelf.svelte.ts'
import type { EngineView } from './engine.svelte.ts'
import type { Notices } from './notices.svelte.ts'

interface Job {
  conversation: string
  answers: string[]
  cancel: AbortController
  /** When the visitor stopped it, ms since the epoch; its words are still traced then. */
  stoppedAt: number | null
}

export type Ended = Pick<Job, 'conversation' | 'answers' | 'stoppedAt'>

export class AnswerQueue {
  #jobs = $state.raw<Job[]>([])
  #progress = $state.raw<Record<string, { done: number; total: number }>>({})

  constructor(
    private services: Services,
    private engine: EngineView,
    private shelf: ConversationShelf,
    private notices: Notices,
    /** All answers of a job have ended. */
    private ended: (job: Ended) => void,
  ) {}

  /** Any answer runs or waits in this tab. */
  get running(): boolean {
    return this.#jobs.length > 0
  }

  /** An answer of this conversation runs or waits. */
  busy(conversation: string): boolean {
    return this.#jobs.some((job) => job.conversation === conversation)
  }

  /** Its answer waits for another conversation's. */
  waits(conversation: string): boolean {
    return this.busy(conversation) && this.#jobs[0].conversation !== conversation
  }

  /** Reading the question, in tokens. */
  prefill(answer: string): { done: number; total: number } | null {
    return this.#progress[answer] ?? null
  }

  add(conversation: string, answers: string[]): void {
    if (answers.length === 0) return
    this.#jobs = [...this.#jobs, { conversation, answers, cancel: new AbortController(), stoppedAt: null }]
    if (this.#jobs.length === 1) void this.#runAll()
  }

  stop(conversation: string, why: string): void {
    for (const job of this.#jobs.filter((job) => job.conversation === conversation)) {
      job.stoppedAt ??= Date.now()
      job.cancel.abort(new DOMException(why, 'AbortError'))
    }
  }

  async #runAll(): Promise<void> {
    while (this.#jobs.length > 0) {
      const job = this.#jobs[0]
      // One seed for all: what differs between columns is then the adapter alone.
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]
      await Promise.all(job.answers.map((answer) => this.#run(job, answer, seed)))
      this.#jobs = this.#jobs.slice(1)
      this.ended(job)
    }
  }

  async #run({ conversation: id, cancel }: Job, answerId: string, seed: number): Promise<void> {
    try {
      this.#useModel(id, answerId)
      await this.engine.whenReady(cancel.signal)
      const request = await this.#request(id, answerId, seed)
      if (request === null) return
      for await (const event of this.services.ask(request, cancel.signal)) {
        const fold = (c: talk.Conversation) => talk.receive(c, answerId, event, Date.now())
        if (!isStreaming(event)) {
          await this.shelf.settle(id, fold)
          continue
        }
        if (event.type === 'prefill') this.#progress = { ...this.#progress, [answerId]: { done: event.done, total: event.total } }
        if (this.shelf.get(id) === undefined) return
        this.shelf.stream(id, fold)
      }
      await this.shelf.settle(id, (c) => talk.stop(c, answerId, Date.now()))
    } catch (thrown) {
      const error = toWire(thrown)
      const now = Date.now()
      await this.shelf.settle(id, (c) => (error.code === 'cancelled' ? talk.stop(c, answerId, now) : talk.fail(c, answerId, error, now)))
      if (!(thrown instanceof OpenChatError) && error.code !== 'cancelled') this.notices.problem(thrown)
    } finally {
      const { [answerId]: _ended, ...rest } = this.#progress
      this.#progress = rest
    }
  }

  /** An answer that was asked of another model takes it, and it stays chosen. @throws model_gone */
  #useModel(id: string, answerId: string): void {
    const conversation = this.shelf.get(id)
    const model = conversation && talk.findAnswer(conversation, answerId)?.options.model
    if (model === undefined || model === this.engine.facts.chosen) return
    if (!this.engine.facts.choices.some((choice) => choice.id === model)) {
      throw new OpenChatError('model_gone', strings.voice.gone, { meta: { model }, action: strings.voice.goneAction })
    }
    this.engine.choose(model)
  }

  /** @returns null when the answer was deleted while it waited */
  async #request(id: string, answerId: string, seed: number): Promise<AskRequest | null> {
    const conversation = this.shelf.get(id)
    const answer = conversation && talk.findAnswer(conversation, answerId)
    const question = conversation && answer && talk.findQuestion(conversation, answer.parent)
    if (question === undefined) return null
    return requestFor(conversation!, question, answer!, await allDatanets(answer!.options, this.services), seed)
  }
}

/** Every datanet where none was chosen. */
export async function allDatanets(options: talk.ConversationOptions, services: Services): Promise<string[]> {
  return options.datanets.length > 0 ? options.datanets : (await services.datanets.list()).map((datanet) => datanet.id)
}

/** One answer as answer.ts takes it; words that are here already are gone on from. */
export function requestFor(
  conversation: talk.Conversation,
  question: talk.Question,
  { options, text }: Pick<talk.AnswerVersion, 'options' | 'text'>,
  datanets: string[],
  seed: number,
): AskRequest {
  const { askWithSources, adapter, temperature, model, system, maxTokens, stop } = options
  return {
    question: question.text,
    history: talk.history(conversation, question),
    ownWords: talk.editedWords(conversation, question),
    datanets,
    askWithSources,
    // What leaves nothing cannot leave a receipt.
    payContributors: options.payContributors && !conversation.temporary,
    adapter,
    temperature,
    ...(temperature > 0 ? { seed: options.seed ?? seed } : {}),
    ...(question.attachments === undefined ? {} : { attachments: question.attachments }),
    ...(model === undefined ? {} : { model }),
    ...(system === undefined ? {} : { system }),
    ...samplingOf(options),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(stop === undefined ? {} : { stop }),
    ...(text === '' ? {} : { continueFrom: text }),
  }
}

function isStreaming(event: AnswerEvent): boolean {
  return event.type === 'prefill' || event.type === 'text' || event.type === 'marks'
}
