import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BlobStore, createBlobs, writeInOrder } from './blobs.ts'
import { memoryPieces, type Pieces } from './pieces.ts'

const bytesOf = async (blob: Blob | null) => new Uint8Array(await blob!.arrayBuffer())
const text = (value: string) => new TextEncoder().encode(value)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const chunksOf = (content: Uint8Array, bytes: number) =>
  Array.from({ length: Math.ceil(content.length / bytes) }, (_, i) => content.slice(i * bytes, (i + 1) * bytes))

describe('blobs', () => {
  it('keeps what was put under its digest, over chunks', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('hello, chunk by chunk')
    const digest = sha256(content)
    await blobs.put(digest, new Blob([content]).stream())
    await blobs.put(sha256(text('')), text(''))
    expect(await bytesOf(await blobs.get(digest))).toEqual(content)
    expect(await blobs.list()).toEqual(
      [
        { digest, bytes: content.length },
        { digest: sha256(text('')), bytes: 0 },
      ].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    )
    await blobs.delete(digest)
    expect(await blobs.get(digest)).toBeNull()
    expect((await pieces.names()).every((name) => name.startsWith(sha256(text(''))))).toBe(true)
  })

  it('refuses another content, names both digests and keeps nothing', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const expected = sha256(text('right'))
    await expect(blobs.put(expected, text('wrong one'))).rejects.toMatchObject({
      code: 'digest_mismatch',
      meta: { expected, got: sha256(text('wrong one')) },
    })
    expect(await pieces.names()).toEqual([])
    await expect(blobs.get('../etc')).rejects.toMatchObject({ code: 'digest_invalid' })
  })

  it('reports a full store as such', async () => {
    const blobs = createBlobs(memoryPieces(10), 4)
    const content = text('more than ten bytes')
    await expect(blobs.put(sha256(content), content)).rejects.toMatchObject({ code: 'storage_full' })
  })

  it('takes chunks in any order and judges each alone where their digests are known', async () => {
    const blobs = createBlobs(memoryPieces(), 4)
    const content = text('in any order at all')
    const digest = sha256(content)
    const parts = chunksOf(content, 4)
    const writer = await blobs.writer(digest, { bytes: content.length, chunks: parts.map(sha256) })
    await expect(writer.write(1, text('oops'))).rejects.toMatchObject({ code: 'chunk_mismatch', meta: { chunk: 1, offset: 4 } })
    for (const chunk of [3, 0, 4, 2]) await writer.write(chunk, parts[chunk])
    await expect(writer.commit(content.length)).rejects.toMatchObject({ code: 'file_truncated', meta: { chunk: 1 } })
    await writer.write(1, parts[1])
    expect(await writer.commit(content.length)).toBe(digest)
    expect(await bytesOf(await blobs.get(digest))).toEqual(content)
  })

  it('names a file by what it turned out to be, and knows the same content when it comes again', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('nobody knew my name')
    const digest = sha256(content)
    for (const name of ['a', 'b']) {
      const writer = await blobs.nameless(name.repeat(64))
      expect(await writer.commit(await writeInOrder(writer, new Blob([content]).stream()))).toBe(digest)
      expect(await bytesOf(await blobs.get(digest))).toEqual(content)
    }
    expect((await pieces.names()).some((name) => name.startsWith('b'.repeat(64)))).toBe(false)
    expect(await blobs.verify(digest)).toEqual({ chunks: 5, wrong: [] })
    await blobs.delete(digest)
    expect(await pieces.names()).toEqual([])
  })

  it('finds a flipped bit in what it keeps, and asks for that chunk only', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('twelve bytes')
    const digest = sha256(content)
    await blobs.put(digest, content)
    await pieces.write(`${digest}.000001`, [text('vm b')])
    expect(await blobs.verify(digest)).toEqual({ chunks: 3, wrong: [1] })
    expect(await blobs.kept(digest)).toEqual({ complete: false, bytes: 8 })
    const writer = await blobs.writer(digest)
    expect([0, 1, 2].map((chunk) => writer.has(chunk))).toEqual([true, false, true])
    await expect(writer.write(1, text('vm b'))).rejects.toMatchObject({ code: 'chunk_mismatch' })
    await writer.write(1, content.slice(4, 8))
    await writer.commit(content.length)
    expect(await bytesOf(await blobs.get(digest))).toEqual(content)
  })

  it('is not there any more once the browser evicted a chunk of it, and keeps the others', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('twelve bytes')
    const digest = sha256(content)
    await blobs.put(digest, content)
    await pieces.remove(`${digest}.000000`)
    expect(await blobs.has(digest)).toBe(false)
    expect(await blobs.list()).toEqual([])
    expect((await blobs.writer(digest)).has(2)).toBe(true)
  })

  it('is absent while its list is not whole, and can be put again', async () => {
    const pieces = memoryPieces()
    const blobs = createBlobs(pieces, 4)
    const content = text('twelve bytes')
    const digest = sha256(content)
    for (const cut of ['', '{"at":"']) {
      await pieces.write(`${digest}.chunks`, [text(cut)])
      expect(await blobs.get(digest)).toBeNull()
      expect(await blobs.kept(digest)).toMatchObject({ complete: false })
    }
    await blobs.put(digest, content)
    expect(await bytesOf(await blobs.get(digest))).toEqual(content)
  })

  it('tells what came and what was deleted', async () => {
    const told: string[] = []
    const blobs = createBlobs(memoryPieces(), 4, {
      kept: async (digest, bytes) => void told.push(`${digest.slice(0, 4)} ${bytes}`),
      deleted: async (digest) => void told.push(`${digest.slice(0, 4)} gone`),
    })
    const digest = sha256(text('twelve bytes'))
    await blobs.put(digest, text('twelve bytes'))
    await blobs.delete(digest)
    expect(told.slice(-2)).toEqual([`${digest.slice(0, 4)} 12`, `${digest.slice(0, 4)} gone`])
  })

  it('resumes after being killed at any write, in any order, and ends with the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(9), { maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        fc.infiniteStream(fc.nat(1000)),
        async (content, kills, chunkBytes, listed, order) => {
          const place = memoryPieces()
          const digest = sha256(content)
          const parts = chunksOf(content, chunkBytes)
          const known = listed ? { chunks: parts.map(sha256) } : {}
          for (const writes of [...kills, Number.POSITIVE_INFINITY]) {
            const blobs: BlobStore = createBlobs(dyingAfter(place, writes), chunkBytes)
            if (await blobs.has(digest)) break
            try {
              const writer = await blobs.writer(digest, { bytes: content.length, ...known })
              const missing = parts.flatMap((_, chunk) => (writer.has(chunk) ? [] : [chunk]))
              while (missing.length > 0) {
                const [chunk] = missing.splice(order.next().value! % missing.length, 1)
                await writer.write(chunk, parts[chunk])
              }
              await writer.commit(content.length)
            } catch (error) {
              if (!(error instanceof Killed)) throw error
            }
          }
          expect(await bytesOf(await createBlobs(place, chunkBytes).get(digest))).toEqual(content)
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
