// Where the texts of an intake wait: outside the worker's memory when the browser has such a place, so that 200 MB of text
// cost what one document costs. Not the blob store: nothing here outlives the intake.
import { utf8 } from '../attribution/words.ts'

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

  /** @param text without lone surrogates. @returns its handle */
  put(text: string): number {
    const bytes = utf8(text)
    const from = this.#file.bytes
    this.#file.append(bytes)
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
