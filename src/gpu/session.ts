// A session as the engine gives it out: one sequence of the cache under one adapter, and the verbs of types.ts over the runner.
// Not the cache's sequence itself: that changes when the adapter does.
import { OpenChatError } from '../errors.ts'
import type { AdapterChoice, AdapterHold, AdapterShelf } from './lora/adapter-shelf.ts'
import type { KvCache, Sequence } from './model/kv-cache.ts'
import type { PrefillOptions, Runner } from './model/runner.ts'
import type { Session } from './types.ts'

export interface SessionParts {
  runner: Runner
  cache: KvCache
  adapters: AdapterShelf
}

export class EngineSession implements Session {
  #parts: SessionParts
  #adapter: AdapterChoice
  /** Made at the first use: an adapter may have to be loaded for it. */
  #open: Promise<{ hold: AdapterHold; sequence: Sequence }> | null = null
  #sequence: Sequence | null = null
  #disposed = false

  /** @throws adapter_unknown */
  constructor(parts: SessionParts, adapter: AdapterChoice, open?: { hold: AdapterHold; sequence: Sequence }) {
    parts.adapters.require(adapter)
    this.#parts = parts
    this.#adapter = adapter
    if (open) {
      this.#open = Promise.resolve(open)
      this.#sequence = open.sequence
    }
  }

  get length(): number {
    return this.#sequence?.tokens.length ?? 0
  }

  /**
   * What is fed now. The adapter's name is looked up at each use: removed, it is an error; another one under the same name
   * begins an empty sequence.
   * @throws session_disposed, adapter_unknown, and what loading the adapter throws
   */
  async sequence(): Promise<Sequence> {
    while (true) {
      this.#checkOpen()
      this.#open ??= this.#enter()
      const open = this.#open
      const { hold, sequence } = await open.catch((error: unknown) => {
        if (this.#open === open) this.#open = null
        throw error
      })
      this.#checkOpen()
      if (this.#open !== open) continue
      this.#sequence = sequence
      if (hold.current) return sequence
      this.#leave('drop')
    }
  }

  async prefill(tokens: number[], options?: PrefillOptions): Promise<Float32Array> {
    return this.#parts.runner.prefill(await this.sequence(), tokens, false, options)
  }

  useAdapter(adapter: AdapterChoice): void {
    this.#parts.adapters.require(adapter)
    if (JSON.stringify(adapter ?? null) === JSON.stringify(this.#adapter ?? null)) return
    this.#adapter = adapter
    this.#leave('drop')
  }

  async fork(): Promise<Session> {
    const { runner, cache, adapters } = this.#parts
    const sequence = await this.sequence()
    const hold = await adapters.hold(this.#adapter)
    try {
      return await runner.turns.take(async () => {
        const copy = await cache.copy(sequence, sequence.tokens.length)
        return new EngineSession(this.#parts, this.#adapter, { hold, sequence: copy })
      })
    } catch (error) {
      hold.release()
      throw error
    }
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#leave('park')
  }

  async #enter(): Promise<{ hold: AdapterHold; sequence: Sequence }> {
    const { cache, adapters } = this.#parts
    const hold = await adapters.hold(this.#adapter)
    return { hold, sequence: cache.open(hold.key) }
  }

  /** Lets the sequence and its adapter go, once whoever is opening them has them. */
  #leave(how: 'park' | 'drop'): void {
    const { runner, cache } = this.#parts
    const open = this.#open
    this.#open = null
    this.#sequence = null
    open?.then(
      ({ hold, sequence }) => {
        hold.release()
        runner.end(() => cache[how](sequence))
      },
      () => undefined,
    )
  }

  #checkOpen(): void {
    if (this.#disposed) throw new OpenChatError('session_disposed', 'This session was disposed.', { action: 'Open a new session.' })
  }
}
