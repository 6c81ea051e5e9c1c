// The leader's end of engine-wire.ts: tells all tabs how the engine is, and serves their calls and chats.
// Invariant: a chat of a tab that is gone is ended; a call that fails fails in the tab that made it, and nowhere else.
import { toWire } from '../../errors.ts'
import type { EngineSide } from './engine-side.ts'
import { VERBS } from './engine-side.ts'
import { type Down, here, tabLock, type Up } from './engine-wire.ts'

export type Locks = Pick<LockManager, 'request'>

/** @returns what stops serving */
export function lead(channel: BroadcastChannel, tab: string, side: EngineSide, locks: Locks): () => void {
  const chats = new Map<string, AbortController>()
  const watched = new Set<string>()
  const stopped = new AbortController()
  const send = (message: Down) => {
    if (!stopped.signal.aborted) channel.postMessage(message)
  }
  const tell = () => send(here(tab, side.state.value, side.facts.value))

  /** Gets a tab's lock only when that tab is gone. */
  function watch(from: string): void {
    if (watched.has(from)) return
    watched.add(from)
    const end = () => {
      watched.delete(from)
      for (const [key, controller] of chats) if (key.startsWith(`${from} `)) controller.abort()
    }
    locks.request(tabLock(from), { signal: stopped.signal }, async () => end()).catch(() => undefined)
  }

  async function call({ from, id, verb, args }: Extract<Up, { type: 'call' }>): Promise<void> {
    try {
      if (!VERBS.includes(verb)) return
      const value = await (side[verb] as (...args: unknown[]) => Promise<unknown>)(...args)
      send({ type: 'result', to: from, id, value })
    } catch (error) {
      send({ type: 'thrown', to: from, id, error: toWire(error) })
    }
  }

  async function chat({ from, id, request }: Extract<Up, { type: 'chat' }>): Promise<void> {
    const key = `${from} ${id}`
    const controller = new AbortController()
    chats.set(key, controller)
    try {
      for await (const event of side.chat(request, controller.signal)) send({ type: 'event', to: from, id, event })
      send({ type: 'ended', to: from, id })
    } catch (error) {
      send({ type: 'thrown', to: from, id, error: toWire(error) })
    } finally {
      chats.delete(key)
    }
  }

  const listen = ({ data }: MessageEvent<Up | Down>) => {
    if (!('from' in data)) return
    watch(data.from)
    if (data.type === 'hello') tell()
    else if (data.type === 'call') void call(data)
    else if (data.type === 'chat') void chat(data)
    else chats.get(`${data.from} ${data.id}`)?.abort()
  }
  channel.addEventListener('message', listen)
  const leave = [side.state.subscribe(tell), side.facts.subscribe(tell)]
  return () => {
    stopped.abort()
    channel.removeEventListener('message', listen)
    for (const end of leave) end()
    for (const controller of chats.values()) controller.abort()
  }
}
