import type { Endpoint } from 'comlink'
import { afterEach, describe, expect, it } from 'vitest'
import { OpenChatError } from '../errors.ts'
import { expose, streamOf, wrap } from './rpc.ts'

const service = {
  released: 0,
  fail(): never {
    throw new OpenChatError('digest_mismatch', 'Got another file.', {
      meta: { expected: 'aa', bytes: 3, resumed: false, mirror: null },
      action: 'Try again.',
      cause: new OpenChatError('rpc_timeout', 'Too slow.', { meta: { ms: 5 }, cause: new TypeError('root') }),
    })
  },
  foreign(): never {
    throw new RangeError('out')
  },
  async waitFor(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  },
  async *count(to: number, signal: AbortSignal): AsyncGenerator<{ n: bigint }> {
    try {
      for (let n = 0; n < to; n++) {
        if (signal.aborted) return
        yield { n: BigInt(n) }
      }
      if (to === 3) throw new OpenChatError('engine_lost', 'Gone.', { meta: { n: 3 } })
    } finally {
      service.released++
    }
  },
  async sum(numbers: AsyncIterable<number>): Promise<number> {
    let total = 0
    for await (const n of numbers) total += n
    return total
  },
  report(progress: (done: number, total: number) => void): bigint {
    progress(1, 2)
    progress(2, 2)
    return 2n ** 200n
  },
  doubled(port: MessagePort): MessagePort {
    const { port1, port2 } = new MessageChannel()
    port.onmessage = ({ data }: MessageEvent<number>) => port1.postMessage(2 * data)
    return port2
  },
  never: () => new Promise<void>(() => undefined),
}

const open: MessagePort[] = []

function connect() {
  const { port1, port2 } = new MessageChannel()
  open.push(port1, port2)
  expose(service, port1 as Endpoint)
  return wrap<typeof service>(port2 as Endpoint)
}

afterEach(() => {
  for (const port of open.splice(0)) port.close()
  service.released = 0
})

describe('codec', () => {
  it('carries a typed error whole, with its causes', async () => {
    const error = await connect()
      .api.fail()
      .catch((e: unknown) => e as OpenChatError)
    expect(error).toBeInstanceOf(OpenChatError)
    expect(error).toMatchObject({
      code: 'digest_mismatch',
      shortMessage: 'Got another file.',
      message: 'Got another file. Try again.',
      action: 'Try again.',
      meta: { expected: 'aa', bytes: 3, resumed: false, mirror: null },
      cause: { code: 'rpc_timeout', meta: { ms: 5 }, cause: { code: 'internal_error', shortMessage: 'root' } },
    })
  })

  it('types a foreign error', async () => {
    await expect(connect().api.foreign()).rejects.toMatchObject({ code: 'internal_error', shortMessage: 'out' })
  })

  it('aborts across the boundary, before and during a call', async () => {
    const { api } = connect()
    await expect(api.waitFor(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
    const controller = new AbortController()
    const waiting = api.waitFor(controller.signal)
    controller.abort(new OpenChatError('too_late', 'Closed.', { meta: { at: 1 } }))
    await expect(waiting).rejects.toMatchObject({ code: 'too_late', meta: { at: 1 } })
  })

  it('pulls items in order and stops at a typed error', async () => {
    const { api } = connect()
    const signal = new AbortController().signal
    const seen: bigint[] = []
    for await (const { n } of streamOf(api.count(2, signal))) seen.push(n)
    expect(seen).toEqual([0n, 1n])
    const read = async () => {
      for await (const { n } of streamOf(api.count(3, signal))) seen.push(n)
    }
    await expect(read()).rejects.toMatchObject({ code: 'engine_lost', meta: { n: 3 } })
    expect(seen).toEqual([0n, 1n, 0n, 1n, 2n])
  })

  it('runs the producer no further than it is pulled, and ends it when the loop is left', async () => {
    const { api } = connect()
    for await (const { n } of streamOf(api.count(1_000_000, new AbortController().signal))) if (n === 4n) break
    await expect.poll(() => service.released).toBe(1)
  })

  it('takes the end of a channel as an argument, and gives one back', async () => {
    const { api } = connect()
    const { port1, port2 } = new MessageChannel()
    const back = await api.doubled(port1)
    open.push(port2, back)
    const heard = new Promise((resolve) => {
      back.onmessage = ({ data }: MessageEvent<number>) => resolve(data)
    })
    port2.postMessage(21)
    expect(await heard).toBe(42)
  })

  it('takes an iterable and a callback as arguments', async () => {
    const { api } = connect()
    async function* numbers() {
      yield 20
      yield 22
    }
    expect(await api.sum(numbers())).toBe(42)
    const calls: number[][] = []
    expect(await api.report((...args) => calls.push(args))).toBe(2n ** 200n)
    await expect
      .poll(() => calls)
      .toEqual([
        [1, 2],
        [2, 2],
      ])
  })

  it('rejects what is waiting when the worker fails, and every later call', async () => {
    const { api, fail } = connect()
    const waiting = api.never()
    fail(new OpenChatError('worker_failed', 'Gone.'))
    await expect(waiting).rejects.toMatchObject({ code: 'worker_failed' })
    await expect(api.report(() => undefined)).rejects.toMatchObject({ code: 'worker_failed' })
  })

  it('ends a stream whose worker died', async () => {
    const { port1, port2 } = new MessageChannel()
    open.push(port1, port2)
    let stall: MessagePort | undefined
    port1.onmessage = (event: MessageEvent<{ id: string }>) => {
      const channel = new MessageChannel()
      stall = channel.port1
      port1.postMessage({ id: event.data.id, type: 'HANDLER', name: 'open-chat/iterable', value: channel.port2 }, [channel.port2])
    }
    const { api } = wrap<typeof service>(port2 as Endpoint)
    const stream = await api.count(1, new AbortController().signal)
    const next = stream[Symbol.asyncIterator]().next()
    stall?.close()
    await expect(next).rejects.toMatchObject({ code: 'worker_failed' })
  })
})
