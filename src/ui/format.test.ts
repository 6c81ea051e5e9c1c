import { describe, expect, test } from 'vitest'
import { bytes, count, milliseconds, open, percent, shortHex, timeLeft } from './format.ts'

describe('numbers as people read them', () => {
  test('bytes keep three figures and change unit before four', () => {
    expect([0, 999, 1000, 99_949, 999_499, 999_500, 98_362_432].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '99.9 kB',
      '999 kB',
      '1.0 MB',
      '98.4 MB',
    ])
  })

  test('OPEN is cut, never rounded up, and a positive amount is never shown as nothing', () => {
    expect(open(0n)).toBe('0')
    expect(open(10n ** 15n)).toBe('0.001')
    expect(open(1_999_999_999_999_999_999n)).toBe('1.999999')
    expect(open(1n)).toBe('<0.000001')
    expect(open(-(10n ** 18n))).toBe('−1')
    expect(open(123_456_789n * 10n ** 18n + 5n * 10n ** 17n)).toBe('123456789.5')
  })

  test('shares, counts, times and addresses', () => {
    expect([percent(0, 10), percent(1, 1000), percent(43, 100), percent(1, 0)]).toEqual(['0 %', '<1 %', '43 %', '0 %'])
    expect([count(2_123_981), count(2_123_981, true), count(15_400, true), count(43, true)]).toEqual(['2,123,981', '2.1 M', '15 k', '43'])
    expect([timeLeft(10, 0), timeLeft(4000, 100), timeLeft(1e6, 1000)]).toEqual(['', '40 s', '17 min'])
    expect([milliseconds(0.4), milliseconds(41.2), milliseconds(1500)]).toEqual(['0.4 ms', '41 ms', '1.5 s'])
    expect(shortHex(`0x${'ab'.repeat(20)}`)).toBe('0xabab…abab')
  })
})
