// The service worker: keeps one whole version of the page, so that it opens without a network, and never mixes two. A new
// version is brought beside the old one and waits until the visitor asks for it (ui/state/updates.svelte.ts).
// Not a store of models or datanets: those lie in the page's own storage, checked by digest.
// Invariants: a version is used only when every file of it arrived; the version before stays until the next one, so that a
// tab that still shows it can load its parts; nothing is answered that plan.ts leaves to the network.
import { answererOf, outdated, versionOf } from './plan.ts'

declare const self: ServiceWorkerGlobalScope & {
  /** Written by the build. A file whose name holds its digest has no revision. */
  __WB_MANIFEST: { url: string; revision: string | null }[]
}

const files = self.__WB_MANIFEST
const version = versionOf(files)
const pathOf = (url: string) => new URL(url, self.location.href).pathname
const copied = new Set(files.map(({ url }) => pathOf(url)))
const AT_A_TIME = 6
/** A network that takes longer than this has no better list of models than the last one. */
const PATIENCE_MS = 4000

self.addEventListener('install', (event) => event.waitUntil(bring()))
self.addEventListener('activate', (event) => event.waitUntil(takeOver()))
self.addEventListener('message', (event) => {
  if (event.data === 'take over') void self.skipWaiting()
})
self.addEventListener('fetch', (event) => {
  const { request } = event
  const ranged = request.headers.has('range')
  const who = answererOf({ method: request.method, url: request.url, mode: request.mode, ranged }, self.location.origin, copied)
  if (who === 'page') event.respondWith(copy('/index.html', request))
  else if (who === 'copy') event.respondWith(copy(pathOf(request.url), request))
  else if (who === 'asset') event.respondWith(asset(request))
  else if (who === 'freshest') event.respondWith(freshest(request))
})

/** @throws when a file cannot be had: then this version is not installed, and is tried again at the next visit */
async function bring(): Promise<void> {
  const cache = await caches.open(version)
  const left = [...files]
  const work = async () => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const path = pathOf(file.url)
      if (await cache.match(path)) continue
      const here = file.revision === null ? await caches.match(path) : undefined
      const response = here ?? (await fetch(path, { cache: file.revision === null ? 'default' : 'reload' }))
      if (!response.ok || response.redirected) throw new TypeError(`${path} answered ${response.status}`)
      await cache.put(path, response)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
}

async function takeOver(): Promise<void> {
  for (const name of outdated(await caches.keys(), version)) await caches.delete(name)
  await self.clients.claim()
}

async function copy(path: string, request: Request): Promise<Response> {
  return (await (await caches.open(version)).match(path)) ?? fetch(request)
}

async function asset(request: Request): Promise<Response> {
  const held = await caches.match(request, { ignoreVary: true })
  if (held !== undefined) return held
  const response = await fetch(request)
  // Large parts that few need (other engines, PDF) are not brought ahead; once used, they stay.
  if (response.ok) await (await caches.open(version)).put(request, response.clone())
  return response
}

async function freshest(request: Request): Promise<Response> {
  const cache = await caches.open(version)
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) })
    if (response.ok) await cache.put(request, response.clone())
    return response
  } catch (error) {
    const held = await cache.match(pathOf(request.url))
    if (held !== undefined) return held
    throw error
  }
}
