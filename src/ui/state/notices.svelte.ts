// Short messages at the edge of the page, each with at most one action (undo, try again). A notice without an error goes
// away by itself; an error stays until it is closed. They are read out by the live region that shows them.
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
  #next = 1

  get list(): readonly Notice[] {
    return this.#list
  }

  done(text: string, action: Notice['action'] = null): void {
    const id = this.#add({ kind: 'done', text, action })
    setTimeout(() => this.close(id), STAY_MS)
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
    this.#list = [...this.#list.filter((n) => n.text !== notice.text), { id, ...notice }].slice(-3)
    return id
  }
}
