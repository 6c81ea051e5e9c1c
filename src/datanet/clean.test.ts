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
