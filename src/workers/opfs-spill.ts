// A spill file on disk: one file of the origin's private file system, written and read in place, which only workers may.
// Falls back to memory where the browser refuses (private windows of some).
import { memorySpill, type SpillFile } from '../datanet/spill.ts'

const FOLDER = 'intake'

export async function openSpill(): Promise<SpillFile> {
  try {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle(FOLDER, { create: true })
    await sweep(folder)
    const file = await folder.getFileHandle(crypto.randomUUID(), { create: true })
    return opfsSpill(await file.createSyncAccessHandle())
  } catch {
    // What was refused is a place on disk, not the intake: memory does the same for files of common size.
    return memorySpill()
  }
}

/** Removes what intakes of closed tabs left; a file that another tab holds open cannot be removed, and stays. */
async function sweep(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const name of folder.keys()) await folder.removeEntry(name).catch(() => undefined)
}

function opfsSpill(handle: FileSystemSyncAccessHandle): SpillFile {
  let bytes = 0
  return {
    get bytes() {
      return bytes
    },
    append(piece) {
      bytes += handle.write(Uint8Array.from(piece), { at: bytes })
    },
    read(from, length) {
      const out = new Uint8Array(length)
      handle.read(out, { at: from })
      return out
    },
    clear() {
      handle.truncate(0)
      bytes = 0
    },
  }
}
