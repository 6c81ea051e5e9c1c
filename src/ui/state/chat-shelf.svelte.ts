// The conversations the page holds: the list, those that were opened, and their safe keeping. It knows no engine and no
// rule of asking (chat.svelte.ts).
// Invariants: a change always applies to the latest form of a conversation, so that a rename during an answer is not lost;
// `settle` shows nothing that is not saved; what streams is shown at most once a frame, and saved soon after, whether or not
// more follows; a temporary conversation is never written anywhere and never listed.
import * as talk from '../../chat/conversation.ts'
import type { Notices } from './notices.svelte.ts'

/** For so long at most, ms, words that stream are shown and not saved. */
const UNSAVED_MS = 800

type Change = (conversation: talk.Conversation) => talk.Conversation

/** A hidden page gets no frames, and its answers go on. */
function nextFrame(run: () => void): void {
  if (typeof document === 'undefined' || document.hidden) setTimeout(run, 16)
  else requestAnimationFrame(run)
}

export class ConversationShelf {
  #headings = $state.raw<talk.ConversationHeading[]>([])
  /** What is drawn; behind `#held` by at most a frame. */
  #drawn = $state.raw<Record<string, talk.Conversation>>({})
  #held = new Map<string, talk.Conversation>()
  #toDraw = new Set<string>()
  /** Saves to come of what streams. */
  #saves = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(
    private store: talk.ConversationStore,
    private notices: Notices,
  ) {}

  get headings(): readonly talk.ConversationHeading[] {
    return this.#headings
  }

  /** For eyes: follows changes. */
  drawn(id: string): talk.Conversation | undefined {
    return this.#drawn[id]
  }

  /** For verbs: the latest. */
  get(id: string): talk.Conversation | undefined {
    return this.#held.get(id)
  }

  async readHeadings(): Promise<void> {
    try {
      this.#headings = await this.store.list()
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  /** From memory, else from the store. @throws storage_failed */
  async load(id: string): Promise<talk.Conversation | undefined> {
    return this.#held.get(id) ?? (await this.store.load(id))
  }

  hold(conversation: talk.Conversation): void {
    this.#held.set(conversation.id, conversation)
    this.#drawn = { ...this.#drawn, [conversation.id]: conversation }
  }

  list(conversation: talk.Conversation): void {
    if (conversation.temporary) return
    this.#headings = [talk.headingOf(conversation), ...this.#headings.filter((heading) => heading.id !== conversation.id)]
  }

  /** Several that were saved already, each in its place by age: reading all of them anew would stop the page. */
  listSaved(saved: readonly talk.Conversation[]): void {
    const ids = new Set(saved.map(({ id }) => id))
    const others = this.#headings.filter(({ id }) => !ids.has(id))
    this.#headings = [...saved.map(talk.headingOf), ...others].sort((a, b) => b.changedAt - a.changedAt)
  }

  /** Shown at once, saved behind. */
  change(id: string, change: Change): void {
    const before = this.#held.get(id)
    if (before === undefined) return
    const after = change(before)
    this.hold(after)
    void this.save(after)
  }

  /** Shown with the next frame, saved a moment later. */
  stream(id: string, change: Change): void {
    const before = this.#held.get(id)
    if (before === undefined) return
    this.#held.set(id, change(before))
    if (this.#toDraw.size === 0) nextFrame(() => this.#draw())
    this.#toDraw.add(id)
    if (!this.#saves.has(id))
      this.#saves.set(
        id,
        setTimeout(() => this.#saveLatest(id), UNSAVED_MS),
      )
  }

  /** Saved, then shown. */
  async settle(id: string, change: Change): Promise<void> {
    const before = this.#held.get(id)
    if (before === undefined) return
    await this.save(change(before))
    // Somebody may have renamed or switched versions while it was written: fold again over the latest.
    const latest = this.#held.get(id)
    if (latest !== undefined) this.hold(change(latest))
  }

  /** @returns whether the words are safe; if not, it was said why */
  async save(conversation: talk.Conversation): Promise<boolean> {
    // This is the latest: one that was to come would write what is older over it.
    clearTimeout(this.#saves.get(conversation.id))
    this.#saves.delete(conversation.id)
    if (conversation.temporary) return true
    try {
      await this.store.save(conversation)
      return true
    } catch (thrown) {
      this.notices.problem(thrown)
      return false
    }
  }

  /** Changes a conversation that may not be open, and its place in the list with it. @throws storage_failed */
  async amend(id: string, change: Change): Promise<void> {
    const conversation = await this.load(id)
    if (conversation === undefined) return
    const changed = change(this.#held.get(id) ?? conversation)
    if (this.#held.has(id)) this.change(id, change)
    else await this.save(changed)
    this.#headings = this.#headings.map((heading) => (heading.id === id ? talk.headingOf(changed) : heading))
  }

  /** @throws storage_failed */
  async remove(id: string): Promise<void> {
    clearTimeout(this.#saves.get(id))
    this.#saves.delete(id)
    await this.store.remove(id)
    this.#held.delete(id)
    const { [id]: _gone, ...rest } = this.#drawn
    this.#drawn = rest
    this.#headings = this.#headings.filter((heading) => heading.id !== id)
  }

  #saveLatest(id: string): void {
    const latest = this.#held.get(id)
    if (latest !== undefined) void this.save(latest)
  }

  #draw(): void {
    const fresh = [...this.#toDraw].flatMap((id) => {
      const conversation = this.#held.get(id)
      return conversation === undefined ? [] : [[id, conversation] as const]
    })
    this.#toDraw.clear()
    if (fresh.length > 0) this.#drawn = { ...this.#drawn, ...Object.fromEntries(fresh) }
  }
}
