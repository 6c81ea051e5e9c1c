// Several tabs and one engine, over Node's own BroadcastChannel and a lock table of a few lines.
import { afterEach, describe, expect, test } from 'vitest'
import type { ChatEvent, ChatRequest } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import type { EngineFacts, EngineState } from '../services.ts'
import type { Locks } from './engine-leader.ts'
import { type EngineSide, engineMoved } from './engine-side.ts'
import { EngineTabs } from './engine-tabs.ts'
import { told } from './told.ts'

const never = new AbortController().signal
const request: ChatRequest = { messages: [], max_tokens: 100, temperature: 0, adapter: null }
const usage = { promptTokens: 1, completionTokens: 2, firstTokenMs: 1, tokensPerSecond: 2, dispatchesPerToken: 3 }
const facts: EngineFacts = { choices: [], chosen: 'local:1', proposal: null, demotions: [], contextTokens: 64, tab: 'leader' }
const WORDS = ' one two three four five six seven eight nine ten'
const soon = (ms = 5) => new Promise((resolve) => setTimeout(resolve, ms))

/** Web Locks of one origin: each tab has its own view, which `die` empties as a closed tab does. */
function lockTable() {
  const queues = new Map<string, { tab: number; grant: () => void; lose: () => void }[]>()
  let tabs = 0
  const pump = (name: string) => queues.get(name)?.[0]?.grant()
  return {
    tab() {
      const tab = tabs++
      const request = (name: string, ...rest: unknown[]) => {
        const work = rest.at(-1) as (lock: Lock | null) => Promise<unknown>
        const { steal, signal } = (rest.length > 1 ? rest[0] : {}) as LockOptions
        return new Promise((resolve, reject) => {
          const queue = queues.get(name) ?? []
          queues.set(name, queue)
          let granted = false
          const entry = {
            tab,
            grant() {
              if (granted) return
              granted = true
              void work({ name, mode: 'exclusive' }).then((value) => {
                queue.splice(queue.indexOf(entry), 1)
                resolve(value)
                pump(name)
              })
            },
            lose: () => reject(new DOMException('stolen', 'AbortError')),
          }
          signal?.addEventListener('abort', () => queue.includes(entry) && queue.splice(queue.indexOf(entry), 1))
          if (steal) {
            queue.shift()?.lose()
            queue.unshift(entry)
          } else queue.push(entry)
          setTimeout(() => pump(name), 0)
        })
      }
      const die = () => {
        for (const [name, queue] of queues) {
          const left = queue.filter((entry) => entry.tab !== tab)
          queue.splice(0, queue.length, ...left)
          pump(name)
        }
      }
      return { locks: { request } as unknown as Locks, die }
    },
  }
}

/** A channel whose tab may go deaf and dumb, as a closed or a frozen one is. */
class TabChannel extends BroadcastChannel {
  gone = false
  #heard = new Map<unknown, (event: Event) => void>()

  override postMessage(message: unknown): void {
    if (!this.gone) super.postMessage(message)
  }

  override addEventListener(type: string, listener: unknown): void {
    const heard = (event: Event) => this.gone || (listener as (event: Event) => void)(event)
    this.#heard.set(listener, heard)
    super.addEventListener(type, heard)
  }

