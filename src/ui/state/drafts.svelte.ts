// What stands in the composer of each conversation before it is sent: words and attached texts. Kept in localStorage, which
// answers at once, so that typing never races with reading; not conversations, which are too large and too dear for it.
// Invariants: a temporary conversation's draft is never kept; a draft too large to keep still works until the page closes.
import type { Attachment } from '../../chat/attachment.ts'

const KEY = 'open-chat/drafts'
/** localStorage holds some 5 MB for everything; one draft may take this much of it. */
const MOST_CHARACTERS = 200_000
/** Conversations with an unsent draft; older ones give way. */
const MOST_DRAFTS = 40

export interface Draft {
  text: string
  attachments: Attachment[]
}

const EMPTY: Draft = { text: '', attachments: [] }

export class Drafts {
  #all = $state.raw<Record<string, Draft>>({})
  #storage: Pick<Storage, 'getItem' | 'setItem'>
  #writing: ReturnType<typeof setTimeout> | undefined

  constructor(storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#storage = storage
    this.#all = read(storage)
  }

  /** @param place a conversation's id, or `new` */
  of(place: string): Draft {
    return this.#all[place] ?? EMPTY
  }

  put(place: string, draft: Draft): void {
    const { [place]: _before, ...others } = this.#all
    this.#all = draft.text === '' && draft.attachments.length === 0 ? others : { ...others, [place]: draft }
    clearTimeout(this.#writing)
    // A reload in the midst of typing loses at most this much of it.
    this.#writing = setTimeout(() => this.write(), 250)
  }

  /** Writes what is still unwritten: the page is going away. */
  write(): void {
    clearTimeout(this.#writing)
    const kept = Object.entries(this.#all).filter(([place, draft]) => !place.startsWith('temporary-') && sizeOf(draft) <= MOST_CHARACTERS)
    try {
      this.#storage.setItem(KEY, JSON.stringify(Object.fromEntries(kept.slice(-MOST_DRAFTS))))
    } catch {
      // Full: the drafts stay on the page, and a draft is not worth a notice at every key.
    }
  }
}

function sizeOf({ text, attachments }: Draft): number {
  return attachments.reduce((sum, attachment) => sum + attachment.text.length, text.length)
}

function read(storage: Pick<Storage, 'getItem'>): Record<string, Draft> {
  let found: unknown
  try {
    found = JSON.parse(storage.getItem(KEY) ?? '{}')
  } catch {
    // Somebody else's value under our key; there are no drafts in it.
  }
  if (found === null || typeof found !== 'object') return {}
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, Draft] => isDraft(entry[1])))
}

function isDraft(value: unknown): value is Draft {
  const { text, attachments } = (value ?? {}) as Partial<Draft>
  return (
    typeof text === 'string' &&
    Array.isArray(attachments) &&
    attachments.every((attachment) => typeof attachment?.name === 'string' && typeof attachment.text === 'string')
  )
}
