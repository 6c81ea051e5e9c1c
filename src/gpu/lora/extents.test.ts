// Replays random takes, gives, growth and trimming against an array of owners.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Extents } from './extents.ts'

it('never gives a unit twice and joins what is free', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), length: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant('give' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('grow' as const), more: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant('trim' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const extents = new Extents(20)
      const owner = new Array<number>(20).fill(-1)
      const out: { start: number; length: number; id: number }[] = []
      steps.forEach((s, id) => {
        if (s.kind === 'grow') {
          extents.grow(extents.capacity + s.more)
          owner.push(...new Array<number>(s.more).fill(-1))
        } else if (s.kind === 'trim') {
          extents.trim()
          owner.length = owner.findLastIndex((o) => o >= 0) + 1
          expect(extents.capacity).toBe(owner.length)
        } else if (s.kind === 'give' && out.length > 0) {
          const [{ start, length }] = out.splice(s.which % out.length, 1)
          owner.fill(-1, start, start + length)
          extents.give(start, length)
        } else if (s.kind === 'take') {
          const start = extents.take(s.length)
          const fits = owner.some((_, i) => i + s.length <= owner.length && owner.slice(i, i + s.length).every((o) => o < 0))
          expect(start !== null).toBe(fits)
          if (start === null) return
          expect(owner.slice(start, start + s.length).every((o) => o < 0)).toBe(true)
          owner.fill(id, start, start + s.length)
          out.push({ start, length: s.length, id })
        }
        expect(extents.taken).toBe(owner.filter((o) => o >= 0).length)
        expect(extents.end).toBe(owner.findLastIndex((o) => o >= 0) + 1)
      })
    }),
  )
})
