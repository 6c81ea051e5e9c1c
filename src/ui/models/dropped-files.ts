// The files of a drop, those inside dropped folders too, which `dataTransfer.files` leaves out. Not their reading.

/** A folder of a model has a dozen files; whoever drops a whole disk is stopped here. */
const MOST_FILES = 500

/** Must be called while the drop is handled: the browser forgets its entries afterwards. */
export async function droppedFiles(data: DataTransfer): Promise<File[]> {
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry())
  if (!entries.some((entry) => entry?.isDirectory)) return Array.from(data.files)
  const files: File[] = []
  for (const entry of entries) if (entry !== null) await collect(entry, files)
  return files
}

async function collect(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (files.length >= MOST_FILES) return
  if (entry.isFile) {
    const file = await new Promise<File>((found, lost) => (entry as FileSystemFileEntry).file(found, lost))
    // As a chosen folder's files have it: the folder's name is the model's.
    Object.defineProperty(file, 'webkitRelativePath', { value: entry.fullPath.replace(/^\//, '') })
    files.push(file)
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  // A reader hands out a hundred entries at a time, and none when it is through.
  while (true) {
    const some = await new Promise<FileSystemEntry[]>((found, lost) => reader.readEntries(found, lost))
    if (some.length === 0) return
    for (const inner of some) await collect(inner, files)
  }
}
