// The collection of conversations around the open one: search over all of them, pin, archive, titles, export and import.
// Keeping is chat-shelf, the open conversation is chat.svelte.ts; formats are chat/archive.ts.
// Invariants: an import adds and never changes; all of a file or nothing of it comes in; texts for searching are held while
// somebody searches, and let go after.
import type { Conversation } from '../../chat/conversation.ts'
import { suggestedTitle } from '../../chat/title.ts'
import { type Found, type SearchText, search, searchText } from '../chat/list/search.ts'
import type { Services } from '../services.ts'
import { strings } from '../strings.ts'
import type { ConversationShelf } from './chat-shelf.svelte.ts'
import type { Notices } from './notices.svelte.ts'
import type { Router } from './route.svelte.ts'

/** Conversations read at once while the search texts are gathered. */
const BATCH = 25

export class Conversations {
  #query = $state('')
  #found = $state.raw<Found[]>([])
  #reading = $state.raw<{ done: number; all: number } | null>(null)
  #finding = $state.raw<{ words: string } | null>(null)
  #texts = new Map<string, SearchText>()
  #run = 0

  constructor(
    private services: Services,
    private shelf: ConversationShelf,
    private router: Router,
    private notices: Notices,
  ) {}

  get query(): string {
    return this.#query
  }

  get found(): readonly Found[] {
    return this.#found
  }

  /** How far the texts are gathered; null when all of them are. */
  get reading(): { done: number; all: number } | null {
    return this.#reading
  }

  /** Finds what is here already at once, and the rest as it is read. */
  async search(query: string): Promise<void> {
    this.#query = query
    const run = ++this.#run
    if (query.trim() === '') {
      this.#found = []
      this.#reading = null
      this.#texts.clear()
      return
    }
    const headings = this.shelf.headings
    const fresh = headings.filter(({ id, changedAt }) => this.#texts.get(id)?.changedAt !== changedAt)
    for (let done = 0; done < fresh.length; done += BATCH) {
      this.#reading = { done: headings.length - fresh.length + done, all: headings.length }
      if (done > 0) this.#look()
      await Promise.all(fresh.slice(done, done + BATCH).map((heading) => this.#gather(heading.id, heading.changedAt)))
      if (run !== this.#run) return
    }
    this.#reading = null
    this.#look()
  }

  /** What the bar over the open conversation looks for; null while it is closed. */
  get finding(): { words: string } | null {
    return this.#finding
  }

  find(words: string): void {
    this.#finding = { words }
  }

  endFind(): void {
    this.#finding = null
  }

  async pin(id: string, on: boolean): Promise<void> {
    // What is pinned is wanted at hand, so it comes out of the archive.
    await this.#amend(id, ({ pinned: _was, ...c }) => (on ? withoutArchived({ ...c, pinned: true }) : c))
  }

  async archive(id: string, on: boolean, title: string): Promise<void> {
    await this.#amend(id, (c) => (on ? { ...c, archived: true } : withoutArchived(c)))
    if (on) {
      const undo = { label: strings.undo, run: () => void this.archive(id, false, title) }
      this.notices.done(strings.conversations.archived(title), undo)
    }
  }

  /** A title that says more than the present one, unless the visitor chose that. */
  async betterTitle(id: string): Promise<string | null> {
    const conversation = await this.shelf.load(id)
    return conversation === undefined || conversation.titleByHand ? null : suggestedTitle(conversation)
  }

  async exportOne(id: string, form: 'markdown' | 'json'): Promise<void> {
    await this.#told(async () => {
      const files = await import('../chat/list/archive-file.ts')
      const conversation = await this.shelf.load(id)
      if (conversation === undefined) return
      files.save(form === 'json' ? files.oneAsJson(conversation, Date.now()) : files.oneAsMarkdown(conversation))
    })
  }

  async exportAll(): Promise<void> {
    await this.#told(async () => {
      const files = await import('../chat/list/archive-file.ts')
      files.save(await files.allAsZip(this.#each(), Date.now()))
    })
  }

  /** Adds what the files hold; a receipt that this browser does not keep is left out of its answer. */
  async importFiles(chosen: readonly File[]): Promise<void> {
    await this.#told(async () => {
      const files = await import('../chat/list/archive-file.ts')
      const read = (await Promise.all(chosen.map((file) => files.readFile(file, Date.now())))).flat()
      const kept = new Set((await this.services.receipts.list()).map(({ id }) => id as string))
      const saved: Conversation[] = []
      for (const conversation of read) {
        const known = withKnownReceipts(conversation, kept)
        if (!(await this.shelf.save(known))) break
        saved.push(known)
      }
      this.shelf.listSaved(saved)
      if (saved.length < read.length) await this.#takeBack(saved)
      else {
        const undo = { label: strings.undo, run: () => void this.#told(() => this.#takeBack(saved)) }
        this.notices.done(strings.conversations.imported(saved.length), undo)
        if (saved.length === 1) this.router.go({ room: 'chat', id: saved[0].id })
      }
    })
  }

  async *#each(): AsyncGenerator<Conversation> {
    for (const { id } of this.shelf.headings) {
      const conversation = await this.shelf.load(id)
      if (conversation !== undefined) yield conversation
    }
  }

  #look(): void {
    this.#found = search([...this.#texts.values()], this.#query)
  }

  async #gather(id: string, changedAt: number): Promise<void> {
    try {
      const conversation = await this.shelf.load(id)
      if (conversation === undefined) this.#texts.delete(id)
      else this.#texts.set(id, { ...searchText(conversation), changedAt })
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }

  async #takeBack(saved: readonly Conversation[]): Promise<void> {
    for (const { id } of saved) {
      await this.shelf.remove(id)
      const { route } = this.router
      if (route.room === 'chat' && route.id === id) this.router.go({ room: 'chat', id: null })
    }
  }

  async #amend(id: string, change: (conversation: Conversation) => Conversation): Promise<void> {
    await this.#told(() => this.shelf.amend(id, change))
  }

  async #told(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }
}

function withKnownReceipts(conversation: Conversation, kept: ReadonlySet<string>): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) => {
      if (message.role === 'user' || message.receipt === undefined || kept.has(message.receipt)) return message
      const { receipt: _unknown, ...answer } = message
      return answer
    }),
  }
}

function withoutArchived({ archived: _was, ...conversation }: Conversation): Conversation {
  return conversation
}
