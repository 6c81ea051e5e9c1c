// One at a time: the GPU's scratch belongs to whoever has the turn. First come, first served; a failed turn passes it on.
// And who is at work at all, turn or not: what is better left until nobody is, waits for that.
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

export class Workers {
  #count = 0
  #waiting: (() => void)[] = []

  /** Resolves when nobody is at work, at once if nobody is. */
  async none(): Promise<void> {
    while (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#count++
    try {
      return await work()
    } finally {
      this.#end()
    }
  }

  /** From the first event that is asked for until the last, or until nobody asks any more. */
  async *through<T>(events: AsyncIterable<T>): AsyncGenerator<T> {
    this.#count++
    try {
      yield* events
    } finally {
      this.#end()
    }
  }

  #end(): void {
    this.#count--
    if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
