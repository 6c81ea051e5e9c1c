// Short messages at the edge of the page, each with at most one action (undo, try again). A notice without an error goes
// away by itself, once the page was in sight for long enough; an error stays until it is closed. They are read out by the live
// region that shows them.
import { asOpenChatError } from '../../errors.ts'

export interface Notice {
  id: number
  kind: 'done' | 'problem'
  text: string
  action: { label: string; run: () => void } | null
}

const STAY_MS = 8000

export class Notices {
  #list = $state.raw<Notice[]>([])
  #unseen = $state(false)
  #next = 1

  /** @param page absent where there is none: nothing is ever out of sight then */
  constructor(private page: Pick<Document, 'hidden' | 'addEventListener'> | undefined = globalThis.document) {}

  /** Something was said while nobody looked, and nobody looked since. */
  get unseen(): boolean {
    return this.#unseen
  }

  /** Nobody looks at the page. */
  get hidden(): boolean {
    return this.page?.hidden === true
  }

  get list(): readonly Notice[] {
    return this.#list
  }

  done(text: string, action: Notice['action'] = null): void {
    const id = this.#add({ kind: 'done', text, action })
    const goes = () => setTimeout(() => this.close(id), STAY_MS)
    if (this.hidden) this.page!.addEventListener('visibilitychange', goes, { once: true })
    else goes()
  }

  /** One sentence and one action, from whatever was thrown; cancellations say nothing. */
  problem(thrown: unknown, action: Notice['action'] = null): void {
    const error = asOpenChatError(thrown)
    if (error.code === 'cancelled') return
    this.#add({ kind: 'problem', text: error.action ? `${error.shortMessage} ${error.action}` : error.shortMessage, action })
  }

  act(notice: Notice): void {
    this.close(notice.id)
    notice.action?.run()
  }

  close(id: number): void {
    this.#list = this.#list.filter((notice) => notice.id !== id)
  }

  #add(notice: Omit<Notice, 'id'>): number {
    const id = this.#next++
    if (this.hidden && !this.#unseen) {
      this.#unseen = true
      this.page!.addEventListener('visibilitychange', () => (this.#unseen = false), { once: true })
    }
    this.#list = [...this.#list.filter((n) => n.text !== notice.text), { id, ...notice }].slice(-3)
    return id
  }
}
