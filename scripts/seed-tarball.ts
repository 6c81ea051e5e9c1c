// Files of an npm tarball, read without unpacking it to disk. Not a general tar reader: regular files of ustar archives, as
// `npm pack` writes them.
// Invariant: names are those in the archive, beginning with `package/`; order is the archive's.
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'

export interface TarFile {
  name: string
  bytes: Uint8Array
}

export async function* tarballFiles(path: string): AsyncGenerator<TarFile> {
  yield* tarEntries(gunzipSync(await readFile(path)))
}

function* tarEntries(archive: Uint8Array): Generator<TarFile> {
  const field = (at: number, length: number) =>
    new TextDecoder()
      .decode(archive.subarray(at, at + length))
      .split('\0')[0]
      .trim()
  for (let at = 0; at + 512 <= archive.length; ) {
    const size = Number.parseInt(field(at + 124, 12) || '0', 8)
    const prefix = field(at + 345, 155)
    const name = field(at, 100)
    if (name === '') return
    if (field(at + 156, 1) === '0') {
      yield { name: prefix === '' ? name : `${prefix}/${name}`, bytes: archive.subarray(at + 512, at + 512 + size) }
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
}
