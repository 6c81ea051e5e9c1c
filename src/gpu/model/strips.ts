// Takes strips of a file to the device in the file's order: reads run ahead and side by side, while what has come is packed and
// written. Not a format and not a layout: what a strip's bytes mean is known to whoever made it (weights.ts).
// Invariants: bytes read and not yet written never exceed `aheadBytes`, but for one strip that is larger by itself; strips are
// written in the order of their first byte; after a failure nothing is written and no rejection is left unhandled.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'

export interface ByteRange {
  offset: number
  length: number
}

export interface Strip {
  ranges: readonly ByteRange[]
  /** @param bytes of each range */
  write(bytes: Uint8Array[]): void
}

export interface StripOptions {
  signal?: AbortSignal
  /** Bytes written, of `total`. */
  onProgress?: (done: number, total: number) => void
  total: number
  /** Resolves when the device has taken what was written to it so far. */
  drained?: () => Promise<void>
  aheadBytes?: number
}

/** Enough for a disk, a hash and a copy to overlap. */
const aheadDefault = 8 << 20
/** What is written waits in the browser's and the driver's memory until the device takes it. */
const drainEvery = 64 << 20

/** @throws cancelled, and what reading throws */
export async function writeStrips(source: ByteSource, strips: readonly Strip[], options: StripOptions): Promise<void> {
  const { signal, onProgress, total, drained, aheadBytes = aheadDefault } = options
  const queue = strips
    .map((strip) => ({ strip, bytes: strip.ranges.reduce((sum, { length }) => sum + length, 0) }))
    .sort((a, b) => a.strip.ranges[0].offset - b.strip.ranges[0].offset)
  const reads: Promise<Uint8Array[]>[] = []
  let held = 0
  let [done, undrained] = [0, 0]
  for (const [index, { strip, bytes }] of queue.entries()) {
    if (signal?.aborted) throw new OpenChatError('cancelled', 'Loading the model was cancelled.')
    while (reads.length < queue.length && (held === 0 || held + queue[reads.length].bytes <= aheadBytes)) {
      const next = queue[reads.length]
      held += next.bytes
      const read = Promise.all(next.strip.ranges.map(({ offset, length }) => source.read(offset, length)))
      // Whoever fails first is told of; the others are not waited for.
      read.catch(() => undefined)
      reads.push(read)
    }
    strip.write(await reads[index])
    delete reads[index]
    held -= bytes
    done += bytes
    undrained += bytes
    onProgress?.(done, total)
    if (undrained < drainEvery) continue
    undrained = 0
    await drained?.()
  }
}
