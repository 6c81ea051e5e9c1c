// Conversations on the page: which is open, what runs, what is saved. It folds the events of an answer into plain data
// (chat/conversation.ts) and keeps that data safe; it neither draws nor computes an answer.
// Invariants: one answer runs at a time, the others wait in order; a question and the end of every stage are saved
// before they are shown; words that stream are saved at least every second; a change always applies to the latest
// conversation, so that a rename during an answer is not lost.
import type { AnswerEvent } from '../../chat/answer.ts'
import * as talk from '../../chat/conversation.ts'
import { OpenChatError, toWire } from '../../errors.ts'
import type { Services } from '../services.ts'
import { strings } from '../strings.ts'
import type { EngineView } from './engine.svelte.ts'
import type { Notices } from './notices.svelte.ts'
import type { Preferences } from './preferences.svelte.ts'
import type { Router } from './route.svelte.ts'

const SAVE_EVERY_MS = 800

interface Job {
  conversation: string
  version: number
  continueFrom: string | null
  cancel: AbortController
}

export class ChatState {
  #headings = $state.raw<talk.ConversationHeading[]>([])
  #loaded = $state.raw<Record<string, talk.Conversation>>({})
  #openId = $state.raw<string | null>(null)
  /** Shown before its first question gave it a place in the list. */
  #draft = $state.raw<talk.Conversation>()
  #missing = $state.raw(false)
  #jobs = $state.raw<Job[]>([])
  #progress = $state.raw<{ done: number; total: number } | null>(null)

  constructor(
    private services: Services,
    private engine: EngineView,
    private router: Router,
    private notices: Notices,
    private preferences: Preferences,
  ) {
    this.#draft = this.#newDraft()
  }

  get headings(): readonly talk.ConversationHeading[] {
    return this.#headings
  }

