// What should be in the blob store, in another place of the browser's storage: so that a file which went away by itself is
// noticed instead of being silently absent. Not the store's index: blobs.ts finds its blobs without it.
// Invariants: a blob is entered after it is whole, and taken out before it is deleted, so nothing deleted here is ever missed.
import type { BlobStore, BlobWatch } from './blobs.ts'
import type { Records } from './records.ts'

export interface JournalEntry {
  bytes: number
  /** ms since the epoch, of its becoming whole. */
  at: number
}

export interface Journal extends BlobWatch {
  /** Entered, but no more in the store. */
  missing(blobs: Pick<BlobStore, 'list'>): Promise<{ digest: string; bytes: number }[]>
  /** The loss was read: it is not told again. */
  forget(digest: string): Promise<void>
}

export function openJournal(records: Records<JournalEntry>): Journal {
  return {
    kept: (digest, bytes) => records.set(digest, { bytes, at: Date.now() }),
    deleted: (digest) => records.delete(digest),
    forget: (digest) => records.delete(digest),
    async missing(blobs) {
      const entered = await records.entries()
      // Read after the journal: what became whole in between is then in both.
      const here = new Set((await blobs.list()).map(({ digest }) => digest))
      return entered.flatMap(([digest, { bytes }]) => (here.has(digest) ? [] : [{ digest, bytes }]))
    },
  }
}
