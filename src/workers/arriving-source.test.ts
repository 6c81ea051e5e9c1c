import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OpenChatError } from '../errors.ts'
import { digestOf } from '../storage/digest.ts'
import type { Follower } from '../storage/download.ts'
import { arrivingSource } from './arriving-source.ts'

const chunkBytes = 64
const file = Uint8Array.from({ length: 1000 }, (_, i) => (i * 37) & 255)
const count = Math.ceil(file.length / chunkBytes)
const chunkOf = (chunk: number) => file.slice(chunk * chunkBytes, (chunk + 1) * chunkBytes)
const chunks = await Promise.all(Array.from({ length: count }, (_, chunk) => digestOf(chunkOf(chunk))))

/** A source whose file comes as the test says. */
function coming() {
  let [given, end]: [Follower | null, AbortSignal | null] = [null, null]
  let finish = (_: Blob) => {}
  let fail = (_: unknown) => {}
  const source = arrivingSource(file.length, { chunkBytes, chunks }, (follower, signal) => {
    ;[given, end] = [follower, signal]
    return new Promise<Blob>((resolve, reject) => {
      finish = resolve
      fail = reject
      signal.addEventListener('abort', () => reject(new OpenChatError('cancelled', 'Ended.')))
    })
  })
  const stored = new Map<number, Uint8Array>()
  const reads: number[] = []
  return {
    source,
    stored,
    reads,
    follower: given!,
    signal: end!,
    begin: () =>
      given!.begun({
        has: (chunk) => stored.has(chunk),
        read: async (chunk) => {
          reads.push(chunk)
          return stored.get(chunk) ?? null
        },
      }),
    arrive(chunk: number) {
      stored.set(chunk, chunkOf(chunk))
      given!.arrived(chunk, chunkOf(chunk))
    },
    finish: (blob = new Blob([file])) => finish(blob),
    fail: (error: unknown) => fail(error),
  }
}

/** Lets everything that can go on do so. */
const settled = () => new Promise((resolve) => setTimeout(resolve))

describe('a file on its way', () => {
  it('gives every range exactly, in whatever order its chunks come', async () => {
    const order = fc.shuffledSubarray([...Array(count).keys()], { minLength: count })
    const ranges = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(300)), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(order, ranges, fc.nat(count), fc.nat(count), async (order, ranges, before, late) => {
        const { source, stored, begin, arrive, finish } = coming()
        for (const chunk of order.slice(0, Math.min(before, late))) stored.set(chunk, chunkOf(chunk))
        const read = ([offset, length]: [number, number]) => source.read(offset, Math.min(length, file.length - offset))
        const early = ranges.map(read)
        begin()
        for (const [i, chunk] of order.entries()) {
          if (i === late) await settled()
          if (!stored.has(chunk)) arrive(chunk)
        }
        const later = ranges.map(read)
        finish()
        await source.whole
        for (const [i, [offset, length]] of ranges.entries()) {
          const expected = file.slice(offset, Math.min(file.length, offset + length))
          expect(await early[i]).toEqual(expected)
          expect(await later[i]).toEqual(expected)
          expect(await read([offset, length])).toEqual(expected)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('holds a read back until its chunks are there, and says which it waits for', async () => {
    const { source, follower, begin, arrive } = coming()
    begin()
    let got: Uint8Array | null = null
    void source.read(60, 70).then((bytes) => {
      got = bytes
    })
    await settled()
    expect([0, 1, 2, 3].map((chunk) => follower.waitsFor(chunk))).toEqual([true, true, true, false])
    arrive(2)
    arrive(0)
    await settled()
    expect(got).toBeNull()
    expect(follower.waitsFor(0)).toBe(false)
    arrive(1)
    await settled()
    expect(got).toEqual(file.slice(60, 130))
    expect(source.complete).toBe(false)
  })

  it('reads back what came before it was asked for, each chunk once, and holds none of it meanwhile', async () => {
    const { source, reads, begin, arrive } = coming()
    begin()
    for (let chunk = 0; chunk < count; chunk++) arrive(chunk)
    expect(reads).toEqual([])
    for (let at = 0; at < 640; at += 16) await source.read(at, 16)
    expect(reads).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('names a chunk that changed after it was kept, and gives no byte of it', async () => {
    const { source, stored, begin, finish } = coming()
    stored
      .set(
        3,
        chunkOf(3).map((byte) => byte ^ 1),
      )
      .set(4, chunkOf(4))
    begin()
    await expect(source.read(200, 4)).rejects.toMatchObject({ code: 'chunk_mismatch', meta: { chunk: 3, offset: 192 } })
    expect(await source.read(256, 64)).toEqual(chunkOf(4))
    finish(new Blob([file.map((byte, i) => (i === 999 ? byte ^ 1 : byte))]))
    await source.whole
    expect(source.complete).toBe(true)
    await expect(source.read(990, 4)).rejects.toMatchObject({ code: 'chunk_mismatch', meta: { chunk: 15 } })
    expect(await source.read(320, 64)).toEqual(chunkOf(5))
  })

  it('ends every read in the error that ended the fetching', async () => {
    const { source, begin, arrive, fail } = coming()
    begin()
    const waiting = [source.read(0, 10), source.read(500, 300)]
    const ends = Promise.allSettled(waiting)
    arrive(0)
    fail(new OpenChatError('download_failed', 'Nobody has it.'))
    expect((await ends).map((end) => (end.status === 'rejected' ? end.reason.code : end.value))).toEqual([
      file.slice(0, 10),
      'download_failed',
    ])
    await expect(source.read(900, 1)).rejects.toMatchObject({ code: 'download_failed' })
    await expect(source.whole).rejects.toMatchObject({ code: 'download_failed' })
  })

  it('stops its fetching, and waits until it has ended', async () => {
    const { source, signal, begin } = coming()
    begin()
    const read = source.read(0, 10)
    const end = expect(read).rejects.toMatchObject({ code: 'cancelled' })
    await source.stop()
    expect(signal.aborted).toBe(true)
    await end
  })
})
