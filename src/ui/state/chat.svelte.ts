// The conversation on the page and everything one can do in it: ask, edit, branch, choose, go on, stop, take back. The data
// and its rules are chat/conversation.ts, keeping is chat-shelf, running is chat-answers; this ties them to the address.
// Invariants: a question is saved before it is asked; a question sent while an answer runs waits in the conversation's own
// queue, and is asked only after an answer that ended well.
import type { Attachment } from '../../chat/attachment.ts'
import type { ContextFit } from '../../chat/context.ts'
import * as talk from '../../chat/conversation.ts'
import type { SamplingField } from '../../chat/sampling-fields.ts'
import { removeTurn, restoreTurn } from '../../chat/turn-removal.ts'
import type { Services } from '../services.ts'
import { strings } from '../strings.ts'
import { AnswerQueue, allDatanets, type Ended, requestFor } from './chat-answers.svelte.ts'
import { ConversationShelf } from './chat-shelf.svelte.ts'
import type { EngineView } from './engine.svelte.ts'
import type { Notices } from './notices.svelte.ts'
import type { Preferences } from './preferences.svelte.ts'
import type { Router } from './route.svelte.ts'

/** So that an address of one that is gone can say what it was. */
const TEMPORARY = 'temporary-'

/** Options that may be absent. */
type Optional = 'model' | 'sideBySide' | 'system' | 'seed' | 'maxTokens' | 'stop' | SamplingField

export class ChatState {
  readonly shelf: ConversationShelf
  readonly answers: AnswerQueue
  #openId = $state.raw<string | null>(null)
  /** Shown before its first question gave it a place in the list. */
  #draft = $state.raw<talk.Conversation>()
  #missing = $state.raw(false)

