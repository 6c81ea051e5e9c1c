// One at a time: the GPU's scratch belongs to whoever has the turn. First come, first served; a failed turn passes it on.
// Not a lock across workers.
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `work` after everything asked for earlier has ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work)
    this.#last = mine.catch(() => undefined)
    return mine
  }
}
