import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Masks } from './mask.ts'
import { piiFinder } from './pii/find.ts'
import type { Finding } from './pii/finding.ts'

const find = piiFinder([])
const kinds = ['email', 'phone', 'iban'] as const
/** A text with any characters, and findings in order that do not overlap. */
const marked = fc
  .array(
    fc.tuple(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
      fc.constantFrom(...kinds),
    ),
  )
  .map((parts) => {
    let text = ''
    const findings: Finding[] = []
    for (const [plain, secret, kind] of parts) {
      const from = text.length + plain.length
      text += plain + secret
      findings.push({ kind, from, to: from + secret.length })
    }
    return { text, findings }
  })

describe('Masks', () => {
  it('unmasked again, a text is what it was', () => {
    fc.assert(
      fc.property(marked, ({ text, findings }) => {
        const masks = new Masks(findings)
        masks.set('all', false)
        expect(masks.apply(text)).toBe(text)
        masks.set('all', true)
        expect(masks.masked).toBe(findings.length)
      }),
    )
  })

  it('lists each finding with its own words, and hides just those that are masked', () => {
    fc.assert(
      fc.property(marked, fc.array(fc.boolean()), ({ text, findings }, choices) => {
        const masks = new Masks(findings, ['phone'])
        for (const [i] of findings.entries()) if (choices[i]) masks.set([i], choices[i])
        const listed = masks.list(text, 0, text.length, 1000)
        expect(listed.map(({ text: words }) => words)).toEqual(findings.map(({ from, to }) => text.slice(from, to)))
        let expected = ''
        let at = 0
        for (const { from, to, masked, token } of listed) {
          expected += text.slice(at, from) + (masked ? token : text.slice(from, to))
          at = to
        }
        expect(masks.apply(text)).toBe(expected + text.slice(at))
      }),
    )
  })

  it('masks by kind, leaves the kinds that are asked for, and lists a window', () => {
    const text = 'a@b.example and c@d.example, +49 151 23456789'
    const masks = new Masks(find(text), ['phone'])
    expect(masks.apply(text)).toBe('[EMAIL] and [EMAIL], +49 151 23456789')
    masks.setKind('email', false)
    masks.setKind('phone', true)
    expect(masks.apply(text)).toBe('a@b.example and c@d.example, [PHONE]')
    expect(masks.list(text, 12, 20, 10).map(({ id }) => id)).toEqual([1])
    expect(() => masks.set([7], true)).toThrow(expect.objectContaining({ code: 'query_invalid' }))
  })

  it('has nothing left to find in what is masked', () => {
    const text = 'Ada, ada@example.com, +49 151 23456789, 4111 1111 1111 1111, born on 12 March 1987'
    expect(find(new Masks(find(text)).apply(text))).toEqual([])
  })
})
