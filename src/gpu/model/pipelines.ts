// The pipelines that answers may come to need, in the order of likely use, and their making: one at a time, while nobody answers. So an
// answer shares the machine with one of them at most, and the first one under an adapter, with guesses, penalties or a long
// conversation waits for none. What an answer needs before its turn came here it makes itself; both share what was made.
// Not what the first answer needs (Forward.warm, Chooser.warm): that is there before a model counts as loaded.
import { OpenChatError } from '../../errors.ts'
import type { Dispatch, Programs } from '../kernels/kernel.ts'
import { replayClaim } from '../kernels/replay-claim.ts'
import { Turns, type Workers } from '../turns.ts'
import type { Chooser, LogitParts } from './chooser.ts'
import type { Forward } from './forward.ts'

export interface PipelineParts {
  programs: Programs
  forward: Forward
  chooser: Chooser
  /** As replay reads logits. */
  reading: LogitParts
  workers: Workers
  /** A processor plays the GPU, and takes a third of a second for each: what no known adapter needs is not made. */
  sparing: boolean
  /** The engine was disposed, or its device is gone. */
  ended: () => boolean
}

/** Of an engine's present variants and adapters; whoever changes them asks again. */
function* laterDispatches({ forward, chooser, reading, sparing }: PipelineParts): Generator<Dispatch, undefined> {
  yield* forward.underAdapters()
  yield* chooser.dispatches()
  yield* forward.bare()
  if (!sparing) yield* forward.underAnyAdapters()
  if (!reading.parallel()) return
  const { vocab } = reading
  const { logits } = reading.scratch
  // To be made and not to be bound: any buffer will do.
  yield replayClaim({ logits, settings: logits, claims: logits, found: logits, vocab })
}

export class PipelineMaker {
  #parts: PipelineParts
  #turns = new Turns()

  constructor(parts: PipelineParts) {
    this.#parts = parts
  }

  /** Resolves when all are made, or the engine has ended. A kernel that the driver refuses is passed over: who needs it says so. */
  make(): Promise<void> {
    return this.#turns.take(() => this.#make())
  }

  async #make(): Promise<void> {
    const { programs, workers, ended } = this.#parts
    const dispatches = laterDispatches(this.#parts)
    while (!ended()) {
      const { value: dispatch, done } = dispatches.next()
      if (done) return
      if (programs.has(dispatch)) continue
      await workers.none()
      if (ended()) return
      try {
        await programs.make(dispatch)
      } catch (error) {
        if (!ended() && (!(error instanceof OpenChatError) || error.code !== 'kernel_invalid')) throw error
      }
    }
  }
}
