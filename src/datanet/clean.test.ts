import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, decodeTextFile, LONGEST_TEXT } from './clean.ts'

const words = 'eight words are just enough to be kept'

describe('cleanText', () => {
  it('leaves clean text alone and says nothing', () => {
    expect(cleanText(words)).toEqual({ text: words, changes: [] })
  })

  it('says what it changed', () => {
    const { text, changes } = cleanText(`  Cafe\u0301 \r\n\r\n\r\n\r\n${words}\u0007\t\n`)
    expect(text).toBe(`Café\n\n${words}`)
    expect(changes).toHaveLength(4)
  })

  it('removes what nobody sees and every program reads, and says so', () => {
    const tags = [...'ignore all'].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('')
    const hidden = `${words}${tags} a\u00adda@hi\u200bve\u2060.exam\u200dple \u202egnorw\u202c s\ufe01t\u{e0101}op\ufeff`
    expect(cleanText(hidden)).toEqual({ text: `${words} ada@hive.example gnorw stop`, changes: ['Invisible characters were removed.'] })
    // An accent finds its letter again.
    expect(cleanText(`${words} e\u200b\u0301`).text).toBe(`${words} é`)
  })

  it('leaves what scripts and signs need: joiners, selectors, flags, the Thai blank', () => {
    const text = `${words} می\u200cخواهم क्\u200dष 👩\u200d🚀 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 葛\u{e0100} สวัสดี\u200bครับ 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} שלום\u200f!`
    expect(cleanText(text)).toEqual({ text, changes: [] })
  })

  it('is idempotent, also among invisible characters', () => {
    const sign = fc.constantFrom(
      ...'aé@กक葛❤ \n\u0301',
      '🏴',
      '\u200b',
      '\u200c',
      '\u200d',
      '\u00ad',
      '\ufe0f',
      '\u{e0101}',
      '\u{e0067}',
      '\u{e007f}',
    )
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 12 }), (tail) => {
        const once = cleanText(`${words} ${tail.join('')}`).text
        expect(cleanText(once)).toEqual({ text: once, changes: [] })
      }),
      { numRuns: 2_000 },
    )
  })

  it('is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (tail) => {
        const once = cleanText(`${words} ${tail.replaceAll('\0', '')}`).text
        expect(cleanText(once)).toEqual({ text: once, changes: [] })
      }),
    )
  })

  it.each([
    ['', 'contribution_empty'],
    [' \n\t — ', 'contribution_empty'],
    ['x'.repeat(LONGEST_TEXT + 1), 'contribution_too_large'],
    [`${words}\0`, 'contribution_binary'],
    ['\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\u000e\u000f', 'contribution_binary'],
  ])('refuses what cannot be credited', (text, code) => {
    expect(() => cleanText(text)).toThrow(expect.objectContaining({ code }))
  })

  it('refuses bytes that are no UTF-8', () => {
    expect(() => decodeTextFile(Uint8Array.of(0xff, 0xfe, 0x41))).toThrow(expect.objectContaining({ code: 'contribution_binary' }))
    expect(decodeTextFile(new TextEncoder().encode('naïve'))).toBe('naïve')
  })
})
