// Which ranges of a pool are taken: first fit, neighbours joined on release. Not a buffer: numbers only, in the pool's own unit.
// Invariant: taken and free ranges tile [0, capacity) without gap or overlap; a property test replays it against an array.

export class Extents {
  #capacity: number
  /** Free ranges, by start, never touching. */
  #free: { start: number; length: number }[]

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#free = capacity > 0 ? [{ start: 0, length: capacity }] : []
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Behind the last range that is taken. */
  get end(): number {
    const last = this.#free.at(-1)
    return last !== undefined && last.start + last.length === this.#capacity ? last.start : this.#capacity
  }

  get taken(): number {
    return this.#capacity - this.#free.reduce((sum, { length }) => sum + length, 0)
  }

  /** @returns the start of the range, or null when no free range is long enough. */
  take(length: number): number | null {
    const index = this.#free.findIndex((range) => range.length >= length)
    if (index < 0) return null
    const range = this.#free[index]
    const { start } = range
    range.start += length
    range.length -= length
    if (range.length === 0) this.#free.splice(index, 1)
    return start
  }

  give(start: number, length: number): void {
    if (length === 0) return
    let index = this.#free.findIndex((range) => range.start > start)
    if (index < 0) index = this.#free.length
    this.#free.splice(index, 0, { start, length })
    this.#join(index)
    if (index > 0) this.#join(index - 1)
  }

  grow(capacity: number): void {
    const more = capacity - this.#capacity
    const start = this.#capacity
    this.#capacity = capacity
    this.give(start, more)
  }

  /** Lets go of what is free at the end. */
  trim(): void {
    const { end } = this
    if (end < this.#capacity) this.#free.pop()
    this.#capacity = end
  }

  #join(index: number): void {
    const range = this.#free[index]
    const next = this.#free[index + 1]
    if (next === undefined || range.start + range.length !== next.start) return
    range.length += next.length
    this.#free.splice(index + 1, 1)
  }
}
