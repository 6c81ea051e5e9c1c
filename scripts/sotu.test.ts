import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { authorAccount } from './seed-build.ts'
import { oneLine } from './seed-paragraphs.ts'
import { readAddresses } from './sotu.ts'

const folder = await mkdtemp(join(tmpdir(), 'sotu-'))
afterAll(() => rm(folder, { recursive: true }))

/** A ustar archive of one file per address, `npm pack`'s layout. */
function tarball(addresses: { year: number; name: string; text: string }[]): Uint8Array {
  const blocks = addresses.flatMap((address) => {
    const body = Buffer.from(JSON.stringify(address))
    const header = Buffer.alloc(512)
    header.write(`package/data/${address.year}_${address.name.toLowerCase().replaceAll(' ', '_')}_n.json`)
    header.write(body.length.toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const addresses = Array.from({ length: 233 }, (_, i) => ({
  year: 2000 - i,
  name: i % 2 === 0 ? 'Ann Mc Coy' : `B ${i % 5}`,
  text: `Ma\u0308dam\u0002  Speaker,\n${i}`,
}))

describe('the seed package', () => {
  it('is read by author, first year first, then by year, with clean text', async () => {
    const path = join(folder, 'whole.tgz')
    await writeFile(path, tarball(addresses))
    const read = await readAddresses(path)
    expect(read).toHaveLength(233)
    expect(new Set(read.map(({ author }) => author)).has('Ann McCoy')).toBe(true)
    expect(read[0].text).toBe('Mädam Speaker, 232')
    const firstYears = new Map<string, number>()
    for (const [i, { author, year }] of read.entries()) {
      if (!firstYears.has(author)) firstYears.set(author, year)
      else expect([read[i - 1].author, read[i - 1].year < year]).toEqual([author, true])
    }
    expect([...firstYears.values()]).toEqual([...firstYears.values()].sort((a, b) => a - b))
  })

  it('is refused when addresses are missing', async () => {
    const path = join(folder, 'cut.tgz')
    await writeFile(path, tarball(addresses.slice(1)))
    await expect(readAddresses(path)).rejects.toMatchObject({ code: 'seed_invalid' })
  })

  it('keeps words and drops what is not text', () => {
    expect(oneLine(' a\t\u0007b\r\n c ')).toBe('a b c')
    expect(oneLine('50° “north” — café')).toBe('50° “north” — café')
  })

  it('gives every author the same account everywhere', () => {
    // Address of the key keccak256("open-chat/author/Woodrow Wilson"), computed with viem 2.57.
    expect(authorAccount('Woodrow Wilson')).toBe('0xad17d792591f14178738e33f0fdd23c816c8bc18')
  })
})
