// A session as the engine gives it out: one sequence of the cache under one adapter, and the verbs of types.ts over the runner.
// Not the cache's sequence itself: that changes when the adapter does.
import { OpenChatError } from '../errors.ts'
import type { AdapterPool } from './lora/adapter-pool.ts'
import type { KvCache, Sequence } from './model/kv-cache.ts'
import type { PrefillOptions, Runner } from './model/runner.ts'
import type { Session } from './types.ts'

export interface SessionParts {
  runner: Runner
  cache: KvCache
  adapters: AdapterPool
}

export class EngineSession implements Session {
  #parts: SessionParts
  #adapter: string | null
  #sequence: Sequence
  #disposed = false

  /** @throws adapter_unknown */
  constructor(parts: SessionParts, adapter: string | null, sequence?: Sequence) {
    this.#parts = parts
    this.#adapter = adapter
    this.#sequence = sequence ?? parts.cache.open(parts.adapters.digestOf(adapter))
  }

  get length(): number {
    return this.#sequence.tokens.length
  }

  /**
   * What is fed now. The adapter's name is looked up at each use: removed, it is an error; another one under the same name
   * begins an empty sequence.
   * @throws session_disposed, adapter_unknown
   */
  sequence(): Sequence {
    if (this.#disposed) throw new OpenChatError('session_disposed', 'This session was disposed.', { action: 'Open a new session.' })
    const { runner, cache, adapters } = this.#parts
    const digest = adapters.digestOf(this.#adapter)
    if (digest !== this.#sequence.adapter) {
      const old = this.#sequence
      this.#sequence = cache.open(digest)
      runner.end(() => cache.drop(old))
    }
    return this.#sequence
  }

  async prefill(tokens: number[], options?: PrefillOptions): Promise<Float32Array> {
    return this.#parts.runner.prefill(this.sequence(), tokens, false, options)
  }

  useAdapter(name: string | null): void {
    this.#parts.adapters.digestOf(name)
    this.#adapter = name
    this.sequence()
  }

  async fork(): Promise<Session> {
    const { runner, cache } = this.#parts
    return runner.turns.take(async () => {
      const sequence = this.sequence()
      return new EngineSession(this.#parts, this.#adapter, await cache.copy(sequence, sequence.tokens.length))
    })
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    const { runner, cache } = this.#parts
    runner.end(() => cache.park(this.#sequence))
  }
}
