// How values that structured clone cannot carry cross a worker boundary whole: errors, abort signals, async iterables,
// message ports and progress callbacks. Not an RPC (rpc.ts), and no deep search: only a value that is itself an argument, a result or thrown
// is looked at, so a signal inside an object is refused by the clone rather than lost.
// Invariants: an error arrives with code, meta, action and its chain of causes; an iterable is pulled, one item a request,
// so a slow consumer slows the producer, and leaving the loop runs the producer's `finally`; a worker that dies ends both.
// Source: comlink's transfer handlers; its own error handler keeps only message, name and stack.
import { type TransferHandler, transferHandlers } from 'comlink'
import { asOpenChatError, type ErrorWire, fromWire, OpenChatError, toWire } from '../errors.ts'

interface Thrown {
  value: unknown
}

type Pull = { type: 'next' } | { type: 'return' }
type Pulled = { type: 'item'; value: unknown } | { type: 'done' } | { type: 'error'; error: ErrorWire }

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return isObject(value) && Symbol.asyncIterator in value && !(value instanceof ReadableStream)
}

/** Keeps Node alive no longer than its other work does; pages have no such method. */
function unref(port: MessagePort): void {
  const node = port as MessagePort & { unref?: () => void }
  node.unref?.()
}

/** The far end of a port died with its worker. */
const workerGone = () =>
  new OpenChatError('worker_failed', 'The background worker ended before it had answered.', { action: 'Reload the page.' })

const errors: TransferHandler<Thrown, ErrorWire> = {
  // Replaces comlink's handler of the same name, whose marker is a symbol of its own: its test is kept.
  canHandle: (value): value is Thrown => previousThrow.canHandle(value),
  serialize: ({ value }) => [toWire(value), []],
  deserialize: (wire) => {
    throw fromWire(wire)
  },
}

const signals: TransferHandler<AbortSignal, { port: MessagePort; aborted: ErrorWire | null }> = {
  canHandle: (value): value is AbortSignal => value instanceof AbortSignal,
  serialize(signal) {
    const { port1, port2 } = new MessageChannel()
    signal.addEventListener(
      'abort',
      () => {
        port1.postMessage(toWire(signal.reason))
        port1.close()
      },
      { once: true },
    )
    return [{ port: port2, aborted: signal.aborted ? toWire(signal.reason) : null }, [port2]]
  },
  deserialize({ port, aborted }) {
    const controller = new AbortController()
    if (aborted) controller.abort(fromWire(aborted))
    port.onmessage = (event: MessageEvent<ErrorWire>) => {
      controller.abort(fromWire(event.data))
      port.close()
    }
    unref(port)
    return controller.signal
  },
}

const iterables: TransferHandler<AsyncIterable<unknown>, MessagePort> = {
  canHandle: isIterable,
  serialize(iterable) {
    const { port1, port2 } = new MessageChannel()
    serve(iterable, port1)
    return [port2, [port2]]
  },
  deserialize: pull,
}

/** Answers each request of the far end with one item; ends the iterator when asked to, or when the far end is gone. */
function serve(iterable: AsyncIterable<unknown>, port: MessagePort): void {
  const iterator = iterable[Symbol.asyncIterator]()
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    // Its outcome has nobody left to hear it: the consumer has gone.
    Promise.resolve(iterator.return?.()).catch(() => undefined)
    port.close()
  }
  const answer = (message: Pulled) => {
    port.postMessage(message)
    if (message.type === 'item') return
    ended = true
    port.close()
  }
  port.onmessage = async (event: MessageEvent<Pull>) => {
    if (event.data.type === 'return') return end()
    try {
      const { done, value } = await iterator.next()
      if (!ended) answer(done ? { type: 'done' } : { type: 'item', value })
    } catch (error) {
      if (!ended) answer({ type: 'error', error: toWire(error) })
    }
  }
  port.addEventListener('close', end)
}

/** The consumer's side of {@link serve}. */
function pull(port: MessagePort): AsyncIterableIterator<unknown> {
  const waiting: { resolve: (result: IteratorResult<unknown>) => void; reject: (error: unknown) => void }[] = []
  let ended = false
  const finish = (error?: OpenChatError) => {
    ended = true
    port.close()
    const [first, ...rest] = waiting.splice(0)
    if (error) first?.reject(error)
    else first?.resolve({ done: true, value: undefined })
    for (const request of rest) request.resolve({ done: true, value: undefined })
  }
  port.onmessage = (event: MessageEvent<Pulled>) => {
    const message = event.data
    if (message.type === 'item') waiting.shift()?.resolve({ done: false, value: message.value })
    else finish(message.type === 'error' ? fromWire(message.error) : undefined)
  }
  port.addEventListener('close', () => {
    if (!ended) finish(workerGone())
  })
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      if (ended) return Promise.resolve({ done: true, value: undefined })
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        port.postMessage({ type: 'next' } satisfies Pull)
      })
    },
    async return() {
      if (!ended) {
        port.postMessage({ type: 'return' } satisfies Pull)
        finish()
      }
      return { done: true, value: undefined }
    },
  }
}

const ports: TransferHandler<MessagePort, MessagePort> = {
  canHandle: (value): value is MessagePort => value instanceof MessagePort,
  serialize: (port) => [port, [port]],
  deserialize: (port) => port,
}

type Callback = (...args: never[]) => void

const callbacks: TransferHandler<Callback, MessagePort> = {
  // A proxied function has its own handler, which comes first.
  canHandle: (value): value is Callback => typeof value === 'function',
  serialize(callback) {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = (event: MessageEvent<never[]>) => callback(...event.data)
    unref(port1)
    return [port2, [port2]]
  },
  deserialize: (port) => {
    unref(port)
    return (...args: unknown[]) => port.postMessage(args)
  },
}

const previousThrow = transferHandlers.get('throw')!
let installed = false

/** Teaches comlink these five; both sides of a boundary must have called it before the first message. */
export function installCodec(): void {
  if (installed) return
  installed = true
  transferHandlers.set('throw', errors)
  transferHandlers.set('open-chat/signal', signals)
  transferHandlers.set('open-chat/iterable', iterables)
  transferHandlers.set('open-chat/port', ports)
  transferHandlers.set('open-chat/callback', callbacks)
}

/** An iterable whose source is still on its way: `for await (const event of streamOf(gpu.chat(request, signal)))`. */
export async function* streamOf<T>(source: Promise<AsyncIterable<T>> | AsyncIterable<T>): AsyncGenerator<T> {
  yield* await source
}

/** A worker's last words as a typed error. */
export function workerError(event: Event): OpenChatError {
  if (event instanceof ErrorEvent && event.error !== undefined && event.error !== null) return asOpenChatError(event.error)
  const reason = event instanceof ErrorEvent ? event.message : event.type
  return new OpenChatError('worker_failed', `The background worker failed: ${reason || 'its script did not load'}.`, {
    meta: { reason },
    action: 'Reload the page.',
  })
}
