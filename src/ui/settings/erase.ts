// Deletes everything the page keeps on this machine: databases, files, caches, the service worker, preferences. Run at the start
// of a page that opened nothing yet, because open databases and files cannot be deleted; `main.ts` looks for the mark.
// What stands on the chain stays there, and so does what others downloaded. Nothing here can be undone.
// Invariant: the mark is the last thing to go, so that a deletion that was cut is done at the next start.
import { OpenChatError } from '../../errors.ts'

/** `main.ts` knows it too, so that this file is loaded only when it is set. */
const MARK = 'open-chat/erase'
/** Workers of closed pages hold their files for a moment. */
const PATIENCE_MS = 10_000
const PAUSE_MS = 250

export function markForErasure(storage: Pick<Storage, 'setItem'>): void {
  storage.setItem(MARK, '1')
}

/**
 * One tab after another: each of them starts again with the mark set, and one that began anew beside one that still deletes would
 * hold open what the other waits for. Where another tab was first, there is nothing left to do.
 * @throws `erase_incomplete` with what is left
 */
export const eraseEverything = (): Promise<void> =>
  navigator.locks.request(MARK, async () => {
    if (localStorage.getItem(MARK) !== null) await erase()
  })

async function erase(): Promise<void> {
  const registrations = (await navigator.serviceWorker?.getRegistrations()) ?? []
  await Promise.all(registrations.map((registration) => registration.unregister()))
  for (const name of await caches.keys()) await caches.delete(name)
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const left = [...(await deleteDatabases()), ...(await deleteFiles())]
    if (left.length === 0) break
    if (performance.now() > until) {
      throw new OpenChatError('erase_incomplete', `Some of what is kept here is still in use: ${left.slice(0, 5).join(', ')}.`, {
        meta: { left: left.length },
        action: 'Close every other tab of this page, then reload it.',
      })
    }
    await new Promise((next) => setTimeout(next, PAUSE_MS))
  }
  sessionStorage.clear()
  localStorage.clear()
}

/** @returns names of those that are still in use */
async function deleteDatabases(): Promise<string[]> {
  const names = (await indexedDB.databases()).flatMap(({ name }) => (name === undefined ? [] : [name]))
  const gone = await Promise.all(
    names.map(
      (name) =>
        new Promise<boolean>((resolve) => {
          const request = indexedDB.deleteDatabase(name)
          request.onsuccess = () => resolve(true)
          request.onerror = () => resolve(false)
          request.onblocked = () => resolve(false)
        }),
    ),
  )
  return names.filter((_, i) => !gone[i])
}

/** @returns names of those that are still in use */
async function deleteFiles(): Promise<string[]> {
  const root = await navigator.storage.getDirectory()
  const left: string[] = []
  for await (const name of root.keys()) {
    await root.removeEntry(name, { recursive: true }).catch(() => left.push(name))
  }
  return left
}
