// What this browser remembers of a person's choices: colours, what new conversations start with, prompts of their own, which
// disclosures were read. Not conversations, not secrets. Kept in localStorage as one JSON value; an unreadable one is as good as none.
import type { ConversationOptions } from '../../chat/conversation.ts'
import { SAMPLING_FIELDS, type SamplingSettings, samplingOf } from '../../chat/sampling-fields.ts'

const KEY = 'open-chat/preferences'

export type Theme = 'auto' | 'light' | 'dark'
const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

/** Words kept under a short name, to be put into the composer. */
export interface QuickPrompt {
  name: string
  text: string
}

type Sampling = SamplingSettings & Pick<ConversationOptions, 'maxTokens'>

interface Kept extends Sampling {
  theme: Theme
  askWithSources: boolean
  disclosedPayment: boolean
  quickPrompts: QuickPrompt[]
}

const FIRST: Kept = { theme: 'auto', askWithSources: true, temperature: 0, disclosedPayment: false, quickPrompts: [] }

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

  get quickPrompts(): readonly QuickPrompt[] {
    return this.#kept.quickPrompts
  }

  /** A name that is taken gets the new words. */
  saveQuickPrompt(prompt: QuickPrompt): void {
    const others = this.#kept.quickPrompts.filter(({ name }) => name !== prompt.name)
    this.#keep({ quickPrompts: [...others, prompt] })
  }

  removeQuickPrompt(name: string): void {
    this.#keep({ quickPrompts: this.#kept.quickPrompts.filter((prompt) => prompt.name !== name) })
  }

  /** auto → light → dark → auto */
  nextTheme(): void {
    this.#keep({ theme: THEMES[(THEMES.indexOf(this.#kept.theme) + 1) % THEMES.length] })
  }

  setTheme(theme: Theme): void {
    this.#keep({ theme })
  }

  get askWithSources(): boolean {
    return this.#kept.askWithSources
  }

  setAskWithSources(askWithSources: boolean): void {
    this.#keep({ askWithSources })
  }

  /** What becomes public is said again before the next payment. */
  forgetDisclosure(): void {
    this.#keep({ disclosedPayment: false })
  }

  paymentDisclosed(): void {
    this.#keep({ disclosedPayment: true })
  }

  /** Options of a conversation were changed: later conversations begin with them. Paying is chosen anew each time. */
  learn(options: ConversationOptions): void {
    const kept = { ...this.#kept }
    for (const name of [...SAMPLING_FIELDS, 'maxTokens'] as const) delete kept[name]
    this.#kept = kept
    this.#keep({ askWithSources: options.askWithSources, ...chosenOf(options) })
  }

  /** What a new conversation starts with. No datanet named means every datanet. */
  firstOptions(): ConversationOptions {
    return { askWithSources: this.#kept.askWithSources, datanets: [], payContributors: false, adapter: 'auto', ...chosenOf(this.#kept) }
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
    temperature: within(found.temperature, 0, 2) ? found.temperature : FIRST.temperature,
    ...(within(found.topP, 0, 1) ? { topP: found.topP } : {}),
    ...(within(found.minP, 0, 1) ? { minP: found.minP } : {}),
    ...(within(found.repetitionPenalty, 0.1, 10) ? { repetitionPenalty: found.repetitionPenalty } : {}),
    ...(within(found.presencePenalty, -2, 2) ? { presencePenalty: found.presencePenalty } : {}),
    ...(within(found.frequencyPenalty, -2, 2) ? { frequencyPenalty: found.frequencyPenalty } : {}),
    ...(within(found.topK, 1, 1000) ? { topK: Math.round(found.topK) } : {}),
    ...(within(found.maxTokens, 1, 100_000) ? { maxTokens: Math.round(found.maxTokens) } : {}),
    disclosedPayment: found.disclosedPayment === true,
    quickPrompts: Array.isArray(found.quickPrompts) ? found.quickPrompts.filter(isQuickPrompt) : [],
  }
}

function chosenOf({ temperature, maxTokens, ...rest }: Sampling): Sampling {
  return { temperature, ...samplingOf(rest), ...(maxTokens === undefined ? {} : { maxTokens }) }
}

function within(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most
}

function isQuickPrompt(value: unknown): value is QuickPrompt {
  const { name, text } = (value ?? {}) as Partial<QuickPrompt>
  return typeof name === 'string' && name !== '' && typeof text === 'string'
}
