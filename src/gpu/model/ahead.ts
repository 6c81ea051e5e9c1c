// Steps that were submitted before the token they feed was read: what they will draw, by sequence. The token they feed lies on
// the device, where the step before left it, so nothing had to wait; if it turns out to end the answer, the step is thrown away.
// Not a submitter: runner.ts is.
// Invariants: a sequence with a step ahead is one token longer than what its answer was told, and that token is `unknown` until
// the answer asks for the step; `leave` gives that length back. Rows are independent, so a step ahead stays right for those
// who go on when others of its batch end.
import { OpenChatError } from '../../errors.ts'
import type { Drawn } from './draw.ts'
import type { KvCache, Sequence } from './kv-cache.ts'

/** Stands in `Sequence.tokens` and in a row of forward.ts for a token that only the device knows; equal to no id. */
export const unknown = -1

interface Pending {
  drawn: Promise<Drawn>
  /** The token it fed, once that was read. */
  fed: number
}

export class Ahead {
  #pending = new Map<Sequence, Pending>()

  put(sequences: readonly Sequence[], read: Promise<Drawn[]>): void {
    sequences.forEach((sequence, i) => {
      const drawn = read.then((all) => all[i])
      // Whoever takes it is told; a step that is thrown away may fail unseen.
      drawn.catch(() => undefined)
      this.#pending.set(sequence, { drawn, fed: unknown })
    })
  }

  /** Tells what a sequence's step before drew, which is what the step ahead fed. */
  know(sequence: Sequence, id: number): void {
    const pending = this.#pending.get(sequence)
    if (pending !== undefined) pending.fed = id
  }

  /**
   * The step of a sequence, if it is under way.
   * @throws step_invalid when another token is fed than was drawn
   */
  take(sequence: Sequence, token: number): Promise<Drawn> | undefined {
    const pending = this.#pending.get(sequence)
    if (pending === undefined) return undefined
    if (pending.fed !== token) {
      throw new OpenChatError('step_invalid', `A step ahead fed token ${pending.fed}, and ${token} was to be fed.`, {
        action: 'Ask for no further step where the token may be another.',
      })
    }
    this.#pending.delete(sequence)
    sequence.tokens[sequence.tokens.length - 1] = token
    return pending.drawn
  }

  /** Throws the step of a sequence away. The pages it wrote to are written again before anybody reads them. */
  leave(sequence: Sequence, cache: KvCache): void {
    if (this.#pending.delete(sequence)) cache.truncate(sequence, sequence.tokens.length - 1)
  }
}
