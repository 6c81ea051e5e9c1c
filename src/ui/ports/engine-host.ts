// The engine in the tab that runs it: which choice is taken, loading it, letting the one before go, taking it up after a loss.
// Not how an engine works (engine-runner.ts and the four beside it), nor how other tabs reach it (engine-leader.ts).
// Invariants: one runner is loaded at a time, and the one before is let go first, after its answers have ended; what is here
// already is loaded without asking, what must be fetched waits for `start`; nothing that a choice before began changes the
// state of the one after.

import type { ReplayAsk, ReplayFindings } from '../../attribution/types.ts'
import type { ChatEvent, ChatMessage, ChatRequest } from '../../chat/ports.ts'
import { resumed } from '../../engines/resume.ts'
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import { keepStorage } from '../../storage/open.ts'
import type { GpuFacts } from '../../workers/gpu-api.ts'
import type { EndpointDraft, EngineChoice, EngineFacts, EngineMemory, EngineState, Library } from '../services.ts'
import { strings } from '../strings.ts'
import { choicesOf, type Known, localId, proposalOf } from './engine-choices.ts'
import type { EngineSettings, KeptEndpoint } from './engine-endpoints.ts'
import type { Runner, Running } from './engine-runner.ts'
import { type EngineSide, engineMoved } from './engine-side.ts'
import { told } from './told.ts'

export type Stock = Pick<Library, 'models' | 'adapters'>

export interface HostParts {
  settings: EngineSettings
  stock: { subscribe(listener: (stock: Stock) => void): () => void }
  probe(): Promise<GpuFacts>
  cpuHindrance(): OpenChatError | null
  webLlmKept(): Promise<ReadonlySet<string>>
  /** A runner of a choice, its adapters following the stock. @throws what makes it impossible */
  runner(choice: EngineChoice, known: Known): Runner
}

export class EngineHost implements EngineSide {
  readonly state = told<EngineState>({ state: 'checking' })
  readonly facts
  #parts: HostParts
  #known: Known
  #runner: Runner | null = null
  #loading: AbortController | null = null
  #recovering: Promise<void> | null = null
  /** Choices are taken one after the other. */
  #turn: Promise<void>
  #chats = 0
  #whenQuiet: (() => void)[] = []
  #leave: () => void
  #closed = false
  constructor(parts: HostParts) {
    this.#parts = parts
    this.#known = { models: [], gpu: null, cpu: parts.cpuHindrance(), webLlm: new Set(), endpoints: [] }
    this.facts = told<EngineFacts>({ choices: [], chosen: '', proposal: null, demotions: [], contextTokens: null, tab: 'leader' })
    // The stock tells at once, so that there is a choice before anything was awaited.
    this.#leave = parts.stock.subscribe(({ models }) => this.#restock(models))
    this.#turn = this.#begin().catch((thrown: unknown) => this.state.set({ state: 'failed', error: asOpenChatError(thrown) }))
  }

