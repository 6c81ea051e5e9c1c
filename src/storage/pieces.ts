// Where blob pieces lie: one flat folder of immutable small files. Two real places, OPFS and IndexedDB, and one in memory
// for tests. Not content-addressed and not verified: that is blobs.ts.
// Invariant: `write` is atomic: after a crash a piece is there whole or not at all.
// OPFS: a FileSystemWritableFileStream writes to a swap file that `close` moves into place, which gives exactly that, and
// it works on the main thread and in every worker, unlike a sync access handle.
import { createStore, del, get, keys, set } from 'idb-keyval'
import { OpenChatError } from '../errors.ts'

export interface Pieces {
  /** @throws `storage_full` */
  write(name: string, content: Uint8Array[]): Promise<void>
  read(name: string): Promise<Blob | null>
  remove(name: string): Promise<void>
  names(): Promise<string[]>
}

/** Quota errors typed, with what the browser says is left. */
export async function storageFailure(cause: unknown): Promise<OpenChatError> {
  if (cause instanceof OpenChatError) return cause
  const name = cause instanceof Error ? cause.name : ''
  if (name !== 'QuotaExceededError') {
    return new OpenChatError(
      'storage_failed',
      `The browser's storage refused to write: ${cause instanceof Error ? cause.message : cause}.`,
      {
        cause,
        action: 'Leave private browsing or allow this site to store data, then try again.',
      },
    )
  }
  const estimate = await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)
  return new OpenChatError('storage_full', 'The browser has no room left for this file.', {
    meta: { usedBytes: estimate?.usage ?? null, quotaBytes: estimate?.quota ?? null },
    action: 'Free disk space or delete stored models, then try again.',
    cause,
  })
}

const parts = (content: Uint8Array[]) => content as Uint8Array<ArrayBuffer>[]

const isMissing = (error: unknown) => error instanceof Error && error.name === 'NotFoundError'

/** Files in `folder` of the origin private file system. */
export async function opfsPieces(folder: string): Promise<Pieces> {
  const root = await navigator.storage.getDirectory()
  const directory = await root.getDirectoryHandle(folder, { create: true })
  return {
    async write(name, content) {
      try {
        const file = await directory.getFileHandle(name, { create: true })
        const writable = await file.createWritable()
        await writable.write(new Blob(parts(content)))
        await writable.close()
      } catch (error) {
        throw await storageFailure(error)
      }
    },
    async read(name) {
      try {
        const file = await (await directory.getFileHandle(name)).getFile()
        return file
      } catch (error) {
        if (isMissing(error)) return null
        throw await storageFailure(error)
      }
    },
    async remove(name) {
      try {
        await directory.removeEntry(name)
      } catch (error) {
        if (!isMissing(error)) throw await storageFailure(error)
      }
    },
    async names() {
      const names: string[] = []
      for await (const name of directory.keys()) names.push(name)
      return names
    },
  }
}

/** Blobs in one IndexedDB store, for browsers whose OPFS is missing or cannot write streams. */
export function indexedDbPieces(folder: string): Pieces {
  const store = createStore(`open-chat/${folder}`, 'pieces')
  return {
    async write(name, content) {
      try {
        await set(name, new Blob(parts(content)), store)
      } catch (error) {
        throw await storageFailure(error)
      }
    },
    read: async (name) => (await get<Blob>(name, store)) ?? null,
    remove: (name) => del(name, store),
    names: () => keys<string>(store),
  }
}

/** For tests and Node. `capacityBytes` makes it full. */
export function memoryPieces(capacityBytes = Number.POSITIVE_INFINITY): Pieces {
  const held = new Map<string, Blob>()
  return {
    async write(name, content) {
      const blob = new Blob(parts(content))
      const used = [...held].reduce((sum, [key, value]) => sum + (key === name ? 0 : value.size), 0)
      if (used + blob.size > capacityBytes) throw await storageFailure(new DOMException('full', 'QuotaExceededError'))
      held.set(name, blob)
    },
    read: async (name) => held.get(name) ?? null,
    async remove(name) {
      held.delete(name)
    },
    names: async () => [...held.keys()],
  }
}
