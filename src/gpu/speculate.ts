// The steps of one answer, some of them drafted: a proposer guesses the next tokens, one pass over all guesses draws what the model
// says after each, and as many are kept as were guessed right. The n-th token is drawn by the n-th number of the seed whether it
// was guessed or not, so the text is the same with and without; how long it takes is all that changes.
// Not a proposer and not a runner. It leaves off where guessing does not pay: guesses are timed against plain steps.
// Source: Leviathan et al. 2023, arXiv 2211.17192, with draws in place of a draft model's distribution.
import type { Draw, Drawn } from './model/draw.ts'
import type { Sequence } from './model/kv-cache.ts'
import type { DrawSource, Runner } from './model/runner.ts'
import type { DraftCounts, Proposer } from './types.ts'

export interface SpeculateParts {
  runner: Pick<Runner, 'step' | 'guess'>
  sequence: Sequence
  sampler: DrawSource
  /** Who guesses; null: nobody. */
  proposer: Proposer | null
  prompt: readonly number[]
  contextTokens: number
  /** ms; default the platform's. */
  now?: () => number
}

/** Guesses of one pass: with the token fed they fill the tiles of 4 rows that prefill kernels work in. */
const fewest = 3
const mostGuesses = 15
/** Tokens that a match must have, at first and at most. */
const leastMatch = 4
const strictestMatch = 8
/** Tokens without a guess after guessing did not pay; twice as many after each time it does not. */
const firstRest = 4
const longestRest = 192
/** Steps for which nobody had a guess, after which steps run ahead again. */
const patience = 4
/** How many rounds weigh in the judgement. */
const memory = 6

export class Speculation {
  readonly counts: DraftCounts = { passes: 0, drafted: 0, accepted: 0 }
  #parts: SpeculateParts
  #tokens: number[]
  #now: () => number
  /** Drawn already, for the steps to come. */
  #ready: Drawn[] = []
  /** Draws that were asked of the sampler and not used: of the next tokens, in their order. */
  #draws: Draw[] = []
  #most = fewest
  #least = leastMatch
  #resting = 0
  #rest = firstRest
  /** A step may be under way that feeds what the last one drew: then no other may be asked for. */
  #ahead = false
  /** Steps in a row for which nobody had a guess. */
  #idle = 0
  #plainMs = 0
  #rounds: { ms: number; tokens: number }[] = []

  constructor(parts: SpeculateParts) {
    this.#parts = parts
    this.#tokens = [...parts.prompt]
    this.#now = parts.now ?? (() => performance.now())
  }

  /** @param token the one drawn last @param left tokens that the answer may still have @returns what follows it */
  async step(token: number, left: number): Promise<Drawn> {
    this.#tokens.push(token)
    const ready = this.#ready.shift()
    if (ready !== undefined) return ready
    const resting = this.#resting > 0
    if (resting) this.#resting--
    const guesses = resting ? [] : this.#guesses(left)
    this.#idle = guesses.length > 0 ? 0 : this.#idle + 1
    // The step under way ends first; what was guessed is guessed again after it.
    return guesses.length === 0 || this.#ahead ? this.#plain(token, left) : this.#drafted(token, guesses)
  }

  /** Penalties and grammars depend on the tokens before, which a guess may not change. */
  get #able(): boolean {
    return this.#parts.proposer !== null && this.#parts.sampler.foresees
  }

  #guesses(left: number): readonly number[] {
    const { proposer, sequence, contextTokens } = this.#parts
    // Nothing is guessed before it is known what a plain step takes.
    if (!this.#able || this.#plainMs === 0) return []
    const room = Math.min(this.#most, left - 1, contextTokens - sequence.tokens.length - 1)
    return room < 1 ? [] : proposer!.propose(this.#tokens, room, this.#least)
  }

  async #plain(token: number, left: number): Promise<Drawn> {
    const { runner, sequence, sampler } = this.#parts
    const draws: DrawSource = { draw: () => this.#draw(), foresees: sampler.foresees }
    // A step ahead would be in a guess's way: only where no guess is near.
    const more = left > 1 && (!this.#able || this.#resting > 0 || this.#idle >= patience)
    const begin = this.#now()
    const timed = !this.#ahead && !more
    this.#ahead = more
    const drawn = await runner.step({ sequence, token, draws, more })
    const ms = this.#now() - begin
    if (timed) this.#plainMs = this.#plainMs === 0 ? ms : Math.min(ms, 0.7 * this.#plainMs + 0.3 * ms)
    return drawn
  }

  async #drafted(token: number, guesses: readonly number[]): Promise<Drawn> {
    const draws = Array.from({ length: guesses.length + 1 }, () => this.#draw())
    const begin = this.#now()
    const [first, ...rest] = await this.#parts.runner.guess(this.#parts.sequence, token, guesses, draws)
    this.#draws.unshift(...draws.slice(1 + rest.length))
    this.#ready = rest
    this.#learn(guesses.length, rest.length, this.#now() - begin)
    return first
  }

  #draw(): Draw {
    return this.#draws.shift() ?? this.#parts.sampler.draw()
  }

  #learn(drafted: number, accepted: number, ms: number): void {
    this.counts.passes++
    this.counts.drafted += drafted
    this.counts.accepted += accepted
    if (accepted === drafted) {
      this.#most = Math.min(mostGuesses, 2 * this.#most + 1)
      this.#least = leastMatch
    } else {
      this.#most = fewest
      this.#least = Math.min(strictestMatch, this.#least + 1)
    }
    this.#rounds = [...this.#rounds, { ms, tokens: accepted + 1 }].slice(-memory)
    const spent = this.#rounds.reduce((sum, round) => sum + round.ms, 0)
    const gained = this.#rounds.reduce((sum, round) => sum + round.tokens, 0)
    if (spent <= gained * this.#plainMs) {
      if (accepted === drafted) this.#rest = firstRest
      return
    }
    this.#resting = this.#rest
    this.#rest = Math.min(longestRest, 2 * this.#rest)
    this.#rounds = []
  }
}
