// How q, k and v are cut into strips: every tile once, and the rows of a strip together in one of the three.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { qkvRows } from './weights.ts'

it('cuts q, k and v at whole heads, so that a strip reads no row that it does not pack', () => {
  fc.assert(
    fc.property(
      fc.record({
        kvHeads: fc.integer({ min: 1, max: 4 }),
        shared: fc.integer({ min: 1, max: 4 }),
        headDim: fc.integer({ min: 1, max: 8 }).map((n) => 8 * n),
        permutedQk: fc.boolean(),
        perStrip: fc.integer({ min: 1, max: 100 }),
        segment: fc.integer({ min: 1, max: 30 }).map((n) => 8 * n),
      }),
      ({ kvHeads, shared, headDim, permutedQk, perStrip, segment }) => {
        const heads = kvHeads * shared
        const matrix = (count: number) => ({ type: 'F32', inputs: 32, outputs: count * headDim, offset: 0 }) as const
        const rows = qkvRows([matrix(heads), matrix(kvHeads), matrix(kvHeads)], { heads, kvHeads, headDim, permutedQk })
        const tiles = ((heads + 2 * kvHeads) * headDim) / 4
        const seen = new Set<string>()
        for (let base = 0; base < tiles; base += segment) {
          const last = Math.min(tiles, base + segment)
          for (let from = base; from < last; ) {
            const to = rows.cut(from, Math.min(last, from + perStrip), last)
            expect(to).toBeGreaterThan(from)
            expect(to).toBeLessThanOrEqual(last)
            const chosen = Array.from({ length: 4 * (to - from) }, (_, i) => rows.choose(from + (i >> 2), i & 3)!)
            expect(new Set(chosen.map((of) => of.matrix)).size).toBe(1)
            for (const { matrix, row } of chosen) seen.add(`${matrix} ${row}`)
            const numbers = chosen.map(({ row }) => row)
            const span = Math.max(...numbers) - Math.min(...numbers) + 1
            // A segment's end may divide a head, whose rows then lie apart.
            if (from % (headDim / 4) === 0 && to % (headDim / 4) === 0) expect(span).toBe(numbers.length)
            else expect(span).toBeLessThanOrEqual(Math.ceil(numbers.length / headDim + 1) * headDim)
            from = to
          }
        }
        expect(seen.size).toBe(4 * tiles)
      },
    ),
    { numRuns: 300 },
  )
})
