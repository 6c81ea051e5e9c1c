// Guesses from the prompt, and where it has none from the datanets behind it, whose suffix arrays lie in another worker.
// Nobody waits: what is asked for at one step is there at the next or a later one, and is used as far as the tokens drawn
// meanwhile agree with it. So a slow or dead worker costs guesses and no time.
// Invariants: one proposer an answer; one question under way.
import { promptProposer } from '../gpu/prompt-proposer.ts'
import type { Proposer } from '../gpu/types.ts'

/** How the last tokens of a text go on, and how many of them that rests on. */
export type Continue = (tokens: number[], most: number) => Promise<{ matched: number; tokens: number[] }>

/** Tokens sent: the longest end that is looked up. */
const END = 32
/** Tokens more than a guess from the prompt rests on: among millions of tokens a short end is soon found, and says little. */
const STRICTER = 2
/** Asked for at once: several passes of guesses, so that a long quotation seldom has to wait for the next. */
const AHEAD = 64

export class DatanetProposer implements Proposer {
  readonly #ask: Continue
  #asking = false
  /** What follows the first `at` tokens, resting on `matched` of them. */
  #known: { at: number; matched: number; tokens: number[] } | null = null

  constructor(ask: Continue) {
    this.#ask = ask
  }

  propose(tokens: readonly number[], most: number, least: number): readonly number[] {
    const near = promptProposer.propose(tokens, most, least)
    if (near.length > 0) return near
    const known = this.#following(tokens, least + STRICTER)
    if (known.length < most) this.#send(tokens)
    return known.slice(0, most)
  }

  /** What is known to follow these tokens. */
  #following(tokens: readonly number[], least: number): readonly number[] {
    if (this.#known === null) return []
    const { at, matched, tokens: ahead } = this.#known
    const since = tokens.length - at
    if (matched + since < least || !ahead.slice(0, since).every((token, i) => token === tokens[at + i])) return []
    return ahead.slice(since)
  }

  #send(tokens: readonly number[]): void {
    if (this.#asking) return
    this.#asking = true
    const at = tokens.length
    const answered = (found: { matched: number; tokens: number[] }) => {
      this.#asking = false
      this.#known = { at, ...found }
    }
    // An answer that fails is no guess; whoever else uses that worker hears of it there.
    this.#ask(tokens.slice(-END), AHEAD).then(answered, () => answered({ matched: 0, tokens: [] }))
  }
}
