// The library of models and adapters as a service of the page. Only its face: what reads, hashes and keeps arrives when it is
// first asked for (library-shelf.ts), since the first screen needs none of it.
import type { Library, ModelsService } from '../services.ts'
import type { Catalogue } from './catalogue.ts'
import { offered } from './offered.ts'
import { type Told, told } from './told.ts'

/** @param painted what is here is looked for after it, unless somebody asks before */
export function openLibrary(catalogue: Catalogue, painted: Promise<void>): ModelsService {
  const library: Told<Library> = told(offered(catalogue))
  let opening: Promise<ModelsService> | null = null
  const shelf = () => {
    opening ??= import('./library-shelf.ts')
      .then(({ openShelf }) => openShelf(catalogue, library))
      .catch((error: unknown) => {
        opening = null
        throw error
      })
    return opening
  }
  return {
    subscribe(listener) {
      // Without the shelf the offered list stands; whoever then asks for more is told why it cannot be had.
      void painted.then(shelf).catch(() => undefined)
      return library.subscribe(listener)
    },
    download: (digest) => void shelf().then((s) => s.download(digest)),
    pause: (digest) => void shelf().then((s) => s.pause(digest)),
    discard: async (...args) => (await shelf()).discard(...args),
    addModelFile: async (...args) => (await shelf()).addModelFile(...args),
    addModelFiles: async (...args) => (await shelf()).addModelFiles(...args),
    addModelUrl: async (...args) => (await shelf()).addModelUrl(...args),
    addAdapterFiles: async (...args) => (await shelf()).addAdapterFiles(...args),
    addAdapterUrl: async (...args) => (await shelf()).addAdapterUrl(...args),
    remove: async (...args) => (await shelf()).remove(...args),
    wanted: async (...args) => (await shelf()).wanted(...args),
    check: async (...args) => (await shelf()).check(...args),
    fit: async (...args) => (await shelf()).fit(...args),
    refresh: async () => (await shelf()).refresh(),
    storage: async () => (await shelf()).storage(),
    persist: async () => (await shelf()).persist(),
    acknowledgeEviction: async () => (await shelf()).acknowledgeEviction(),
  }
}
