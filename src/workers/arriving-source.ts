// A model's file while it is fetched, as the engine's ByteSource: a read resolves as soon as the chunks that it needs were judged
// and kept, whichever come first, and what is waited for is asked for first. Not the fetching itself: storage/download.ts.
// Invariants: no byte is given out that was not hashed against the list; a chunk is held while somebody reads it and the file never,
// so that what comes faster than it is read is read back from the store; when the fetching ends in an error, every read ends in it.
import type { ByteSource } from '../gpu/types.ts'
import type { Follower } from '../storage/download.ts'
import { type ChunkDigests, chunkedSource, chunkOfBlob, judgedChunk } from './sources.ts'

export interface ModelBytes extends ByteSource {
  /** Whether all of the file lies here. */
  readonly complete: boolean
  /** Resolves when it does, and rejects with what ended its fetching. */
  readonly whole: Promise<void>
  /** Ends the fetching and waits for its end. What was judged is kept. */
  stop(): Promise<void>
  /** Lets go of what is at hand; later reads read again. */
  forget(): void
}

interface Waiter {
  promise: Promise<Uint8Array>
  resolve(bytes: Uint8Array | Promise<Uint8Array>): void
  reject(error: unknown): void
}

/**
 * @param bytes length of the file
 * @param bring fetches it, telling the follower; resolves with the kept file
 */
export function arrivingSource(
  bytes: number,
  list: ChunkDigests,
  bring: (follower: Follower, signal: AbortSignal) => Promise<Blob>,
): ModelBytes {
  const waiting = new Map<number, Waiter>()
  const end = new AbortController()
  let kept: Parameters<Follower['begun']>[0] | null = null
  let file: Blob | null = null
  let failure: { error: unknown } | null = null

  const readKept = (chunk: number) => judgedChunk(list, chunk, kept!.read(chunk))
  const readFile = (chunk: number) => judgedChunk(list, chunk, chunkOfBlob(file!, list.chunkBytes, chunk))
  const settle = (chunk: number, come: (waiter: Waiter) => void) => {
    const waiter = waiting.get(chunk)
    if (waiter === undefined) return
    waiting.delete(chunk)
    come(waiter)
  }

  const follower: Follower = {
    begun(writer) {
      kept = writer
      for (const chunk of [...waiting.keys()]) if (writer.has(chunk)) settle(chunk, ({ resolve }) => resolve(readKept(chunk)))
    },
    arrived: (chunk, content) => settle(chunk, ({ resolve }) => resolve(content)),
    waitsFor: (chunk) => waiting.has(chunk),
  }

  const whole = bring(follower, end.signal).then(
    (brought) => {
      file = brought
      kept = null
      for (const chunk of [...waiting.keys()]) settle(chunk, ({ resolve }) => resolve(readFile(chunk)))
    },
    (error: unknown) => {
      failure = { error }
      kept = null
      for (const chunk of [...waiting.keys()]) settle(chunk, ({ reject }) => reject(error))
      throw error
    },
  )
  const ended = whole.catch(() => undefined)

  const source = chunkedSource(bytes, list.chunkBytes, async (chunk) => {
    if (failure !== null) throw failure.error
    if (file !== null) return readFile(chunk)
    if (kept?.has(chunk)) return readKept(chunk)
    return (waiting.get(chunk) ?? wait(waiting, chunk)).promise
  })
  return {
    bytes,
    read: (offset, length) => source.read(offset, length),
    forget: () => source.forget(),
    whole,
    get complete() {
      return file !== null
    },
    stop() {
      end.abort()
      return ended
    },
  }
}

function wait(waiting: Map<number, Waiter>, chunk: number): Waiter {
  const waiter = {} as Waiter
  waiter.promise = new Promise((resolve, reject) => Object.assign(waiter, { resolve, reject }))
  waiting.set(chunk, waiter)
  return waiter
}
