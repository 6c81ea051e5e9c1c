// The library worker: library-desk.ts served to the page over this browser's own store.
import { openBlobs, openKeptJournal } from '../storage/open.ts'
import type { LibraryWorker } from './library-api.ts'
import { openLibraryDesk } from './library-desk.ts'
import { expose } from './rpc.ts'

const desk = openBlobs().then((blobs) =>
  openLibraryDesk({ blobs, journal: openKeptJournal(), gpu: () => (navigator.gpu as GPU | undefined) ?? null }),
)

const worker: LibraryWorker = {
  addModelFile: async (...args) => (await desk).addModelFile(...args),
  addModelFiles: async (...args) => (await desk).addModelFiles(...args),
  addModelUrl: async (...args) => (await desk).addModelUrl(...args),
  addAdapterFiles: async (...args) => (await desk).addAdapterFiles(...args),
  addAdapterUrl: async (...args) => (await desk).addAdapterUrl(...args),
  fetch: async (...args) => (await desk).fetch(...args),
  kept: async (...args) => (await desk).kept(...args),
  list: async () => (await desk).list(),
  text: async (...args) => (await desk).text(...args),
  verify: async (...args) => (await desk).verify(...args),
  delete: async (...args) => (await desk).delete(...args),
  missing: async () => (await desk).missing(),
  forget: async (...args) => (await desk).forget(...args),
  fit: async (...args) => (await desk).fit(...args),
}

expose(worker)
