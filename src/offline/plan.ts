// What the service worker does with a request, as a pure decision: which part of the page comes from its cache, and what it
// never touches. Not the files with a digest in their address (models, datanets, adapters): the page keeps those itself, checked.
// Invariant: nothing that can change behind the page's back (devnet.json, other origins, writes, ranges) is ever answered here.

export type Answerer =
  /** The one document, from this version's cache. */
  | 'page'
  /** A file whose name holds its own digest: any version's cache, else the network and then the cache. */
  | 'asset'
  /** The network while it answers, else the last copy. */
  | 'freshest'
  /** This version's copy. */
  | 'copy'
  | 'network'

export interface Asked {
  method: string
  url: string
  mode: string
  ranged: boolean
}

/** @param origin of the page @param copied paths that this version brought with it */
export function answererOf({ method, url, mode, ranged }: Asked, origin: string, copied: ReadonlySet<string>): Answerer {
  const { origin: from, pathname } = new URL(url)
  if (method !== 'GET' || from !== origin || ranged) return 'network'
  if (mode === 'navigate') return pathname === '/' || pathname === '/index.html' ? 'page' : 'network'
  if (pathname.startsWith('/assets/')) return 'asset'
  if (pathname === '/catalogue.json') return 'freshest'
  return copied.has(pathname) ? 'copy' : 'network'
}

/** Name of a version's cache: of its files and their revisions, by FNV-1a, 32 bits twice. Only equality matters. */
export function versionOf(files: readonly { url: string; revision: string | null }[]): string {
  const text = files
    .map(({ url, revision }) => `${url} ${revision ?? ''}`)
    .sort()
    .join('\n')
  const hash = (seed: number) => {
    let h = seed
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0
    return h.toString(16).padStart(8, '0')
  }
  return `page-${hash(0x811c9dc5)}${hash(0x9747b28c)}`
}

/**
 * Caches that may go once `own` is in charge: all but its own and the one before, whose page another tab may still show and
 * whose parts that tab may still load. @param names in the order of their making
 */
export function outdated(names: readonly string[], own: string): string[] {
  const older = names.filter((name) => name.startsWith('page-') && name !== own)
  return older.slice(0, -1)
}
