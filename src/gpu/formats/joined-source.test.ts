import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytesSource, joinedSource, rewrittenSource, sliceSource } from './joined-source.ts'

it('reads across its pieces as one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 6 }), fc.nat(50), fc.nat(50), async (parts, from, length) => {
      const whole = Uint8Array.from(parts.flatMap((part) => [...part]))
      const source = joinedSource(parts.map(bytesSource))
      expect(source.bytes).toBe(whole.length)
      if (from + length > whole.length) await expect(source.read(from, length)).rejects.toMatchObject({ code: 'file_truncated' })
      else expect([...(await source.read(from, length))]).toEqual([...whole.subarray(from, from + length)])
    }),
  )
})

it('a slice gives nothing outside it', async () => {
  const slice = sliceSource(bytesSource(Uint8Array.of(0, 1, 2, 3, 4)), 1, 3)
  expect([...(await slice.read(0, 3))]).toEqual([1, 2, 3])
  await expect(slice.read(1, 3)).rejects.toMatchObject({ code: 'file_truncated' })
  await expect(slice.read(-1, 2)).rejects.toMatchObject({ code: 'file_truncated' })
  expect(() => sliceSource(bytesSource(new Uint8Array(2)), 1, 2)).toThrowError(expect.objectContaining({ code: 'file_truncated' }))
})

it('is rewritten once when it is read from front to end, and then lets go', async () => {
  let times = 0
  const doubled = rewrittenSource(bytesSource(Uint8Array.of(1, 2)), 4, (whole) => {
    times++
    return Uint8Array.from([...whole, ...whole])
  })
  for (let round = 1; round <= 2; round++) {
    expect([...(await doubled.read(0, 3)), ...(await doubled.read(3, 1))]).toEqual([1, 2, 1, 2])
    expect(times).toBe(round)
  }
})
