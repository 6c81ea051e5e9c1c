// Keeps the screen from sleeping while an answer is written or a model arrives, and not a moment longer. A browser lets the
// lock go when the tab is hidden; it is asked for again when the tab is seen again and there is still work.
// Source: Screen Wake Lock API. A browser without it, or one that refuses (low battery), sleeps as it likes.

export interface WakeParts {
  wakeLock: Pick<WakeLock, 'request'> | undefined
  document: Pick<Document, 'visibilityState' | 'addEventListener'>
}

export class Wake {
  #parts: WakeParts
  #reasons = 0
  #lock: Promise<WakeLockSentinel | null> | null = null

  constructor(parts: WakeParts) {
    this.#parts = parts
    parts.document.addEventListener('visibilitychange', () => this.#settle())
  }

  /** @returns what ends this reason to stay awake; a second call of it does nothing */
  hold(): () => void {
    this.#reasons++
    this.#settle()
    let mine = true
    return () => {
      if (!mine) return
      mine = false
      this.#reasons--
      this.#settle()
    }
  }

  #settle(): void {
    const { wakeLock, document } = this.#parts
    if (this.#reasons === 0) {
      const lock = this.#lock
      this.#lock = null
      void lock?.then((sentinel) => sentinel?.release())
    } else if (this.#lock === null && wakeLock !== undefined && document.visibilityState === 'visible') {
      const lock: Promise<WakeLockSentinel | null> = wakeLock.request('screen').then(
        (sentinel) => {
          sentinel.addEventListener('release', () => {
            if (this.#lock === lock) this.#lock = null
          })
          return sentinel
        },
        () => null,
      )
      this.#lock = lock
    }
  }
}
