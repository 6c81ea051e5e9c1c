// The files of a drop, folders walked through, each with its path: browsers give entries for folders and only while the event
// lasts. Not reading them.
// Source: File and Directory Entries API; `readEntries` gives at most a hundred at a time.

export interface BroughtFile {
  name: string
  path?: string
  blob: Blob
}

/** Files beyond this many are not walked to; the intake has its own limits for what is in them. */
const MOST_FILES = 20_000

/** Must be called while the drop event is handled; the walk goes on after it. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<BroughtFile[]> {
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry?.() ?? [])
  if (entries.length === 0) return [...files].map((file) => ({ name: file.name, blob: file }))
  const found: BroughtFile[] = []
  for (const entry of entries) await walk(entry, found)
  return found
}

/** Files of a picker; those of a folder know their place in it. */
export const pickedFiles = (files: FileList): BroughtFile[] =>
  [...files].map((file) => ({
    name: file.name,
    blob: file,
    ...(file.webkitRelativePath === '' ? {} : { path: file.webkitRelativePath }),
  }))

async function walk(entry: FileSystemEntry, found: BroughtFile[]): Promise<void> {
  if (found.length >= MOST_FILES || entry.name.startsWith('.')) return
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    found.push({ name: file.name, path: entry.fullPath.replace(/^\//, ''), blob: file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const each of some) await walk(each, found)
  }
}
