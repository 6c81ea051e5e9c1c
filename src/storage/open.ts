// The page's own stores: which place holds blobs in this browser, and a request not to be evicted. The only choice of
// place in the project; tests and Node build their stores from memory instead.
import { CHUNK_BYTES } from './blob-writer.ts'
import { type BlobStore, createBlobs } from './blobs.ts'
import { type Journal, type JournalEntry, openJournal } from './journal.ts'
import { indexedDbPieces, opfsPieces, type Pieces } from './pieces.ts'
import { indexedDbRecords } from './records.ts'

const FOLDER = 'blobs'

/** OPFS where it can write streams (Safari before 26 cannot), else IndexedDB. */
async function choosePieces(): Promise<Pieces> {
  const writable = typeof FileSystemFileHandle !== 'undefined' && 'createWritable' in FileSystemFileHandle.prototype
  if (!writable || typeof navigator.storage?.getDirectory !== 'function') return indexedDbPieces(FOLDER)
  try {
    return await opfsPieces(FOLDER)
  } catch {
    // Private windows of some browsers offer OPFS and refuse to open it; the fallback reports its own failure.
    return indexedDbPieces(FOLDER)
  }
}

/** The blob store of this browser. Works on the page and in workers; both see the same blobs. */
export async function openBlobs(): Promise<BlobStore> {
  return createBlobs(await choosePieces(), CHUNK_BYTES, openKeptJournal())
}

/** The account of what that store should hold. */
export const openKeptJournal = (): Journal => openJournal(indexedDbRecords().open<JournalEntry>('kept-files'))

/** Asks the browser to keep this site's data under pressure. @returns whether it promised to. */
export async function keepStorage(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false
}
