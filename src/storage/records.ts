// Small structured records by name: conversations, outbox entries, settings, keys. One namespace is one IndexedDB database,
// so that one room's records cannot meet another's. Not for files (blobs.ts).
// Invariants: `update` is one transaction, also between tabs; what is read is a copy.
import { createStore, del, entries, get, keys, set, update } from 'idb-keyval'
import { OpenChatError } from '../errors.ts'
import { storageFailure } from './pieces.ts'

/** The records of one namespace. Values survive structured clone (a CryptoKey does, a function does not). */
export interface Records<T> {
  get(key: string): Promise<T | undefined>
  /** @throws `storage_full`, `storage_failed` */
  set(key: string, value: T): Promise<void>
  /**
   * Reads, changes and writes at once: nobody writes between. Returns what `change` made of it, which must not be async.
   * `undefined` in means absent.
   */
  update(key: string, change: (value: T | undefined) => T): Promise<T>
  delete(key: string): Promise<void>
  /** By key, ascending. All of it crosses in one task: for many or large records read `keys`, and then each. */
  entries(): Promise<[string, T][]>
  /** Ascending. */
  keys(): Promise<string[]>
}

export interface RecordSpace {
  open<T>(namespace: string): Records<T>
}

async function typed<R>(work: Promise<R>): Promise<R> {
  try {
    return await work
  } catch (error) {
    throw await storageFailure(error)
  }
}

const byKey = <T>([a]: [string, T], [b]: [string, T]) => (a < b ? -1 : 1)

function checkNamespace(namespace: string): void {
  if (!/^[a-z][a-z0-9-]*$/.test(namespace)) {
    throw new OpenChatError('namespace_invalid', `Expected a namespace of lower-case letters, digits and dashes, got "${namespace}".`)
  }
}

/** Records in IndexedDB. */
export function indexedDbRecords(): RecordSpace {
  return {
    open<T>(namespace: string): Records<T> {
      checkNamespace(namespace)
      const store = createStore(`open-chat/${namespace}`, 'records')
      return {
        get: (key) => typed(get<T>(key, store)),
        set: (key, value) => typed(set(key, value, store)),
        async update(key, change) {
          let changed: T | undefined
          await typed(update<T>(key, (value) => (changed = change(value)), store))
          return changed as T
        },
        delete: (key) => typed(del(key, store)),
        entries: async () => (await typed(entries<string, T>(store))).sort(byKey),
        keys: async () => (await typed(keys<string>(store))).sort(),
      }
    },
  }
}

/** Records in memory, for tests and Node; with the same copying as IndexedDB. */
export function memoryRecords(): RecordSpace {
  const spaces = new Map<string, Map<string, unknown>>()
  return {
    open<T>(namespace: string): Records<T> {
      checkNamespace(namespace)
      const held = (spaces.get(namespace) ?? new Map()) as Map<string, T>
      spaces.set(namespace, held)
      const copy = (value: T | undefined) => (value === undefined ? undefined : structuredClone(value))
      return {
        get: async (key) => copy(held.get(key)),
        async set(key, value) {
          held.set(key, structuredClone(value))
        },
        async update(key, change) {
          const changed = change(copy(held.get(key)))
          held.set(key, structuredClone(changed))
          return changed
        },
        async delete(key) {
          held.delete(key)
        },
        entries: async () => [...held].map(([key, value]): [string, T] => [key, structuredClone(value)]).sort(byKey),
        keys: async () => [...held.keys()].sort(),
      }
    },
  }
}
