// The models room's state: the library as last told, what is being added, what fits, what storage holds. The chosen model's
// own download and loading are the engine's (engine.svelte.ts); this only says `use`.
// Invariants: one thing is added at a time; a failed addition stays in sight until the next.
import { asOpenChatError, type OpenChatError } from '../../errors.ts'
import type {
  AddProgress,
  EngineMemory,
  Fit,
  Library,
  ListedModel,
  LocalAdapter,
  LocalModel,
  ModelsService,
  StorageReport,
} from '../services.ts'
import { models as words } from '../strings/models.ts'
import { strings } from '../strings.ts'
import type { App } from './app.svelte.ts'
import type { EngineView } from './engine.svelte.ts'
import type { Notices } from './notices.svelte.ts'

export type Adding = 'model' | 'adapter'

const states = new WeakMap<App, ModelsState>()

/** Of this page, made when the room is first entered; what is being added survives leaving it. */
export function modelsOf(app: App): ModelsState {
  const state = states.get(app) ?? new ModelsState(app.services.models, app.engine, app.notices)
  states.set(app, state)
  return state
}

class ModelsState {
  #library = $state.raw<Library>({ models: [], adapters: [], evicted: [] })
  #fits = $state.raw<Record<string, Fit>>({})
  #adding = $state.raw<{ what: Adding; progress: AddProgress | null } | null>(null)
  #refused = $state.raw<{ what: Adding; error: OpenChatError } | null>(null)
  #memory = $state.raw<EngineMemory | null>(null)
  #report = $state.raw<StorageReport | null>(null)
  /** null: not asked; else what the browser answered. */
  #promised = $state.raw<boolean | null>(null)
  #cancel: AbortController | null = null

  constructor(
    private service: ModelsService,
    private engine: EngineView,
    private notices: Notices,
  ) {
    service.subscribe((library) => {
      this.#library = library
    })
  }

  get library(): Library {
    return this.#library
  }

  get adding(): { what: Adding; progress: AddProgress | null } | null {
    return this.#adding
  }

  get refused(): { what: Adding; error: OpenChatError } | null {
    return this.#refused
  }

  /** Of the model in use, as last looked at. */
  get memory(): EngineMemory | null {
    return this.#memory
  }

  get report(): StorageReport | null {
    return this.#report
  }

  /** Bytes that are left for files, by the browser's own estimate; null where it tells none. */
  get roomBytes(): number | null {
    const { quotaBytes = null, usedBytes = null } = this.#report ?? {}
    return quotaBytes === null || usedBytes === null ? null : Math.max(0, quotaBytes - usedBytes)
  }

  get promised(): boolean | null {
    return this.#promised
  }

  fitOf(digest: string): Fit | undefined {
    return this.#fits[digest]
  }

  /** Whether the engine speaks of this model now. */
  chosen(digest: string): boolean {
    return this.engine.choice.engine === 'local' && this.engine.facts.chosen.endsWith(digest)
  }

  use({ digest }: ListedModel): void {
    const choice = this.engine.facts.choices.find(({ id }) => id === `local:${digest}`)
    if (choice !== undefined && choice.id !== this.engine.facts.chosen) this.engine.choose(choice.id)
    this.engine.start()
  }

  download({ digest }: ListedModel): void {
    if (this.chosen(digest)) this.engine.start()
    else this.service.download(digest)
  }

  pause({ digest }: ListedModel): void {
    if (this.chosen(digest)) this.engine.pause()
    this.service.pause(digest)
  }

  async discard({ digest }: ListedModel): Promise<void> {
    if (this.chosen(digest)) this.engine.pause()
    await this.#try(() => this.service.discard(digest))
    await this.lookAtStorage()
  }

  async remove({ digest, name }: ListedModel | LocalAdapter): Promise<void> {
    await this.#try(async () => {
      const used = this.chosen(digest)
      const { undo } = await this.service.remove(digest)
      this.notices.done(used ? words.deletedInUse(name) : words.deleted(name), { label: strings.undo, run: () => void this.#try(undo) })
    })
    await this.lookAtStorage()
  }

  async check(model: ListedModel): Promise<void> {
    await this.#try(async () => {
      const { chunks, wrong } = await this.service.check(model.digest, new AbortController().signal)
      if (wrong === 0) this.notices.done(words.checked(model.name, chunks))
      else
        this.notices.done(words.damaged(model.name, wrong), {
          label: words.mend,
          run: () => this.service.download(model.digest),
        })
    })
  }

  /** Tries whether a model fits, once a visit; never while it is loaded, since then its own weights would be in the way. */
  async tryFit(digest: string): Promise<void> {
    if (this.#fits[digest] !== undefined || (this.chosen(digest) && this.engine.ready)) return
    try {
      const fit = await this.service.fit(digest)
      this.#fits = { ...this.#fits, [digest]: fit }
    } catch (thrown) {
      this.#fits = { ...this.#fits, [digest]: { verdict: 'unknown', reason: asOpenChatError(thrown).shortMessage, plan: null } }
    }
  }

  addModel(from: File[] | string): Promise<void> {
    return this.#add('model', (progress, signal) =>
      typeof from === 'string'
        ? this.service.addModelUrl(from, progress, signal)
        : from.length === 1
          ? this.service.addModelFile(from[0]!, progress, signal)
          : this.service.addModelFiles(from, progress, signal),
    )
  }

  addAdapter(from: File[] | string): Promise<void> {
    return this.#add('adapter', (_, signal) =>
      typeof from === 'string' ? this.service.addAdapterUrl(from, signal) : this.service.addAdapterFiles(from, signal),
    )
  }

  stopAdding(): void {
    this.#cancel?.abort()
  }

  async lookAtStorage(): Promise<void> {
    await this.#try(async () => {
      this.#report = await this.service.storage()
    })
  }

  async lookAtMemory(): Promise<void> {
    await this.#try(async () => {
      this.#memory = await this.engine.memory()
    })
  }

  async persist(): Promise<void> {
    await this.#try(async () => {
      this.#promised = await this.service.persist()
    })
    await this.lookAtStorage()
  }

  async evictionRead(): Promise<void> {
    await this.#try(() => this.service.acknowledgeEviction())
  }

  /** The engine, or another tab, fetched something. */
  async refresh(): Promise<void> {
    await this.#try(() => this.service.refresh())
  }

  async #add(
    what: Adding,
    work: (progress: (event: AddProgress) => void, signal: AbortSignal) => Promise<LocalModel | LocalAdapter>,
  ): Promise<void> {
    if (this.#adding !== null) return
    const cancel = new AbortController()
    this.#cancel = cancel
    this.#refused = null
    this.#adding = { what, progress: null }
    try {
      const added = await work((progress) => {
        if (!cancel.signal.aborted) this.#adding = { what, progress }
      }, cancel.signal)
      this.notices.done(words.added(added.name))
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      if (error.code !== 'cancelled') this.#refused = { what, error }
    } finally {
      this.#adding = null
      this.#cancel = null
      await this.lookAtStorage()
    }
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      this.notices.problem(thrown)
    }
  }
}
