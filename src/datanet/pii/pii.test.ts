import fc from 'fast-check'
import { english } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { ibanHolds, luhn, remainder, verhoeff } from './check-digits.ts'
import { piiFinder } from './find.ts'

const find = piiFinder(english)
const found = (text: string) => find(text).map(({ kind, from, to }) => `${kind} ${text.slice(from, to)}`)

describe('check digits', () => {
  it('hold for published examples and for no neighbour of them', () => {
    // Luhn and Verhoeff from their articles, the IBANs from the registry's own examples.
    for (const [holds, example] of [
      [luhn, '79927398713'],
      [verhoeff, '2363'],
      [ibanHolds, 'GB82WEST12345698765432'],
      [ibanHolds, 'DE89370400440532013000'],
    ] as const) {
      expect(holds(example)).toBe(true)
      const last = Number(example.at(-1))
      for (let other = 0; other < 10; other++) if (other !== last) expect(holds(example.slice(0, -1) + other)).toBe(false)
    }
  })

  it('takes remainders of any length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.integer({ min: 2, max: 9999 }), (n, m) => {
        expect(remainder(String(n), m)).toBe(Number(n % BigInt(m)))
      }),
    )
  })
})

describe('piiFinder', () => {
  it.each([
    ['Write to ada@example.com, or call +49 151 23456789.', ['email ada@example.com', 'phone +49 151 23456789']],
    ['Version 10.4.12 of left-pad@1.3.0 at git@github.com:o/r.git', []],
    ['IBAN GB82 WEST 1234 5698 7654 32 by Monday', ['iban GB82 WEST 1234 5698 7654 32']],
    ['card 4111 1111 1111 1111, serial 4111111111111112', ['card 4111 1111 1111 1111']],
    ['from 203.0.113.9, not section 4.2.1.3 or 127.0.0.1', ['ip 203.0.113.9']],
    ['SSN 078-05-1120 but 000-12-3456', ['national_id 078-05-1120']],
    ['She lives at 14 Maple Avenue, Springfield, IL 62704.', ['address 14 Maple Avenue, Springfield, IL 62704']],
    ['wohnhaft Lindenstraße 12, 10969 Berlin', ['address Lindenstraße 12, 10969 Berlin']],
    ['born on 12 March 1987; Lincoln was born on 12 February 1809', ['birth_date 12 March 1987']],
    ['postgres://app:s3cr3t@db.example.com/app', ['url_credentials postgres://app:s3cr3t@db.example.com/app']],
    [`private key: 0x${'ab'.repeat(32)}; block 0x${'cd'.repeat(32)}`, [`private_key 0x${'ab'.repeat(32)}`]],
    // The first vector of BIP-39.
    [`words: ${'abandon '.repeat(11)}about`, [`seed_phrase ${'abandon '.repeat(11)}about`]],
    [`words: ${'abandon '.repeat(12)}`, []],
  ])('in %j', (text, expected) => {
    expect(found(text)).toEqual(expected)
  })

  it('gives ordered ranges that do not overlap, in any text', () => {
    const piece = fc.constantFrom(
      'a@b.example ',
      '+4915123456789',
      ' 203.0.113.9',
      '4111111111111111',
      'DOB: 1987-03-12 ',
      'https://a:b@c.example/x ',
      '\n',
      '𝄞é',
      ' key=',
      '::',
      '@',
      '1-2-3 ',
      'abandon ',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('')
        let at = 0
        for (const { from, to } of find(text)) {
          expect(from).toBeGreaterThanOrEqual(at)
          expect(to).toBeGreaterThan(from)
          at = to
        }
        expect(at).toBeLessThanOrEqual(text.length)
      }),
    )
  })

  it('is linear: hostile repetitions of 200,000 units take no minutes', () => {
    const pieces = [
      'a@',
      '1',
      '1 ',
      '1.',
      'a.',
      '::',
      'eyJ',
      'Aa ',
      '12 Aa ',
      'x:// ',
      '0x',
      'abandon ',
      '-----BEGIN RSA PRIVATE KEY-----',
      'Born ',
      '(',
      'sk-',
      '5K',
      'a at a dot ',
      'St 1 ',
      '[at]',
    ]
    for (const piece of pieces) {
      const from = performance.now()
      find(piece.repeat(Math.ceil(200_000 / piece.length)))
      expect(performance.now() - from, piece).toBeLessThan(10_000)
    }
  })
})