  override removeEventListener(type: string, listener: unknown): void {
    super.removeEventListener(type, this.#heard.get(listener)!)
  }
}

let open: { channel: TabChannel; tabs: EngineTabs }[] = []
afterEach(() => {
  for (const { channel } of open) channel.close()
  open = []
})

function house() {
  const table = lockTable()
  const name = `test-${Math.random()}`
  const engines: {
    tab: number
    state: ReturnType<typeof told<EngineState>>
    begun: string[]
    aborted: number
    closed: boolean
    hold: boolean
  }[] = []
  let tabs = 0
  function tab(silenceMs = 1e6) {
    const number = tabs++
    const { locks, die } = table.tab()
    const channel = new TabChannel(name)
    const engine = async (): Promise<EngineSide & { close(): Promise<void> }> => {
      const made = {
        tab: number,
        state: told<EngineState>({ state: 'loading', stage: '', fraction: null }),
        begun: [] as string[],
        aborted: 0,
        closed: false,
        hold: false,
      }
      engines.push(made)
      setTimeout(() => made.state.set({ state: 'ready', gpu: `tab ${number}`, software: false }), 5)
      return {
        state: made.state,
        facts: told({ ...facts, chosen: `tab ${number}` }),
        async *chat(given, signal): AsyncGenerator<ChatEvent> {
          if (made.state.value.state !== 'ready') throw new OpenChatError('engine_not_ready', 'Not ready.')
          made.begun.push(given.begin ?? '')
          const words = WORDS.slice((given.begin ?? '').length).match(/ \S+/g) ?? []
          for (const text of words) {
            await soon(10)
            if (made.closed) throw engineMoved()
            if (signal.aborted) {
              made.aborted++
              break
            }
            yield { type: 'token', text }
          }
          yield { type: 'end', reason: signal.aborted ? 'cancelled' : 'stop', usage }
        },
        start: async () => {},
        pause: async () => {},
        choose: async () => {},
        count: async (messages) => messages.length,
        memory: async () => null,
        replay: async () => {
          throw new OpenChatError('replay_unavailable', 'Nothing is replayed here.')
        },
        endpointModels: async (url) => {
          throw new OpenChatError('endpoint_unreachable', `Nothing at ${url}.`, { action: 'Check.', meta: { url } })
        },
        addEndpoint: async () => 'remote:1',
        removeEndpoint: async () => {},
        close: async () => {
          made.closed = true
        },
      }
    }
    const made = new EngineTabs({ open: engine, first: facts, locks, channel: () => channel, silenceMs })
    open.push({ channel, tabs: made })
    const close = () => {
      channel.gone = true
      die()
    }
    return { tabs: made, close, channel, die }
  }
  return { tab, engines }
}

async function collect(chat: AsyncIterable<ChatEvent>, onToken = (_: number) => {}): Promise<{ text: string; last: ChatEvent }> {
  let text = ''
  let tokens = 0
  let last: ChatEvent | undefined
  for await (const event of chat) {
    last = event
    if (event.type !== 'token') continue
    text += event.text
    onToken(++tokens)
  }
  return { text, last: last! }
}

const ready = async (tabs: EngineTabs) => expect.poll(() => tabs.state.value.state).toBe('ready')

describe('tabs', () => {
  test('share the engine of the first, and see its state and facts as theirs', async () => {
    const { tab, engines } = house()
    const [a, b] = [tab(), tab()]
    await ready(a.tabs)
    await ready(b.tabs)
    expect(engines).toHaveLength(1)
    expect(a.tabs.facts.value.tab).toBe('leader')
    expect(b.tabs.facts.value).toMatchObject({ tab: 'follower', chosen: 'tab 0' })
    expect((await collect(b.tabs.chat(request, never))).text).toBe(WORDS)
    expect(await b.tabs.verb('count', [{ role: 'user', content: '' }], '')).toBe(1)
    await expect(b.tabs.verb('endpointModels', 'u', '')).rejects.toMatchObject({
      code: 'endpoint_unreachable',
      meta: { url: 'u' },
      action: 'Check.',
    })
  })

  test('a follower takes over when the leader closes, and its answer goes on with no word lost or doubled', async () => {
    const { tab, engines } = house()
    const [a, b] = [tab(), tab()]
    await ready(b.tabs)
    const { text, last } = await collect(b.tabs.chat(request, never), (tokens) => tokens === 4 && a.close())
    expect(text).toBe(WORDS)
    expect(last).toMatchObject({ type: 'end', reason: 'stop' })
    expect(engines.map((engine) => engine.tab)).toEqual([0, 1])
    expect(engines[1]!.begun).toEqual([' one two three four'])
    expect(b.tabs.facts.value.tab).toBe('leader')
  })

  test('an answer of a third tab goes on too, under the second', async () => {
    const { tab, engines } = house()
    const [a, b, c] = [tab(), tab(), tab()]
    await ready(b.tabs)
    await ready(c.tabs)
    const { text } = await collect(c.tabs.chat(request, never), (tokens) => tokens === 3 && a.close())
    expect(text).toBe(WORDS)
    expect(engines).toHaveLength(2)
    expect(c.tabs.facts.value).toMatchObject({ tab: 'follower', chosen: 'tab 1' })
  })

  test('the answer of a tab that stops, or is gone, ends in the leader', async () => {
    const { tab, engines } = house()
    const [, b, c] = [tab(), tab(), tab()]
    await ready(b.tabs)
    const stop = new AbortController()
    const { last } = await collect(b.tabs.chat(request, stop.signal), (tokens) => tokens === 2 && stop.abort())
    expect(last).toMatchObject({ type: 'end', reason: 'cancelled' })
    expect(engines[0]!.aborted).toBe(1)
    await ready(c.tabs)
    void collect(c.tabs.chat(request, never)).catch(() => undefined)
    await soon(30)
    c.close()
    await expect.poll(() => engines[0]!.aborted).toBe(2)
  })

  test('a leader that does not answer loses the engine to the tab that asks', async () => {
    const { tab, engines } = house()
    const a = tab()
    await ready(a.tabs)
    const b = tab(40)
    await ready(b.tabs)
    // Frozen: its channel is deaf, its lock is still held.
    a.channel.gone = true
    const { text } = await collect(b.tabs.chat(request, never))
    expect(text).toBe(WORDS)
    expect(engines.map((engine) => engine.tab)).toEqual([0, 1])
    await expect.poll(() => engines[0]!.closed).toBe(true)
  })
})
