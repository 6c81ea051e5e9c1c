// A spill file on disk for Node, as the worker has one in the browser's private file system.
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import type { SpillFile } from '../src/datanet/spill.ts'

/** The file has no name from the start: it goes when the process ends. */
export function diskSpill(path: string): SpillFile {
  const file = openSync(path, 'w+')
  unlinkSync(path)
  process.once('exit', () => closeSync(file))
  let bytes = 0
  return {
    get bytes() {
      return bytes
    },
    append(piece) {
      bytes += writeSync(file, piece, 0, piece.length, bytes)
    },
    read(from, length) {
      const out = new Uint8Array(length)
      readSync(file, out, 0, length, from)
      return out
    },
    clear() {
      ftruncateSync(file)
      bytes = 0
    },
  }
}
