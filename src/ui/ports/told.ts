// A value that tells its listeners: at once when they come, then at each change.
export interface Told<T> {
  readonly value: T
  set(next: T): void
  subscribe(listener: (value: T) => void): () => void
}

export function told<T>(first: T): Told<T> {
  let value = first
  const listeners = new Set<(value: T) => void>()
  return {
    get value() {
      return value
    },
    set(next) {
      value = next
      for (const listener of listeners) listener(next)
    },
    subscribe(listener) {
      listeners.add(listener)
      listener(value)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
