// One engine for all tabs. The tab that holds the lock runs it, the others ask that tab; when it goes, the next in the queue for
// the lock takes over, and answers under way anywhere go on there from their last word.
// Invariants: at most one tab runs the engine; a tab that is not heard of for half a minute (frozen, not merely in the
// background) loses the lock to the tab that needs it; without Web Locks each tab runs its own.
// Source: Web Locks API; a lock held keeps Chromium from freezing the tab, so a leader in the background keeps going.
import type { ChatEvent, ChatRequest } from '../../chat/ports.ts'
import { resumed } from '../../engines/resume.ts'
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import type { EngineFacts, EngineState } from '../services.ts'
import { EngineFollower } from './engine-follower.ts'
import { type Locks, lead } from './engine-leader.ts'
import type { EngineSide, EngineVerbs } from './engine-side.ts'
import { CHANNEL, LEADER_LOCK, tabLock } from './engine-wire.ts'
import { told } from './told.ts'

/** Silence after which a leader counts as frozen, ms. A busy one answers between two frames. */
const SILENCE_MS = 30_000

export interface TabParts {
  /** Makes the engine of this tab; called when it becomes the leader. */
  open(): Promise<EngineSide & { close(): Promise<void> }>
  /** What is shown before a leader was heard. */
  first: EngineFacts
  locks: Locks | undefined
  channel?: () => BroadcastChannel
  silenceMs?: number
}

export class EngineTabs {
  readonly state = told<EngineState>({ state: 'checking' })
  readonly facts
  #parts: TabParts
  #tab = crypto.randomUUID()
  #channel: BroadcastChannel
  #side: EngineSide
  #follower: EngineFollower | null = null
  #leave: (() => void)[] = []
  #silence: ReturnType<typeof setTimeout> | undefined
  /** Counts lost leaderships: what was begun under one is not finished under the next. */
  #term = 0

  constructor(parts: TabParts) {
    this.#parts = parts
    this.facts = told<EngineFacts>(parts.first)
    this.#channel = parts.channel?.() ?? new BroadcastChannel(CHANNEL)
    // Before the first word to a leader, who learns by this lock when this tab is gone.
    void parts.locks?.request(tabLock(this.#tab), () => new Promise(() => {}))
    this.#side = this.#follow()
    if (parts.locks === undefined) void this.#lead().catch((error: unknown) => this.#failed(error))
    else this.#queue({})
  }

  /** Asks the leader for a word; hears none in time: takes over. Called when the tab comes back to life, and before a chat. */
  knock(): void {
    if (this.#follower === null || this.#parts.locks === undefined) return
    this.#follower.hello()
    this.#silence ??= setTimeout(() => this.#queue({ steal: true }), this.#parts.silenceMs ?? SILENCE_MS)
  }

  async verb<K extends keyof EngineVerbs>(verb: K, ...args: Parameters<EngineVerbs[K]>): Promise<Awaited<ReturnType<EngineVerbs[K]>>> {
    while (true) {
      try {
        return await (this.#side[verb] as (...args: unknown[]) => Promise<Awaited<ReturnType<EngineVerbs[K]>>>)(...args)
      } catch (error) {
        // By now there is a new leader, who was not asked yet.
        if (asOpenChatError(error).code !== 'engine_moved') throw error
      }
    }
  }

  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent> {
    this.knock()
    const engine = {
      chat: (rest: ChatRequest, stop: AbortSignal) => this.#side.chat(rest, stop),
      recover: (_: OpenChatError, stop: AbortSignal) => this.#ready(stop),
    }
    return resumed(engine, request, signal, ['engine_moved'])
  }

  #follow(): EngineFollower {
    const follower = new EngineFollower(this.#channel, this.#tab, this.facts.value, () => {
      clearTimeout(this.#silence)
      this.#silence = undefined
    })
    this.#follower = follower
    this.#use(follower)
    return follower
  }

  #queue(options: { steal?: true }): void {
    clearTimeout(this.#silence)
    this.#silence = undefined
    this.#parts
      .locks!.request(LEADER_LOCK, options, async () => {
        try {
          this.#leave.push(await this.#lead())
        } catch (error) {
          this.#failed(error)
        }
        return new Promise<void>(() => {})
      })
      .catch(() => this.#deposed())
  }

  /** This tab runs the engine from now on. @returns what stops that */
  async #lead(): Promise<() => void> {
    const term = this.#term
    const host = await this.#parts.open()
    if (term !== this.#term) {
      await host.close()
      return () => {}
    }
    const stop = this.#parts.locks === undefined ? () => {} : lead(this.#channel, this.#tab, host, this.#parts.locks)
    const follower = this.#follower
    this.#follower = null
    this.#use(host)
    // Last: what it rejects is asked again of the engine here.
    follower?.close()
    return () => {
      stop()
      void host.close()
    }
  }

  /** What runs the engine could not be loaded; a reload may. */
  #failed(error: unknown): void {
    this.state.set({ state: 'failed', error: asOpenChatError(error) })
  }

  /** Another tab took the lock, because this one did not answer. */
  #deposed(): void {
    this.#term++
    for (const close of this.#leave.splice(0)) close()
    this.#follow()
    this.#queue({})
  }

  #use(side: EngineSide): void {
    this.#side = side
    for (const leave of this.#listening.splice(0)) leave()
    this.#listening.push(side.facts.subscribe((facts) => this.facts.set(facts)))
    this.#listening.push(side.state.subscribe((state) => this.state.set(state)))
  }
  #listening: (() => void)[] = []

  /** @throws what makes the engine impossible, or the signal's reason */
  #ready(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (state: EngineState) => {
        if (state.state === 'ready') resolve()
        else if (state.state === 'failed' || state.state === 'no_webgpu') reject(state.error)
        else if (state.state === 'absent') {
          reject(new OpenChatError('engine_not_ready', 'The model is not on this machine any more.', { action: 'Download it again.' }))
        } else return
        queueMicrotask(() => leave())
      }
      const leave = this.state.subscribe(settle)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}
