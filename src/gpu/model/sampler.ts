// The settings of one answer, and what has been said so far, as a draw for its next token. Not the drawing itself: draw.ts does
// that on the CPU, kernels/sample.wgsl on the GPU; reference/sampling.ts states the rule that both follow.
// Invariant: the same seed, logits and settings draw the same token on every machine.

import type { Draw, LogitEdits } from './draw.ts'
import { uniforms } from './uniform.ts'

export interface SamplerSettings {
  /** 0 is greedy: arg max, lowest id on a tie. */
  temperature: number
  /** Keep the k likeliest; absent or 0: all. */
  topK?: number
  /** Then keep the fewest likeliest whose sum reaches p; absent or 1: all. */
  topP?: number
  /** Then keep those at least this share as likely as the likeliest; absent or 0: all. */
  minP?: number
  /** Logits of what stands in prompt or answer are divided by it where positive, else multiplied; absent or 1: none. */
  repetitionPenalty?: number
  /** Taken from the logit of every token that the answer holds, once; absent or 0: none. */
  presencePenalty?: number
  /** Taken as often as the answer holds it; absent or 0: none. */
  frequencyPenalty?: number
  /** By token id; added to its logit. */
  logitBias?: Readonly<Record<number, number>>
  /** How many of the likeliest tokens are told with their log probability, beside the drawn one's; absent: none is told. */
  logprobs?: number
  /** Absent: drawn from the platform's randomness. */
  seed?: number
}

/** What a grammar lets come next; grammar.ts makes one. */
export interface Constraint {
  /** Bits by id, as {@link Draw.allowed}; null: everything may come. */
  readonly allowed: Int32Array | null
  /** Tells what was drawn; `allowed` is of the token after it once this resolves. */
  accept(id: number): Promise<void>
}

export class Sampler {
  /** The number that draws the next token is this many draws into the seed's. */
  readonly seed: number
  #settings: SamplerSettings
  #random: () => number
  #edits: Edits | null
  #constraint: Constraint | null

  /** @param prompt ids: they count as said for the repetition penalty */
  constructor(settings: SamplerSettings, prompt: readonly number[] = [], constraint: Constraint | null = null) {
    this.#settings = settings
    this.seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]
    this.#random = uniforms(this.seed)
    this.#edits = Edits.of(settings, prompt)
    this.#constraint = constraint
  }

  /** Whether the next draw depends on nothing that this token may change: then it can be asked for before the token is known. */
  get foresees(): boolean {
    return (this.#edits === null || !this.#edits.grows) && this.#constraint === null
  }

  /** The next token's draw. Each call takes the next number of the seed. */
  draw(): Draw {
    const { temperature, topK = 0, topP = 1, minP = 0, logprobs = null } = this.#settings
    return {
      ...{ temperature, topK, topP, minP, logprobs },
      uniform: temperature === 0 ? 0 : this.#random(),
      edits: this.#edits?.records ?? null,
      allowed: this.#constraint?.allowed ?? null,
    }
  }

  /** Tells what was drawn. Without a constraint it is told at once; with one, the next draw waits for this. */
  push(id: number): Promise<void> | undefined {
    this.#edits?.say(id)
    return this.#constraint?.accept(id)
  }
}

/** The records of {@link LogitEdits}, kept up as the answer grows. */
class Edits {
  /** Whether what is said changes them. */
  readonly grows: boolean
  #words = new Uint32Array(256)
  #floats = new Float32Array(this.#words.buffer)
  #places = new Map<number, number>()
  #scales: Pick<LogitEdits, 'repetition' | 'repetitionInverse' | 'presence' | 'frequency'>

  /** null where the settings change no logit. */
  static of(settings: SamplerSettings, prompt: readonly number[]): Edits | null {
    const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = {} } = settings
    const grows = repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0
    if (!grows && Object.keys(logitBias).length === 0) return null
    return new Edits(settings, grows, repetitionPenalty === 1 ? [] : prompt)
  }

  private constructor(settings: SamplerSettings, grows: boolean, prompt: readonly number[]) {
    const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = {} } = settings
    this.grows = grows
    this.#scales = {
      repetition: Math.fround(repetitionPenalty),
      repetitionInverse: Math.fround(1 / repetitionPenalty),
      presence: Math.fround(presencePenalty),
      frequency: Math.fround(frequencyPenalty),
    }
    for (const [id, bias] of Object.entries(logitBias)) this.#floats[this.#at(Number(id)) + 1] = bias
    for (const id of prompt) this.#words[this.#at(id) + 3] = 1
  }

  get records(): LogitEdits {
    const count = this.#places.size
    return { records: this.#words.slice(0, 4 * count), count, ...this.#scales }
  }

  say(id: number): void {
    if (!this.grows) return
    const at = this.#at(id)
    this.#words[at + 2]++
    this.#words[at + 3] = 1
  }

  #at(id: number): number {
    const known = this.#places.get(id)
    if (known !== undefined) return known
    const at = 4 * this.#places.size
    this.#places.set(id, at)
    if (at === this.#words.length) {
      const grown = new Uint32Array(2 * at)
      grown.set(this.#words)
      this.#words = grown
      this.#floats = new Float32Array(grown.buffer)
    }
    this.#words[at] = id
    return at
  }
}