  get current(): talk.Conversation {
    return (this.#openId === null ? undefined : this.#loaded[this.#openId]) ?? this.#draft!
  }

  /** The address names a conversation that is not on this machine. */
  get missing(): boolean {
    return this.#missing
  }

  /** The open conversation has an answer that runs or waits. */
  get busy(): boolean {
    return this.#jobs.some((job) => job.conversation === this.current.id)
  }

  /** Progress of reading the question, in tokens, of the answer that runs now. */
  get prefill(): { done: number; total: number } | null {
    return this.#jobs[0]?.conversation === this.current.id ? this.#progress : null
  }

  /** The answer of the open conversation waits for another conversation's. */
  get queued(): boolean {
    return this.busy && this.#jobs[0].conversation !== this.current.id
  }

  async begin(): Promise<void> {
    try {
      this.#headings = await this.services.conversations.list()
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  /** Shows a conversation; what was running when the page went away is marked as cut, what waited goes on. */
  async open(id: string | null): Promise<void> {
    this.#missing = false
    this.#openId = id
    if (id === null) {
      this.#draft = this.#newDraft()
      return
    }
    if (this.#loaded[id] || this.#draft?.id === id) return
    try {
      const found = await this.services.conversations.load(id)
      if (found === undefined) this.#missing = this.#openId === id
      else if (this.#loaded[id] === undefined) {
        const conversation = talk.afterReload(found)
        this.#loaded = { ...this.#loaded, [id]: conversation }
        const last = conversation.messages.at(-1)
        const waiting = last?.role === 'assistant' ? last.versions.findIndex((v) => v.state === 'waiting') : -1
        if (last?.role === 'assistant' && waiting >= 0) this.#enqueue(id, waiting, last.versions[waiting].text || null)
      }
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  async send(question: string): Promise<void> {
    if (this.busy || question.trim() === '') return
    const before = this.current
    const ids = { user: crypto.randomUUID(), assistant: crypto.randomUUID() }
    const conversation = talk.ask(before, question.trim(), ids, Date.now())
    if (!(await this.#save(conversation))) return
    this.#loaded = { ...this.#loaded, [conversation.id]: conversation }
    this.#openId = conversation.id
    this.router.settle({ room: 'chat', id: conversation.id })
    this.#list(conversation)
    this.#enqueue(conversation.id, 0, null)
  }

  regenerate(): void {
    const id = this.current.id
    if (this.busy) return
    this.#change(id, (c) => talk.regenerate(c, Date.now()))
    const last = this.#loaded[id]?.messages.at(-1)
    if (last?.role === 'assistant') this.#enqueue(id, last.shown, null)
  }

  /** Goes on after the last word of a cut or stopped answer. */
  resume(): void {
    const id = this.current.id
    if (this.busy) return
    this.#change(id, (c) => talk.resume(c, Date.now()))
    const last = this.#loaded[id]?.messages.at(-1)
    if (last?.role === 'assistant') this.#enqueue(id, last.shown, last.versions[last.shown].text || null)
  }

  stop(): void {
    for (const job of this.#jobs) if (job.conversation === this.current.id) job.cancel.abort(new DOMException('Stopped', 'AbortError'))
  }

  setOptions(change: Partial<talk.ConversationOptions>): void {
    const options = { ...this.current.options, ...change }
    this.preferences.learn(options)
    if (this.#openId !== null && this.#loaded[this.#openId]) this.#change(this.#openId, (c) => ({ ...c, options }))
    else this.#draft = { ...this.#draft!, options }
  }

  clearSeed(): void {
    const { seed: _seed, ...options } = this.current.options
    if (this.#openId !== null && this.#loaded[this.#openId]) this.#change(this.#openId, (c) => ({ ...c, options }))
    else this.#draft = { ...this.#draft!, options }
  }

  show(message: string, version: number): void {
    this.#change(this.current.id, (c) => talk.show(c, message, version))
  }

  async rename(id: string, title: string): Promise<void> {
    const name = title.trim()
    if (name === '') return
    const conversation = this.#loaded[id] ?? (await this.services.conversations.load(id))
    if (conversation === undefined) return
    if (this.#loaded[id]) this.#change(id, (c) => ({ ...c, title: name }))
    else await this.#save({ ...conversation, title: name })
    this.#headings = this.#headings.map((h) => (h.id === id ? { ...h, title: name } : h))
  }

  async remove(id: string): Promise<void> {
    try {
      const conversation = this.#loaded[id] ?? (await this.services.conversations.load(id))
      if (conversation === undefined) return
      for (const job of this.#jobs) if (job.conversation === id) job.cancel.abort(new DOMException('Deleted', 'AbortError'))
      await this.services.conversations.remove(id)
      const { [id]: _gone, ...rest } = this.#loaded
      this.#loaded = rest
      this.#headings = this.#headings.filter((h) => h.id !== id)
      if (this.#openId === id) this.router.go({ room: 'chat', id: null })
      this.notices.done(strings.conversations.removed(conversation.title), {
        label: strings.undo,
        run: () => void this.#restore(talk.afterReload(conversation)),
      })
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  async #restore(conversation: talk.Conversation): Promise<void> {
    if (!(await this.#save(conversation))) return
    this.#list(conversation)
    this.router.go({ room: 'chat', id: conversation.id })
  }

  #newDraft(): talk.Conversation {
    return talk.newConversation(crypto.randomUUID(), Date.now(), this.preferences.firstOptions())
  }

  #list(conversation: talk.Conversation): void {
    const heading = { id: conversation.id, title: conversation.title, changedAt: conversation.changedAt }
    this.#headings = [heading, ...this.#headings.filter((h) => h.id !== conversation.id)]
  }

  #change(id: string, change: (conversation: talk.Conversation) => talk.Conversation): void {
    const before = this.#loaded[id]
    if (before === undefined) return
    const after = change(before)
    this.#loaded = { ...this.#loaded, [id]: after }
    void this.#save(after)
  }

  async #save(conversation: talk.Conversation): Promise<boolean> {
    try {
      await this.services.conversations.save(conversation)
      return true
    } catch (thrown) {
      this.notices.problem(thrown)
      return false
    }
  }

  #enqueue(conversation: string, version: number, continueFrom: string | null): void {
    const job = { conversation, version, continueFrom, cancel: new AbortController() }
    this.#jobs = [...this.#jobs, job]
    if (this.#jobs.length === 1) void this.#runAll()
  }

  async #runAll(): Promise<void> {
    while (this.#jobs.length > 0) {
      await this.#run(this.#jobs[0])
      this.#progress = null
      this.#jobs = this.#jobs.slice(1)
    }
  }

  async #run(job: Job): Promise<void> {
    const change = (fold: (c: talk.Conversation) => talk.Conversation) => {
      const conversation = this.#loaded[job.conversation]
      return conversation === undefined ? undefined : fold(conversation)
    }
    const settle = async (fold: (c: talk.Conversation) => talk.Conversation) => {
      const next = change(fold)
      if (next === undefined) return
      await this.#save(next)
      // Somebody may have renamed or switched versions while it was written: fold again over the latest.
      const latest = change(fold)
      if (latest !== undefined) this.#loaded = { ...this.#loaded, [job.conversation]: latest }
    }
    try {
      await this.engine.whenReady(job.cancel.signal)
      const conversation = this.#loaded[job.conversation]
      const last = conversation?.messages.at(-1)
      if (conversation === undefined || last?.role !== 'assistant') return
      const { options } = last.versions[job.version]
      const request = {
        question: talk.lastQuestion(conversation),
        history: talk.history(conversation),
        datanets: options.datanets.length > 0 ? options.datanets : (await this.services.datanets.list()).map((d) => d.id),
        askWithSources: options.askWithSources,
        payContributors: options.payContributors,
        temperature: options.temperature,
        ...(options.temperature > 0 ? { seed: options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] } : {}),
        ...(job.continueFrom === null ? {} : { continueFrom: job.continueFrom }),
      }
      let savedAt = Date.now()
      for await (const event of this.services.ask(request, job.cancel.signal)) {
        const fold = (c: talk.Conversation) => talk.receive(c, job.version, event, Date.now())
        if (isStreaming(event)) {
          this.#progress = event.type === 'prefill' ? { done: event.done, total: event.total } : null
          const next = change(fold)
          if (next === undefined) return
          this.#loaded = { ...this.#loaded, [job.conversation]: next }
          if (Date.now() - savedAt < SAVE_EVERY_MS) continue
          savedAt = Date.now()
          await this.#save(next)
        } else await settle(fold)
      }
      await settle((c) => talk.stop(c, job.version, Date.now()))
    } catch (thrown) {
      const error = toWire(thrown)
      const now = Date.now()
      await settle((c) => (error.code === 'cancelled' ? talk.stop(c, job.version, now) : talk.fail(c, job.version, error, now)))
      if (!(thrown instanceof OpenChatError) && error.code !== 'cancelled') this.notices.problem(thrown)
    }
  }
}

function isStreaming(event: AnswerEvent): boolean {
  return event.type === 'prefill' || event.type === 'text' || event.type === 'marks'
}