  async start(): Promise<void> {
    await this.#turn
    // What failed before there was a runner: an unreadable setting, a file that is gone.
    if (this.#runner === null && this.state.value.state === 'failed') return this.choose(this.facts.value.chosen)
    if (this.#runner === null || this.#loading !== null || this.state.value.state === 'ready') return
    await this.#load(this.#runner)
  }

  async pause(): Promise<void> {
    this.#loading?.abort()
  }

  choose(id: string): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#take(id))
      .catch((thrown: unknown) => this.state.set({ state: 'failed', error: asOpenChatError(thrown) }))
    return this.#turn
  }

  async count(messages: ChatMessage[], begin: string): Promise<number | null> {
    return this.state.value.state === 'ready' && this.#runner !== null ? this.#runner.count(messages, begin) : null
  }

  async memory(): Promise<EngineMemory | null> {
    return this.state.value.state === 'ready' ? ((await this.#runner?.memory?.()) ?? null) : null
  }

  async replay(ask: ReplayAsk): Promise<ReplayFindings> {
    const runner = this.#runner
    if (runner === null || this.state.value.state !== 'ready') {
      throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Load the model, then verify again.' })
    }
    if (runner.replay !== undefined && ask.model === `0x${runner.digest}`) return runner.replay(ask)
    throw new OpenChatError('replay_unavailable', 'The model that the receipt names is not the one that is loaded here.', {
      meta: { wanted: ask.model, loaded: runner.digest },
      action: 'Choose that model on the graphics card, then verify again.',
    })
  }

  async endpointModels(url: string, key: string): Promise<string[]> {
    const { endpointModels } = await import('../../engines/remote.ts')
    return endpointModels(url, key, AbortSignal.timeout(LIST_MS))
  }

  async addEndpoint(draft: EndpointDraft): Promise<string> {
    const { endpointBase } = await import('../../engines/remote.ts')
    const added = await this.#parts.settings.add({ ...draft, url: endpointBase(draft.url) })
    await this.#endpoints()
    return added.id
  }

  async removeEndpoint(id: string): Promise<void> {
    await this.#parts.settings.remove(id)
    await this.#endpoints()
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const runner = this.#runner
    if (runner === null || this.state.value.state !== 'ready') await this.#recovering
    if (runner === null)
      throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Wait until the model is ready.' })
    this.#chats++
    try {
      const engine = {
        chat: (rest: ChatRequest, stop: AbortSignal) => runner.chat(rest, stop),
        recover: () => this.#recover(runner),
      }
      yield* resumed(engine, request, signal)
    } catch (error) {
      throw this.#closed ? engineMoved() : error
    } finally {
      this.#chats--
      if (this.#chats === 0) for (const quiet of this.#whenQuiet.splice(0)) quiet()
    }
  }

  /** The adapters beside the model changed. */
  async refit(change: Promise<Running | null>): Promise<void> {
    const runner = this.#runner
    try {
      const running = await change
      if (running !== null && this.#runner === runner && this.state.value.state === 'ready') this.#ready(running)
    } catch (thrown) {
      if (this.#runner === runner) this.state.set({ state: 'failed', error: asOpenChatError(thrown) })
    }
  }

  /** Another tab has the engine now. */
  async close(): Promise<void> {
    this.#closed = true
    this.#leave()
    this.#loading?.abort()
    await this.#runner?.unload()
    this.#runner = null
  }

  async #begin(): Promise<void> {
    const { settings, probe, webLlmKept } = this.#parts
    const [chosen, endpoints, gpu, webLlm] = await Promise.all([
      settings.chosen(),
      settings.endpoints(),
      probe().catch((error: unknown) => asOpenChatError(error)),
      webLlmKept().catch(() => new Set<string>()),
    ])
    this.#known = { ...this.#known, endpoints, gpu, webLlm }
    this.#tell()
    if (chosen !== null) await this.#listed(chosen)
    await this.#take(chosen ?? this.facts.value.chosen)
  }

  /** Resolves when a choice is there, or after a while: the visitor's own files are listed a moment after the catalogue's. */
  async #listed(id: string): Promise<void> {
    for (let waited = 0; waited < LISTED_MS && !this.facts.value.choices.some((choice) => choice.id === id); waited += 50) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  #restock(models: Stock['models']): void {
    this.#known = { ...this.#known, models }
    this.#tell()
    const choice = this.#choice()
    if (this.#runner !== null && this.#deleted(models)) {
      this.#turn = this.#turn.then(() => this.#letGo())
      return
    }
    // Fetched by the Models room meanwhile: then there is nothing left to ask.
    if (this.state.value.state === 'absent' && choice?.needsBytes === 0 && choice.engine !== 'remote') void this.start()
  }

  /** The chosen model's file is gone by its owner's wish: still listed where the catalogue has it, else not any more. */
  #deleted(models: Stock['models']): boolean {
    const digest = /^(?:local|cpu):(.*)$/.exec(this.facts.value.chosen)?.[1]
    return digest !== undefined && (models.find((model) => model.digest === digest)?.leaving ?? true)
  }

  /** Nothing more is asked of a deleted model; its answers end, then its memory is given back. */
  async #letGo(): Promise<void> {
    const runner = this.#runner
    const choice = this.#choice()
    if (runner === null || (choice !== undefined && this.state.value.state === 'absent')) return
    this.#loading?.abort()
    this.state.set(choice === undefined ? { state: 'checking' } : { state: 'absent', receivedBytes: 0 })
    await this.#quiet()
    await runner.unload().catch(() => undefined)
    this.#runner = choice === undefined ? null : this.#parts.runner(choice, this.#known)
    if (choice === undefined) await this.#take(this.#fallback())
  }

  async #endpoints(): Promise<void> {
    const endpoints: KeptEndpoint[] = await this.#parts.settings.endpoints()
    this.#known = { ...this.#known, endpoints }
    const before = this.facts.value.chosen
    this.#tell()
    if (!this.facts.value.choices.some(({ id }) => id === before)) await this.choose(this.#fallback())
  }

  #choice(): EngineChoice | undefined {
    return this.facts.value.choices.find(({ id }) => id === this.facts.value.chosen)
  }

  #fallback(): string {
    const first = this.#known.models[0]
    return first === undefined ? '' : localId(first.digest)
  }

