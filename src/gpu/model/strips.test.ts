// Strips against a source that answers late and in any order: the device gets them in the file's order, and what is held is bounded.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OpenChatError } from '../../errors.ts'
import { type Strip, writeStrips } from './strips.ts'

/** A file of `bytes` bytes that counts what is asked for at a time. */
function lateSource(bytes: number, delays: readonly number[]) {
  const seen = { reading: 0, most: 0, reads: 0 }
  return {
    seen,
    bytes,
    async read(offset: number, length: number) {
      seen.most = Math.max(seen.most, ++seen.reading)
      const turns = delays[seen.reads++ % delays.length]
      for (let i = 0; i < turns; i++) await Promise.resolve()
      seen.reading--
      return Uint8Array.from({ length }, (_, i) => (offset + i) & 255)
    },
  }
}

it('writes every strip once, in the order of the file, and never holds more than it may', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat(9), { minLength: 1 }),
      fc.integer({ min: 1, max: 200 }),
      async (lengths, delays, aheadBytes) => {
        const total = lengths.reduce((sum, length) => sum + length, 0)
        const source = lateSource(total, delays)
        let [given, written, mostHeld] = [0, 0, 0]
        const counting = {
          bytes: total,
          read: (offset: number, length: number) => {
            given += length
            mostHeld = Math.max(mostHeld, given - written)
            return source.read(offset, length)
          },
        }
        const order: number[] = []
        let offset = 0
        const strips = lengths.map((length): Strip => {
          const at = offset
          offset += length
          return {
            ranges: [{ offset: at, length }],
            write([bytes]) {
              expect([...bytes]).toEqual(Array.from({ length }, (_, i) => (at + i) & 255))
              order.push(at)
              written += length
            },
          }
        })
        const told: number[] = []
        await writeStrips(counting, strips.toReversed(), { total, aheadBytes, onProgress: (done) => told.push(done) })
        expect(order).toEqual(order.toSorted((a, b) => a - b))
        expect(order).toHaveLength(lengths.length)
        expect(told.at(-1)).toBe(total)
        expect(mostHeld).toBeLessThanOrEqual(Math.max(aheadBytes, ...lengths))
      },
    ),
    { numRuns: 100 },
  )
})

it('reads side by side as much as it may hold', async () => {
  const source = lateSource(200, [3])
  const strips = Array.from({ length: 20 }, (_, i): Strip => ({ ranges: [{ offset: 10 * i, length: 10 }], write: () => undefined }))
  await writeStrips(source, strips, { total: 200, aheadBytes: 40 })
  expect(source.seen.most).toBe(4)
})

it('ends at the first failure and at a cancel, with nothing written after', async () => {
  let written = 0
  const strips = Array.from({ length: 8 }, (_, i): Strip => ({ ranges: [{ offset: 10 * i, length: 10 }], write: () => written++ }))
  const read = async (offset: number) => {
    if (offset >= 30) throw new OpenChatError('file_truncated', 'short')
    return new Uint8Array(10)
  }
  await expect(writeStrips({ bytes: 80, read }, strips, { total: 80 })).rejects.toMatchObject({ code: 'file_truncated' })
  expect(written).toBe(3)
  const cancel = new AbortController()
  const stop = writeStrips({ bytes: 80, read: async () => new Uint8Array(10) }, strips, {
    total: 80,
    signal: cancel.signal,
    onProgress: (done) => done === 20 && cancel.abort(),
  })
  await expect(stop).rejects.toMatchObject({ code: 'cancelled' })
  expect(written).toBe(5)
})
