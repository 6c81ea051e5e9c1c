// A few at a time, the rest in their order. Not a lock: nobody is alone in here.
export class Seats {
  #free: number
  #waiting: (() => void)[] = []

  constructor(seats: number) {
    this.#free = seats
  }

  /** @returns, once there is a seat, what gives it back; a second call of that does nothing. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    let mine = true
    return () => {
      if (!mine) return
      mine = false
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
