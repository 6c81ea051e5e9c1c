import fc from 'fast-check'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { never } from './fixtures.testing.ts'
import { isLitter, isSafeName, readEntries, unpack } from './zip.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const zip = (files: Record<string, Uint8Array>) => new Blob([Uint8Array.from(zipSync(files))])

describe('zip', () => {
  it('gives back every file, stored or deflated', async () => {
    const name = fc.stringMatching(/^[a-z]{1,8}(?:\/[a-z]{1,8})?\.txt$/)
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.uint8Array({ maxLength: 300 }), { maxKeys: 5 }), async (files) => {
        const blob = zip(files)
        const read: Record<string, Uint8Array> = {}
        for (const entry of await readEntries(blob)) {
          read[entry.name] = new Uint8Array(await (await unpack(blob, entry, 2 ** 20, never)).arrayBuffer())
        }
        expect(read).toEqual({ ...files })
      }),
      { numRuns: 30 },
    )
  })

  it.each(['../x', 'a/../../x', '/etc/passwd', 'C:\\x', 'a\\..\\x', ''])('does not let %j out of its archive', (name) => {
    expect(isSafeName(name)).toBe(false)
  })

  it('refuses an archive with such a name, and knows litter', async () => {
    await expect(readEntries(zip({ '../../evil.txt': bytes('x') }))).rejects.toMatchObject({ code: 'zip_unsafe' })
    expect(['__MACOSX/a', 'x/.DS_Store', '.git'].every(isLitter)).toBe(true)
    expect(['a.txt', 'x/y.md'].some(isLitter)).toBe(false)
  })

  it('stops a bomb long before its end', async () => {
    const blob = zip({ 'a.txt': new Uint8Array(100_000_000) })
    const [entry] = await readEntries(blob)
    const error = await unpack(blob, entry, 2 ** 31, never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'zip_bomb' })
    expect((error as { meta: { bytes: number } }).meta.bytes).toBeLessThan(24 * 2 ** 20)
  })

  it('stops at the budget, and refuses what is cut or damaged', async () => {
    const blob = zip({ 'a.txt': bytes('many words '.repeat(500)) })
    const [entry] = await readEntries(blob)
    await expect(unpack(blob, entry, 1000, never)).rejects.toMatchObject({ code: 'zip_bomb' })
    await expect(readEntries(blob.slice(0, 40))).rejects.toMatchObject({ code: 'zip_invalid' })
    await expect(unpack(blob, { ...entry, at: 7 }, 2 ** 20, never)).rejects.toMatchObject({ code: 'zip_invalid' })
    await expect(unpack(blob, { ...entry, packedBytes: 10 ** 6 }, 2 ** 20, never)).rejects.toMatchObject({ code: 'zip_invalid' })
  })
})
