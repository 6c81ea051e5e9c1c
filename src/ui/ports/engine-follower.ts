// A tab that asks another tab's engine, over engine-wire.ts.
// Invariants: the state is the leader's last word; whatever waits when the leader changes is rejected with `engine_moved`, so
// that nothing waits for ever; a consumer that leaves a chat ends it in the leader.
import type { ReplayAsk, ReplayFindings } from '../../attribution/types.ts'
import type { ChatEvent, ChatMessage, ChatRequest } from '../../chat/ports.ts'
import { fromWire, type OpenChatError } from '../../errors.ts'
import type { EndpointDraft, EngineFacts, EngineMemory, EngineState } from '../services.ts'
import { type EngineSide, type EngineVerbs, engineMoved } from './engine-side.ts'
import { type Down, factsOf, stateOf, type Up } from './engine-wire.ts'
import { told } from './told.ts'

interface Waiting {
  take(message: Exclude<Down, { type: 'here' }>): void
  fail(error: OpenChatError): void
}

export class EngineFollower implements EngineSide {
  readonly state = told<EngineState>({ state: 'checking' })
  readonly facts
  #channel: BroadcastChannel
  #tab: string
  #leader: string | null = null
  #waiting = new Map<number, Waiting>()
  #next = 0
  #heard: () => void

  /** @param heard is called at each word of a leader */
  constructor(channel: BroadcastChannel, tab: string, first: EngineFacts, heard: () => void) {
    this.#channel = channel
    this.#tab = tab
    this.#heard = heard
    this.facts = told<EngineFacts>({ ...first, tab: 'follower' })
    channel.addEventListener('message', this.#listen)
    this.hello()
  }

  hello(): void {
    this.#send({ type: 'hello', from: this.#tab })
  }

  start = () => this.#call<void>('start', [])
  pause = () => this.#call<void>('pause', [])
  choose = (id: string) => this.#call<void>('choose', [id])
  count = (messages: ChatMessage[], begin: string) => this.#call<number | null>('count', [messages, begin])
  memory = () => this.#call<EngineMemory | null>('memory', [])
  replay = (ask: ReplayAsk) => this.#call<ReplayFindings>('replay', [ask])
  endpointModels = (url: string, key: string) => this.#call<string[]>('endpointModels', [url, key])
  addEndpoint = (draft: EndpointDraft) => this.#call<string>('addEndpoint', [draft])
  removeEndpoint = (id: string) => this.#call<void>('removeEndpoint', [id])

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const id = this.#next++
    const events: ChatEvent[] = []
    let failure: OpenChatError | null = null
    let ended = false
    let wake = () => {}
    this.#waiting.set(id, {
      take(message) {
        if (message.type === 'event') events.push(message.event)
        else if (message.type === 'thrown') failure = fromWire(message.error)
        else ended = true
        wake()
      },
      fail(error) {
        failure = error
        wake()
      },
    })
    const abort = () => this.#send({ type: 'abort', from: this.#tab, id })
    signal.addEventListener('abort', abort, { once: true })
    this.#send({ type: 'chat', from: this.#tab, id, request })
    if (signal.aborted) abort()
    try {
      while (true) {
        while (events.length > 0) yield events.shift()!
        if (failure !== null) throw failure
        if (ended) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      signal.removeEventListener('abort', abort)
      this.#waiting.delete(id)
      if (!ended && failure === null) abort()
    }
  }

  /** This tab follows no more. */
  close(): void {
    this.#channel.removeEventListener('message', this.#listen)
    this.#fail()
  }

  #listen = ({ data }: MessageEvent<Up | Down>) => {
    if (data.type === 'here') {
      const changed = this.#leader !== null && this.#leader !== data.leader
      this.#leader = data.leader
      this.facts.set(factsOf(data.facts))
      this.state.set(stateOf(data.state))
      // After the state: what is rejected looks there for what to do.
      if (changed) this.#fail()
      this.#heard()
    } else if ('to' in data && data.to === this.#tab) this.#waiting.get(data.id)?.take(data)
  }

  #fail(): void {
    for (const { fail } of [...this.#waiting.values()]) fail(engineMoved())
  }

  #send(message: Up): void {
    this.#channel.postMessage(message)
  }

  #call<T>(verb: keyof EngineVerbs, args: unknown[]): Promise<T> {
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      const done = () => this.#waiting.delete(id)
      this.#waiting.set(id, {
        take(message) {
          done()
          if (message.type === 'thrown') reject(fromWire(message.error))
          else if (message.type === 'result') resolve(message.value as T)
        },
        fail(error) {
          done()
          reject(error)
        },
      })
      this.#send({ type: 'call', from: this.#tab, id, verb, args })
    })
  }
}
