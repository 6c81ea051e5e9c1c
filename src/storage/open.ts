// The page's own stores: which place holds blobs in this browser, and a request not to be evicted. The only choice of
// place in the project; tests and Node build their stores from memory instead.
import { type BlobStore, createBlobs } from './blobs.ts'
import { indexedDbPieces, opfsPieces, type Pieces } from './pieces.ts'

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
  return createBlobs(await choosePieces())
}

/** Asks the browser to keep this site's data under pressure. @returns whether it promised to. */
export async function keepStorage(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false
}
