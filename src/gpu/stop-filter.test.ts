// Against indexOf over the whole text, however the text is cut into pieces.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { StopFilter } from './stop-filter.ts'

it('releases exactly what stands before the first stop string', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 })
  const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(letters, stop, fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 8 }), (text, stopText, cuts) => {
      const filter = new StopFilter([stopText])
      let out = ''
      const ends = [...cuts.map((cut) => Math.min(cut, text.length)), text.length].sort((a, b) => a - b)
      let from = 0
      for (const end of ends) {
        out += filter.push(text.slice(from, end))
        from = end
        expect(out.includes(stopText)).toBe(false)
      }
      out += filter.end('')
      const at = text.indexOf(stopText)
      expect(out).toBe(at < 0 ? text : text.slice(0, at))
      expect(filter.found).toBe(at >= 0)
    }),
  )
})

it('ends at whichever stop string comes first', () => {
  const filter = new StopFilter(['END', 'stop'])
  expect(filter.push('one st')).toBe('one ')
  expect(filter.push('art, sto')).toBe('start, ')
  expect(filter.push('p END')).toBe('')
  expect(filter.found).toBe(true)
  expect(filter.push('more')).toBe('')
})
