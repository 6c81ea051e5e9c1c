// What this browser remembers of a person's choices: colours, what new conversations start with, which disclosures were
// read. Not conversations, not secrets. Kept in localStorage as one JSON value; an unreadable one is as good as none.
import type { ConversationOptions } from '../../chat/conversation.ts'

const KEY = 'open-chat/preferences'

export type Theme = 'auto' | 'light' | 'dark'
const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

interface Kept {
  theme: Theme
  askWithSources: boolean
  temperature: number
  disclosedPayment: boolean
}

const FIRST: Kept = { theme: 'auto', askWithSources: true, temperature: 0, disclosedPayment: false }

export class Preferences {
  #kept = $state.raw<Kept>(FIRST)
  #storage: Pick<Storage, 'getItem' | 'setItem'>

  constructor(storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#storage = storage
    this.#kept = read(storage)
  }

  get theme(): Theme {
    return this.#kept.theme
  }

  get disclosedPayment(): boolean {
    return this.#kept.disclosedPayment
  }

  /** auto → light → dark → auto */
  nextTheme(): void {
    this.#keep({ theme: THEMES[(THEMES.indexOf(this.#kept.theme) + 1) % THEMES.length] })
  }

  paymentDisclosed(): void {
    this.#keep({ disclosedPayment: true })
  }

  /** Options of a conversation were changed: later conversations begin with them. Paying is chosen anew each time. */
  learn(options: ConversationOptions): void {
    this.#keep({ askWithSources: options.askWithSources, temperature: options.temperature })
  }

  /** What a new conversation starts with. No datanet named means every datanet. */
  firstOptions(): ConversationOptions {
    const { askWithSources, temperature } = this.#kept
    return { askWithSources, datanets: [], payContributors: false, adapter: 'auto', temperature }
  }

  #keep(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change }
    this.#storage.setItem(KEY, JSON.stringify(this.#kept))
  }
}

function read(storage: Pick<Storage, 'getItem'>): Kept {
  let found: Partial<Kept> | null = null
  try {
    found = JSON.parse(storage.getItem(KEY) ?? 'null') as Partial<Kept> | null
  } catch {
    // A value somebody else wrote under our key; the defaults are right for it.
  }
  if (found === null || typeof found !== 'object') return FIRST
  return {
    theme: THEMES.includes(found.theme as Theme) ? (found.theme as Theme) : FIRST.theme,
    askWithSources: typeof found.askWithSources === 'boolean' ? found.askWithSources : FIRST.askWithSources,
    temperature:
      typeof found.temperature === 'number' && found.temperature >= 0 && found.temperature <= 2 ? found.temperature : FIRST.temperature,
    disclosedPayment: found.disclosedPayment === true,
  }
}
