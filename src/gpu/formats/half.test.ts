import { describe, expect, it } from 'vitest'
import { bfloatToFloat, finiteHalves, floatsOf, floatToBfloat, floatToHalf, halfToFloat, halvesOf } from './half.ts'

/** Every finite binary16. */
const patterns = Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00)

describe('half', () => {
  it('decodes known bit patterns', () => {
    expect(halfToFloat(0x3c00)).toBe(1)
    expect(halfToFloat(0xc000)).toBe(-2)
    expect(halfToFloat(0x7bff)).toBe(65504)
    expect(halfToFloat(0x0001)).toBe(2 ** -24)
    expect(halfToFloat(0x0400)).toBe(2 ** -14)
    expect(halfToFloat(0xfc00)).toBe(Number.NEGATIVE_INFINITY)
    expect(halfToFloat(0x7e00)).toBeNaN()
    expect(Object.is(halfToFloat(0x8000), -0)).toBe(true)
  })

  it('gives every finite pattern back', () => {
    const changed = patterns.filter((bits) => floatToHalf(halfToFloat(bits)) !== bits)
    expect(changed).toEqual([])
  })

  it('rounds midpoints between neighbours to the even one and all else to the nearest', () => {
    const wrong = patterns.filter((bits) => {
      if (bits >= 0x7bff) return false
      const [low, high] = [halfToFloat(bits), halfToFloat(bits + 1)]
      const between = (share: number) => floatToHalf(low + (high - low) * share)
      return between(0.5) !== bits + (bits % 2) || between(0.49) !== bits || between(0.51) !== bits + 1
    })
    expect(wrong).toEqual([])
    expect(floatToHalf(65519)).toBe(0x7bff)
    expect(floatToHalf(65520)).toBe(0x7c00)
    expect(floatToHalf(-1e30)).toBe(0xfc00)
    expect(halfToFloat(floatToHalf(Number.NaN))).toBeNaN()
  })
})

describe('many halves', () => {
  it('are the numbers that one by one are', () => {
    const floats = Float32Array.from(patterns, halfToFloat)
    const kept = halvesOf(floats)
    expect([...kept.bits]).toEqual(patterns)
    expect(floatsOf(kept)).toEqual(floats)
    expect(floatsOf(floats)).toBe(floats)
  })

  it('are all finite, or one is not', () => {
    const found = Array.from({ length: 65536 }, (_, bits) => finiteHalves({ bits: Uint16Array.of(0x7bff, bits, 0x8001) }))
    expect(found).toEqual(Array.from({ length: 65536 }, (_, bits) => Number.isFinite(halfToFloat(bits))))
  })
})

describe('bfloat', () => {
  it('is the upper half of an f32, rounded to even', () => {
    expect(bfloatToFloat(0x3f80)).toBe(1)
    expect(bfloatToFloat(0xc0a0)).toBe(-5)
    expect(floatToBfloat(1 + 2 ** -8)).toBe(0x3f80)
    expect(floatToBfloat(1 + 3 * 2 ** -8)).toBe(0x3f82)
    expect(floatToBfloat(-5)).toBe(0xc0a0)
    expect(bfloatToFloat(floatToBfloat(Number.NaN))).toBeNaN()
  })
})
