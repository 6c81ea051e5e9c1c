import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactLog2, log2Q16 } from './log2.ts'

describe('log2Q16', () => {
  it('is exact on powers of two and their neighbours', () => {
    for (let k = 0; k < 53; k++) expect(log2Q16(2 ** k)).toBe(k * 65_536)
    expect(log2Q16(3)).toBe(103_872)
    expect(log2Q16(2 ** 53 - 1)).toBe(53 * 65_536 - 1)
  })

  it('is the floor that the power x^65536 gives', () => {
    for (const x of [3, 5, 7, 10, 99, 255, 257, 641, 1000]) expect(log2Q16(x)).toBe(exactLog2(BigInt(x)))
  })

  it('never falls, and is within two units of the sum over a product', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 26 }), fc.integer({ min: 1, max: 2 ** 26 }), (a, b) => {
        if (a <= b) expect(log2Q16(a)).toBeLessThanOrEqual(log2Q16(b))
        const rounding = log2Q16(a * b) - log2Q16(a) - log2Q16(b)
        expect(rounding === 0 || rounding === 1).toBe(true)
        expect(Math.abs(log2Q16(a) / 65_536 - Math.log2(a))).toBeLessThan(2 ** -15)
      }),
    )
  })

  it('refuses what has no logarithm', () => {
    for (const x of [0, -1, 1.5, 2 ** 53, Number.NaN]) expect(() => log2Q16(x)).toThrow('positive integer')
  })
})
