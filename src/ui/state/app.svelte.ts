// The page's state in one place: made once in main.ts, handed to components through context. It only ties the parts
// together; each part's rules stand in its own file.
import { getContext, setContext } from 'svelte'
import { open } from '../format.ts'
import type { DatanetSummary, Services, WalletState } from '../services.ts'
import { strings } from '../strings.ts'
import { ChatState } from './chat.svelte.ts'
import { Conversations } from './conversations.svelte.ts'
import { Drafts } from './drafts.svelte.ts'
import { EngineView } from './engine.svelte.ts'
import { tellEvictions } from './eviction.ts'
import { Notices } from './notices.svelte.ts'
import { Preferences } from './preferences.svelte.ts'
import { Router } from './route.svelte.ts'
import { Updates } from './updates.svelte.ts'

const KEY = Symbol('app')

/** What a panel shows: a piece of a document, with the span that led there if one did. */
export interface DocumentRequest {
  datanet: string
  document: number
  position: number
  length: number
  paid: { count: number; amount: bigint; length: number } | null
}

export class App {
  readonly notices = new Notices()
  readonly preferences: Preferences
  readonly drafts: Drafts
  readonly router: Router
  readonly engine: EngineView
  readonly updates: Updates
  readonly chat: ChatState
  readonly conversations: Conversations
  #datanets = $state.raw<DatanetSummary[] | null>(null)
  #datanetsUnread = $state(false)
  #wallet = $state.raw<WalletState>({ state: 'opening' })
  #document = $state.raw<DocumentRequest | null>(null)

  constructor(
    readonly services: Services,
    window: Window,
  ) {
    this.preferences = new Preferences(window.localStorage)
    this.drafts = new Drafts(window.localStorage)
    window.addEventListener('pagehide', () => this.drafts.write())
    this.router = new Router(window)
    this.engine = new EngineView(
      services.engine,
      'connection' in window.navigator ? (window.navigator.connection as { saveData?: boolean }) : undefined,
    )
    this.chat = new ChatState(services, this.engine, this.router, this.notices, this.preferences)
    this.updates = new Updates(window, () => this.chat.answers.running, this.notices)
    this.conversations = new Conversations(services, this.chat.shelf, this.router, this.notices)
    services.wallet.subscribe((state) => {
      this.#wallet = state
    })
    let arriving = false
    services.engine.subscribe(({ state }) => {
      if (state === 'ready' && arriving && (this.notices.hidden || !['chat', 'models'].includes(this.router.route.room))) {
        this.notices.done(strings.engine.arrived(this.engine.model.name))
      }
      arriving = state === 'downloading' || (arriving && state === 'loading')
    })
    services.datanets.watchUses((uses) => {
      const amount = open(uses.reduce((sum, use) => sum + use.amount, 0n))
      const look = () => this.router.go({ room: 'datanets', id: null, task: 'mine' })
      this.notices.done(strings.used.notice(amount), { label: strings.used.look, run: look })
    })
  }

  /** null until the first list arrived. */
  get datanets(): DatanetSummary[] | null {
    return this.#datanets
  }

  /** Whether the last try to read the list failed: an empty list then says nothing. */
  get datanetsUnread(): boolean {
    return this.#datanetsUnread
  }

  get wallet(): WalletState {
    return this.#wallet
  }

  get document(): DocumentRequest | null {
    return this.#document
  }

  async begin(): Promise<void> {
    tellEvictions(this.services.models, this.notices, this.router)
    await Promise.all([this.chat.begin(), this.refreshDatanets()])
  }

  async refreshDatanets(): Promise<void> {
    try {
      this.#datanets = await this.services.datanets.list()
      this.#datanetsUnread = false
    } catch (thrown) {
      this.#datanets ??= []
      this.#datanetsUnread = true
      this.notices.problem(thrown, { label: strings.retry, run: () => void this.refreshDatanets() })
    }
  }

  openDocument(request: DocumentRequest): void {
    this.#document = request
  }

  closeDocument(): void {
    this.#document = null
  }
}

export function provideApp(app: App): void {
  setContext(KEY, app)
}

export function useApp(): App {
  return getContext<App>(KEY)
}
