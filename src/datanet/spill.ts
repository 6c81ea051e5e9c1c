// Where the texts of an intake wait: outside the worker's memory when the browser has such a place, so that 200 MB of text
// cost what one document costs. Not the blob store: nothing here outlives the intake.
import { utf8 } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'

/**
 * A text that keeps no other one alive: V8 makes a piece of a long string a view of it, so that an excerpt of 280 characters
 * held 16,000 (measured: 21 kB of heap a document, 1.4 kB with copies).
 */
export const ownCopy = (text: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(text))

/** A growing row of bytes. */
export interface SpillFile {
  /** Bytes so far. */
  readonly bytes: number
  append(bytes: Uint8Array): void
  read(from: number, length: number): Uint8Array
  /** Back to nothing. */
  clear(): void
}

/** Texts by handle, in a spill file. */
export class SpilledTexts {
  readonly #file: SpillFile
  readonly #places: { from: number; length: number }[] = []

  constructor(file: SpillFile) {
    this.#file = file
  }

  /** @param text without lone surrogates. @returns its handle @throws storage_full, and then nothing was put */
  put(text: string): number {
    const bytes = utf8(text)
    const from = this.#file.bytes
    try {
      this.#file.append(bytes)
    } catch (cause) {
      throw (cause as Error | null)?.name === 'QuotaExceededError' ? full(bytes.length, cause) : cause
    }
    // A full disk may take a part and say so by its length alone; read back, the rest would be the next text.
    if (this.#file.bytes !== from + bytes.length) throw full(bytes.length)
    return this.#places.push({ from, length: bytes.length }) - 1
  }

  get(handle: number): string {
    const { from, length } = this.#places[handle]
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#file.read(from, length))
  }

  clear(): void {
    this.#places.length = 0
    this.#file.clear()
  }
}

function full(bytes: number, cause?: unknown): OpenChatError {
  return new OpenChatError('storage_full', 'The browser has no room left to look at this text.', {
    ...(cause === undefined ? {} : { cause }),
    meta: { bytes },
    action: 'Publish or leave what is here, make room, and bring it again.',
  })
}

/** For browsers without a place on disk for workers, and for tests. */
export function memorySpill(): SpillFile {
  let pieces: Uint8Array[] = []
  let starts: number[] = []
  let bytes = 0
  return {
    get bytes() {
      return bytes
    },
    append(piece) {
      starts.push(bytes)
      pieces.push(piece)
      bytes += piece.length
    },
    read(from, length) {
      const out = new Uint8Array(length)
      let low = 0
      for (let high = starts.length; low + 1 < high; ) {
        const middle = (low + high) >> 1
        if (starts[middle] <= from) low = middle
        else high = middle
      }
      for (let done = 0; done < length; low++) {
        const inside = from + done - starts[low]
        const part = pieces[low].subarray(inside, inside + length - done)
        out.set(part, done)
        done += part.length
      }
      return out
    },
    clear() {
      pieces = []
      starts = []
      bytes = 0
    },
  }
}
