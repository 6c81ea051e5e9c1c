// The model as the page sees it: absent, arriving, ready or impossible. Answers wait on `whenReady`.
// It asks before spending a metered connection and never otherwise.
import type { EngineChoice, EngineFacts, EngineMemory, EngineService, EngineState, ModelCard } from '../services.ts'
import { strings } from '../strings.ts'

/** The part of the Network Information API that says "do not spend this connection"; absent outside Chromium. */
interface Connection {
  saveData?: boolean
  type?: string
}

export class EngineView {
  #state = $state.raw<EngineState>({ state: 'checking' })
  #facts = $state.raw<EngineFacts>()!
  #service: EngineService
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []
  /** A pause or a metered connection is a person's word; only `start` overrules it. */
  #mayStart: boolean
  /** The download of what was chosen was agreed to with the choice. */
  #agreed = false
  /** Chosen here, and not yet taken by the tab that runs the engine: what is ready until then is the one before. */
  #wanted = $state<string | null>(null)
  readonly metered: boolean

  constructor(service: EngineService, connection: Connection | undefined) {
    this.#service = service
    this.metered = connection?.saveData === true || connection?.type === 'cellular'
    this.#mayStart = !this.metered
    service.watch((facts) => {
      this.#facts = facts
      if (facts.chosen === this.#wanted) this.#wanted = null
    })
    service.subscribe((state) => this.#receive(state))
  }

  /** Choices, proposal, demotions, context; see EngineFacts. */
  get facts(): EngineFacts {
    return this.#facts
  }

  /** The choice that answers now. */
  get choice(): EngineChoice {
    const { choices, chosen } = this.#facts
    return choices.find(({ id }) => id === chosen)!
  }

  get state(): EngineState {
    return this.#state
  }

  /** WebGPU answers here, and the processor plays the graphics card. */
  get software(): boolean {
    return this.#state.state === 'ready' && this.#state.software && this.choice.engine === 'local'
  }

  /** Where it computes and what leaves this machine, in one sentence, as it is known now. */
  get detail(): string {
    return this.software ? strings.engine.details.software : this.choice.detail
  }

  get model(): ModelCard {
    // Read, so that whoever shows the card follows a change of the choice.
    void this.#facts
    return this.#service.model
  }

  get ready(): boolean {
    return this.#state.state === 'ready' && this.#wanted === null
  }

  memory(): Promise<EngineMemory | null> {
    return this.#service.memory()
  }

  /** Asking makes sense: ready now, or later without the visitor doing anything impossible. */
  get possible(): boolean {
    return this.#state.state !== 'no_webgpu'
  }

  start(): void {
    this.#mayStart = true
    this.#service.start()
  }

  pause(): void {
    this.#mayStart = false
    this.#service.pause()
  }

  /**
   * Takes another choice.
   * @param fetch whether the visitor agreed to its download by this; else that waits for `start`
   */
  choose(id: string, fetch = false): void {
    const { chosen, choices } = this.#facts
    if (id === chosen || !choices.some((choice) => choice.id === id)) return
    // What was asked of one model is not owed to another.
    this.#mayStart = false
    this.#agreed = fetch
    this.#wanted = id
    this.#service.choose(id)
  }

  /** @returns when the engine is ready. @throws what made it fail, gpu_unavailable, or the signal's reason */
  whenReady(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.#waiting.push({ resolve, reject })
      this.#settle()
    })
  }

  adapterName(digest: string): string {
    return this.model.adapters[digest] ?? `adapter ${digest.slice(0, 8)}`
  }

  #receive(state: EngineState): void {
    this.#state = state
    // What was here once and is deleted is not fetched again unasked.
    if (state.state === 'ready') this.#mayStart = false
    // A download that runs in another tab was agreed to: should that tab close, this one goes on with it.
    if (state.state === 'downloading' && this.#facts.tab === 'follower') this.#mayStart = true
    // One tab starts it, and never unasked from a foreign host: such a choice was taken, its download was not agreed to.
    if (state.state === 'absent' && this.#wanted === null) {
      const start = this.#agreed || (this.#mayStart && this.#facts.tab === 'leader' && this.choice?.host === null)
      this.#mayStart = this.#agreed = false
      if (start) this.#service.start()
    }
    this.#settle()
  }

  #settle(): void {
    const state = this.#state
    if (this.#wanted !== null) return
    const ended = state.state === 'ready' || state.state === 'failed' || state.state === 'no_webgpu'
    if (!ended) return
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (state.state === 'ready') resolve()
      else reject(state.error)
    }
  }
}