  constructor(
    private services: Services,
    engine: EngineView,
    private router: Router,
    private notices: Notices,
    private preferences: Preferences,
  ) {
    this.shelf = new ConversationShelf(services.conversations, notices)
    this.answers = new AnswerQueue(services, engine, this.shelf, notices, (job) => void this.#afterAnswers(job))
    this.#draft = this.#newDraft()
  }

  get headings(): readonly talk.ConversationHeading[] {
    return this.shelf.headings
  }

  get current(): talk.Conversation {
    return (this.#openId === null ? undefined : this.shelf.drawn(this.#openId)) ?? this.#draft!
  }

  /** The address names a conversation that is not on this machine. */
  get missing(): boolean {
    return this.#missing
  }

  /** It was a temporary one, whose words are gone by design. */
  get missingTemporary(): boolean {
    return this.#missing && this.#openId?.startsWith(TEMPORARY) === true
  }

  /** The open conversation has an answer that runs or waits. */
  get busy(): boolean {
    return this.answers.busy(this.current.id)
  }

  /** The answer of the open conversation waits for another conversation's. */
  get queued(): boolean {
    return this.answers.waits(this.current.id)
  }

  async begin(): Promise<void> {
    await this.shelf.readHeadings()
  }

  /** Shows a conversation; what was running when the page went away is marked as cut, what waited goes on. */
  async open(id: string | null): Promise<void> {
    this.#missing = false
    this.#openId = id
    if (id === null) {
      this.#draft = this.#newDraft()
      return
    }
    if (this.shelf.get(id) || this.#draft?.id === id) return
    try {
      const found = await this.shelf.load(id)
      if (found === undefined) this.#missing = this.#openId === id
      else if (this.shelf.get(id) === undefined) {
        const conversation = talk.afterReload(found)
        this.shelf.hold(conversation)
        const waiting = conversation.messages.filter((m) => m.role === 'assistant' && m.state === 'waiting')
        this.answers.add(
          id,
          waiting.map((m) => m.id),
        )
      }
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  /** Asks, or queues the question behind the answer that runs. @returns whether it was taken */
  async send(text: string, attachments: Attachment[] = []): Promise<boolean> {
    const question = text.trim()
    if (question === '') return false
    const asked = { text: question, ...(attachments.length > 0 ? { attachments } : {}) }
    if (!this.busy) return this.#ask(this.#latest(), asked)
    const waiting = { id: crypto.randomUUID(), at: Date.now(), ...asked }
    this.shelf.change(this.current.id, (c) => ({ ...c, queued: [...c.queued, waiting] }))
    return true
  }

  editQueued(id: string, text: string): void {
    const words = text.trim()
    if (words === '') this.removeQueued(id)
    else this.shelf.change(this.current.id, (c) => ({ ...c, queued: c.queued.map((q) => (q.id === id ? { ...q, text: words } : q)) }))
  }

  removeQueued(id: string): void {
    this.shelf.change(this.current.id, (c) => ({ ...c, queued: c.queued.filter((q) => q.id !== id) }))
  }

  /** Asks the first waiting question: what follows an answer that ended badly is asked only by hand. */
  async sendQueued(): Promise<void> {
    if (!this.busy) await this.#askNext(this.current.id)
  }

  /** Other words for a question: a branch beside the old one, answered anew. */
  async editQuestion(id: string, text: string): Promise<boolean> {
    const before = talk.findQuestion(this.current, id)
    if (before === undefined || text.trim() === '' || this.busy) return false
    const { parent, attachments } = before
    return this.#ask(this.#latest(), { text: text.trim(), parent, ...(attachments ? { attachments } : {}) })
  }

  /** Other words for an answer, marked as the visitor's. */
  rewriteAnswer(id: string, text: string): void {
    if (text.trim() !== '') this.shelf.change(this.current.id, (c) => talk.rewrite(c, id, text, Date.now()))
  }

  /** A further answer to the same question, perhaps by another model or adapter. */
  regenerate(answerId: string, otherwise: Pick<Partial<talk.ConversationOptions>, 'model' | 'adapter'> = {}): void {
    const { id } = this.current
    const answer = talk.findAnswer(this.current, answerId)
    if (this.busy || answer === undefined) return
    const fresh = crypto.randomUUID()
    this.shelf.change(id, (c) => talk.regenerate(c, answer.parent, otherwise, Date.now(), () => fresh))
    this.answers.add(id, [fresh])
  }

  /** Goes on after the last word of an answer that did not end. */
  resume(answerId: string): void {
    const { id } = this.current
    if (this.busy) return
    this.shelf.change(id, (c) => talk.resume(c, answerId, Date.now()))
    this.answers.add(id, [answerId])
  }

  stop(): void {
    this.answers.stop(this.current.id, 'Stopped')
  }

  show(id: string): void {
    this.shelf.change(this.current.id, (c) => talk.show(c, id))
  }

  /** Goes on with one of several answers that stand beside each other. */
  choose(answerId: string): void {
    this.shelf.change(this.current.id, (c) => talk.choose(c, answerId))
  }

  removeTurn(questionId: string): void {
    const { id } = this.current
    const taken = this.busy ? null : removeTurn(this.#latest(), questionId, Date.now())
    if (taken === null) return
    this.shelf.change(id, () => taken.conversation)
    this.notices.done(strings.turn.removed, {
      label: strings.undo,
      run: () => this.shelf.change(id, (c) => restoreTurn(c, taken.removed, Date.now())),
    })
  }

  setOptions(change: Partial<talk.ConversationOptions>): void {
    this.#putOptions({ ...this.current.options, ...change })
  }

  clearOptions(...names: Optional[]): void {
    const options = { ...this.current.options }
    for (const name of names) delete options[name]
    this.#putOptions(options)
  }

  /** The next chat is one that leaves nothing, or is not; only before its first question. */
  setTemporary(on: boolean): void {
    if (this.current.messages.length > 0) return
    const { temporary: _was, ...draft } = this.#newDraft()
    const options = { ...this.current.options, payContributors: false }
    this.#draft = on ? { ...draft, id: TEMPORARY + draft.id, options, temporary: true } : { ...draft, options }
  }

  /** What the question would take of the context if it were asked now. @throws question_too_long */
  async measure(text: string, attachments: Attachment[]): Promise<ContextFit> {
    const { current } = this
    const parent = talk.lastVersion(current)?.id ?? null
    const question = { role: 'user' as const, id: '', parent, at: 0, text, attachments }
    const version = { options: current.options, text: '' }
    return this.services.measure(requestFor(current, question, version, await allDatanets(current.options, this.services), 0))
  }

  judge(answerId: string, feedback: talk.Feedback | null): void {
    this.shelf.change(this.current.id, (c) => talk.judge(c, answerId, feedback))
  }

  async rename(id: string, title: string): Promise<void> {
    if (title.trim() !== '') await this.shelf.amend(id, (c) => ({ ...c, title: title.trim(), titleByHand: true }))
  }

  async remove(id: string): Promise<void> {
    try {
      const conversation = await this.shelf.load(id)
      if (conversation === undefined) return
      this.answers.stop(id, 'Deleted')
      await this.shelf.remove(id)
      if (this.#openId === id) this.router.go({ room: 'chat', id: null })
      this.notices.done(strings.conversations.removed(conversation.title), {
        label: strings.undo,
        run: () => void this.#restore(talk.afterReload(conversation)),
      })
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  async #ask(before: talk.Conversation, asked: talk.Asked): Promise<boolean> {
    const parent = asked.parent === undefined ? talk.lastVersion(before)?.id : asked.parent
    // Asking on decides between answers that stand beside each other: for the one that is shown.
    const decided = parent == null ? before : talk.choose(before, parent)
    const conversation = talk.ask(decided, asked, Date.now())
    if (!(await this.shelf.save(conversation))) return false
    this.shelf.hold(conversation)
    this.shelf.list(conversation)
    if (this.current.id === before.id) {
      this.#openId = conversation.id
      this.router.settle({ room: 'chat', id: conversation.id })
    }
    const known = new Set(before.messages.map(({ id }) => id))
    const fresh = conversation.messages.filter((m) => m.role === 'assistant' && !known.has(m.id))
    this.answers.add(
      conversation.id,
      fresh.map((m) => m.id),
    )
    return true
  }

  async #afterAnswers({ conversation: id, answers, stoppedAt }: Ended): Promise<void> {
    const conversation = this.shelf.get(id)
    // Written by someone who had stopped the answer already: asked, and only had to wait for the trace.
    const after = stoppedAt !== null && (conversation?.queued[0]?.at ?? 0) > stoppedAt
    const well = answers.every((answer) => {
      const state = conversation && talk.findAnswer(conversation, answer)?.state
      return state === 'complete' || state === 'too_long'
    })
    if (stoppedAt === null) this.#tellEnd(id, well)
    if (well || after) await this.#askNext(id)
  }

  /** The end of an answer, for somebody who looks elsewhere meanwhile. */
  #tellEnd(id: string, well: boolean): void {
    const conversation = this.shelf.get(id)
    const shown = this.router.route.room === 'chat' && this.current.id === id
    // What waits behind it is asked now: the end is still to come.
    if (conversation === undefined || (well && conversation.queued.length > 0) || (shown && !this.notices.hidden)) return
    const look = { label: strings.log.show, run: () => this.router.go({ room: 'chat', id }) }
    this.notices.done(strings.log.ended(conversation.title || strings.conversations.untitled, well), shown ? null : look)
  }

  async #askNext(id: string): Promise<void> {
    const conversation = this.shelf.get(id)
    const next = conversation?.queued[0]
    if (conversation === undefined || next === undefined) return
    const { text, attachments } = next
    const rest = { ...conversation, queued: conversation.queued.slice(1) }
    await this.#ask(rest, { text, ...(attachments ? { attachments } : {}) })
  }

  async #restore(conversation: talk.Conversation): Promise<void> {
    if (!(await this.shelf.save(conversation))) return
    this.shelf.list(conversation)
    this.router.go({ room: 'chat', id: conversation.id })
  }

  #latest(): talk.Conversation {
    return this.shelf.get(this.current.id) ?? this.current
  }

  #putOptions(options: talk.ConversationOptions): void {
    if (!this.current.temporary) this.preferences.learn(options)
    if (this.#openId !== null && this.shelf.get(this.#openId)) this.shelf.change(this.#openId, (c) => ({ ...c, options }))
    else this.#draft = { ...this.#draft!, options }
  }

  #newDraft(): talk.Conversation {
    return talk.newConversation(crypto.randomUUID(), Date.now(), this.preferences.firstOptions())
  }
}
