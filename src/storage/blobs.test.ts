import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBlobs, sha256Hex } from './blobs.ts'
import { memoryPieces, type Pieces } from './pieces.ts'

const bytesOf = async (blob: Blob | null) => new Uint8Array(await blob!.arrayBuffer())
const text = (value: string) => new TextEncoder().encode(value)

describe('blobs', () => {
  it('keeps what was put under its digest, over pieces', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('hello, piece by piece')
    const digest = sha256Hex(content)
    await blobs.put(digest, new Blob([content]).stream())
    await blobs.put(sha256Hex(text('')), text(''))
    expect(await bytesOf(await blobs.get(digest))).toEqual(content)
    expect(await blobs.list()).toEqual(
      [
        { digest, bytes: content.length },
        { digest: sha256Hex(text('')), bytes: 0 },
      ].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    )
    await blobs.delete(digest)
    expect(await blobs.get(digest)).toBeNull()
    expect((await pieces.names()).length).toBe(1)
  })

  it('refuses another content, names both digests and keeps nothing', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const expected = sha256Hex(text('right'))
    await expect(blobs.put(expected, text('wrong one'))).rejects.toMatchObject({
      code: 'digest_mismatch',
      meta: { expected, got: sha256Hex(text('wrong one')) },
    })
    expect(await pieces.names()).toEqual([])
    await expect(blobs.get('../etc')).rejects.toMatchObject({ code: 'digest_invalid' })
  })

  it('reports a full store as such', async () => {
    const blobs = createBlobs(memoryPieces(10), 4)
    const content = text('more than ten bytes')
    await expect(blobs.put(sha256Hex(content), content)).rejects.toMatchObject({ code: 'storage_full' })
  })

  it('drops a blob of which the browser evicted a piece', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('twelve bytes')
    const digest = sha256Hex(content)
    await blobs.put(digest, content)
    const [first] = (await pieces.names()).filter((name) => !name.endsWith('complete')).sort()
    await pieces.remove(first)
    expect(await blobs.has(digest)).toBe(false)
    expect(await pieces.names()).toEqual([])
  })

  it('resumes after being killed at any write, and ends with the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(9), { maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        async (content, kills, pieceBytes) => {
          const place = memoryPieces()
          const digest = sha256Hex(content)
          for (const writes of [...kills, Number.POSITIVE_INFINITY]) {
            const blobs = createBlobs(dyingAfter(place, writes), pieceBytes)
            if (await blobs.has(digest)) break
            try {
              const partial = await blobs.resume(digest)
              expect(partial.bytes).toBeLessThanOrEqual(content.length)
              for (let i = partial.bytes; i < content.length; i += 3) await partial.append(content.slice(i, i + 3))
              await partial.commit()
            } catch (error) {
              if (!(error instanceof Killed)) throw error
            }
          }
          expect(await bytesOf(await createBlobs(place, pieceBytes).get(digest))).toEqual(content)
        },
      ),
      { numRuns: 100 },
    )
  })
})

class Killed extends Error {}

/** The same place, in a process that dies at its n-th write. */
function dyingAfter(place: Pieces, writes: number): Pieces {
  let left = writes
  return {
    ...place,
    async write(name, content) {
      if (left-- <= 0) throw new Killed()
      await place.write(name, content)
    },
  }
}