  #tell(more: Partial<EngineFacts> = {}): void {
    const choices = choicesOf(this.#known)
    const chosen = more.chosen ?? (this.facts.value.chosen || this.#fallback())
    this.facts.set({ ...this.facts.value, ...more, choices, chosen, proposal: proposalOf(choices, chosen, this.#known.gpu) })
  }

  async #take(id: string): Promise<void> {
    const choices = choicesOf(this.#known)
    const choice =
      choices.find((each) => each.id === id) ?? (this.#runner === null ? choices.find((each) => each.id === this.#fallback()) : undefined)
    if (choice === undefined || (this.#runner !== null && choice.id === this.facts.value.chosen)) return
    this.#loading?.abort()
    await this.#quiet()
    await this.#runner?.unload().catch(() => undefined)
    this.#runner = null
    await this.#parts.settings.choose(choice.id)
    this.state.set({ state: 'checking' })
    this.#tell({ chosen: choice.id, demotions: [], contextTokens: null })
    if (choice.hindrance !== null) {
      this.state.set({ state: 'no_webgpu', error: choice.hindrance })
      return
    }
    try {
      const runner = this.#parts.runner(choice, this.#known)
      this.#runner = runner
      const kept = await runner.kept()
      if (kept.complete) void this.#load(runner)
      else this.state.set({ state: 'absent', receivedBytes: kept.receivedBytes })
    } catch (thrown) {
      this.state.set({ state: 'failed', error: asOpenChatError(thrown) })
    }
  }

  /** Resolves when no answer is under way. */
  #quiet(): Promise<void> {
    return this.#chats === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenQuiet.push(resolve))
  }

  async #load(runner: Runner): Promise<void> {
    const controller = new AbortController()
    this.#loading = controller
    const current = () => this.#runner === runner && !controller.signal.aborted
    this.state.set({ state: 'loading', stage: strings.engine.opening, fraction: null })
    // Asked when there is something worth keeping; a browser that refuses may evict the model, which is then fetched again.
    void keepStorage()
    try {
      const running = await runner.load((event) => current() && this.state.set(event), controller.signal)
      if (current()) this.#ready(running)
      else if (this.#runner === runner) await this.#absent(runner)
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      if (this.#runner !== runner) return
      if (controller.signal.aborted) await this.#absent(runner)
      else this.state.set({ state: error.code === 'gpu_unavailable' ? 'no_webgpu' : 'failed', error })
    } finally {
      if (this.#loading === controller) this.#loading = null
    }
  }

  async #absent(runner: Runner): Promise<void> {
    const { receivedBytes } = await runner.kept()
    if (this.#runner === runner) this.state.set({ state: 'absent', receivedBytes })
  }

  #ready({ gpu, software, contextTokens, demotions }: Running): void {
    this.#here()
    this.#tell({ contextTokens, demotions })
    this.state.set({ state: 'ready', gpu, software })
  }

  /** What was fetched need not be fetched again; the library says so a moment later, web-llm never does. */
  #here(): void {
    const choice = this.#choice()
    const name = choice?.id.slice(choice.id.indexOf(':') + 1) ?? ''
    const { models, webLlm } = this.#known
    if (choice?.engine === 'web-llm') this.#known = { ...this.#known, webLlm: new Set([...webLlm, name]) }
    else
      this.#known = {
        ...this.#known,
        models: models.map((model) => (model.digest === name ? { ...model, keptBytes: model.bytes } : model)),
      }
  }

  /** Once for all answers that were interrupted together. */
  #recover(runner: Runner): Promise<void> {
    this.#recovering ??= this.#again(runner).finally(() => {
      this.#recovering = null
    })
    return this.#recovering
  }

  async #again(runner: Runner): Promise<void> {
    const controller = new AbortController()
    this.#loading = controller
    this.state.set({ state: 'loading', stage: strings.engine.recovering, fraction: null })
    try {
      this.#ready(await runner.recover(controller.signal))
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      this.state.set({ state: 'failed', error })
      throw error
    } finally {
      if (this.#loading === controller) this.#loading = null
    }
  }
}

/** Patience with the library's own list, ms. */
const LISTED_MS = 4000
/** Patience with an endpoint's list of models, ms. */
const LIST_MS = 20_000
