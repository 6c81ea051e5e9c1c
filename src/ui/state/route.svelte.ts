// Where the visitor is, from the part of the address after `#`: #/chat/ID, #/datanets/ID/contribute, #/datanets/mine, #/ledger.
// The address is the only truth; verbs change it and the page follows. Unknown addresses are the chat.

export type Route =
  | { room: 'chat'; id: string | null }
  | { room: 'datanets'; id: string | null; task: 'read' | 'contribute' | 'curate' | 'create' | 'mine' }
  | { room: 'models'; id: string | null }
  | { room: 'ledger'; id: string | null }
  | { room: 'settings'; id: string | null }
  | { room: 'verify'; id: string | null }

/** Rooms whose address is `#/room` or `#/room/id`; what an id means is the room's own affair. */
const PLAIN_ROOMS = ['models', 'ledger', 'settings', 'verify'] as const

export function parseRoute(hash: string): Route {
  const [room, id, task] = hash.replace(/^#\/?/, '').split('/').map(decoded)
  if (room === 'datanets') {
    if (id === 'new') return { room, id: null, task: 'create' }
    if (id === 'mine') return { room, id: null, task: 'mine' }
    return { room, id: id || null, task: id && (task === 'contribute' || task === 'curate') ? task : 'read' }
  }
  const plain = PLAIN_ROOMS.find((name) => name === room)
  if (plain !== undefined) return { room: plain, id: id || null }
  return { room: 'chat', id: room === 'chat' && id ? id : null }
}

export function addressOf(route: Route): string {
  if (route.room === 'datanets' && route.task === 'create') return '#/datanets/new'
  if (route.room === 'datanets' && route.task === 'mine') return '#/datanets/mine'
  const tail = route.id === null ? '' : `/${encodeURIComponent(route.id)}`
  return `#/${route.room}${tail}${route.room === 'datanets' && route.task !== 'read' ? `/${route.task}` : ''}`
}

/** A half-typed address such as `#/chat/%` must not stop the page. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export class Router {
  #route = $state.raw<Route>({ room: 'chat', id: null })
  #window: Window

  constructor(window: Window) {
    this.#window = window
    this.#route = parseRoute(window.location.hash)
    window.addEventListener('hashchange', () => {
      this.#route = parseRoute(window.location.hash)
    })
  }

  get route(): Route {
    return this.#route
  }

  go(route: Route): void {
    this.#route = route
    if (this.#window.location.hash !== addressOf(route)) this.#window.location.hash = addressOf(route)
  }

  /** The address names what is already shown (a conversation got its id); going back must not return to the nameless one. */
  settle(route: Route): void {
    this.#route = route
    this.#window.history.replaceState(null, '', addressOf(route))
  }
}
