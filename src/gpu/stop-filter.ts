// Holds text back while it may still become a stop string, and cuts the answer where one begins. Not a tokenizer: it sees text.
// Invariant: what was released plus what is held is a prefix of the text pushed; no released text contains a stop string, nor
// ends inside one that then completes. Replayed by a property test against indexOf over the whole text.

export class StopFilter {
  #stops: readonly string[]
  #held = ''
  #found = false

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
  }

  get found(): boolean {
    return this.#found
  }

  /** @returns the text that can no longer be part of a stop string. */
  push(text: string): string {
    if (this.#found) return ''
    const all = this.#held + text
    const cut = Math.min(...this.#stops.map((stop) => all.indexOf(stop)).filter((at) => at >= 0), Number.POSITIVE_INFINITY)
    if (cut !== Number.POSITIVE_INFINITY) {
      this.#found = true
      this.#held = ''
      return all.slice(0, cut)
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(all, stop)))
    this.#held = all.slice(all.length - keep)
    return all.slice(0, all.length - keep)
  }

  /** @returns what was still held, with the last text. */
  end(text: string): string {
    const out = this.push(text)
    const rest = this.#held
    this.#held = ''
    return out + rest
  }
}

/** Length of the longest end of `text` that is a proper beginning of `stop`. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length
  }
  return 0
}
