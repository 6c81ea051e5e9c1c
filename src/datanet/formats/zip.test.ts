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

  it('refuses files that share their bytes, packed or not', async () => {
    for (const level of [0, 6] as const) {
      const names = Array.from({ length: 8 }, (_, i) => `${i}.txt`)
      const made = zipSync(Object.fromEntries(names.map((name) => [name, bytes(`${name} ${'many words '.repeat(400)}`)])), { level })
      const list = new DataView(made.buffer)
      const from = list.getUint32(made.length - 6, true)
      // Every entry of the list is led to the first file, which is as long as all of them.
      for (let at = from; at < made.length - 22; at += 46 + 5) {
        list.setUint32(at + 20, from - 35, true)
        list.setUint32(at + 42, 0, true)
      }
      await expect(readEntries(new Blob([made]))).rejects.toMatchObject({ code: 'zip_bomb' })
    }
    const [entry] = await readEntries(new Blob([zipSync({ 'a.txt': bytes('many words '.repeat(500)) }, { level: 0 })]))
    const stored = new Blob([zipSync({ 'a.txt': bytes('many words '.repeat(500)) }, { level: 0 })])
    await expect(unpack(stored, entry, 1000, never)).rejects.toMatchObject({ code: 'zip_bomb' })
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
