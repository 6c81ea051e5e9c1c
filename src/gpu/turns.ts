// One at a time: the GPU's scratch belongs to whoever has the turn. First come, first served; a failed turn passes it on.
// Not a lock across workers.
export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Nobody has the turn or waits for it. */
  get free(): boolean {
    return this.#waiting === 0
  }

  /** Runs `work` after everything asked for earlier has ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const mine = this.#last.then(work).finally(() => {
      this.#waiting--
    })
    this.#last = mine.catch(() => undefined)
    return mine
  }
}
