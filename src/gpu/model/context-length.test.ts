// Random models and budgets: the chosen plan fits, one page more does not, or the cap holds.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OpenChatError } from '../../errors.ts'
import { longestContext, madeLongest } from './context-length.ts'
import { pageTokens } from './kv-cache.ts'
import { type MemoryShape, planOf } from './memory-plan.ts'

const shapes: fc.Arbitrary<MemoryShape> = fc.record({
  weights: fc.integer({ min: 0, max: 1 << 30 }),
  scratch: fc.integer({ min: 0, max: 1 << 24 }),
  pageCache: fc.integer({ min: 1, max: 1 << 24 }),
  pageScratch: fc.integer({ min: 1, max: 1 << 16 }),
  layers: fc.integer({ min: 1, max: 80 }),
  contextTokens: fc.integer({ min: 32, max: 131072 }),
})

it('chooses the longest that a budget grants', async () => {
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.integer({ min: 1, max: 16384 }),
      fc.nat(600),
      fc.double({ min: 0, max: 1.2, noNaN: true }),
      async (...of) => {
        const [shape, cap, leastPages, share] = of
        const most = Math.min(cap, shape.contextTokens)
        const least = Math.min(most, leastPages * pageTokens)
        // Between what the weights alone take and what the whole context takes, and a little beyond.
        const whole = planOf(shape, most).total
        const budget = shape.weights + share * (whole - shape.weights)
        const asked: number[] = []
        const fits = (tokens: number) => planOf(shape, tokens).total <= budget
        const chosen = await longestContext({ least, most }, (tokens) => {
          asked.push(tokens)
          return fits(tokens)
        })
        expect(asked.length).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(1 + most / pageTokens)))
        if (chosen === null) {
          expect(fits(Math.ceil(least / pageTokens) * pageTokens)).toBe(false)
          return
        }
        expect(fits(chosen)).toBe(true)
        expect(chosen).toBeGreaterThanOrEqual(least)
        expect(chosen).toBeLessThanOrEqual(most)
        if (chosen < most) {
          expect(chosen % pageTokens).toBe(0)
          expect(fits(chosen + pageTokens)).toBe(false)
        }
      },
    ),
    { numRuns: 500 },
  )
})

it('asks once where the cap fits, and never above it', async () => {
  const asked: number[] = []
  const most = 1000
  expect(await longestContext({ least: 512, most }, (tokens) => asked.push(tokens) > 0)).toBe(most)
  expect(asked).toEqual([most])
  expect(await longestContext({ least: 512, most: 256 }, () => true)).toBeNull()
})

it('goes on below what ran out of memory, and ends with the longest that could be made', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 0, max: 420 }),
      async (a, b, room) => {
        const [least, most] = [Math.min(a, b) * pageTokens, Math.max(a, b) * pageTokens]
        let held = 0
        const make = async (tokens: number) => {
          if (held + tokens > room * pageTokens) throw new OpenChatError('gpu_out_of_memory', 'full')
          held += tokens
          return tokens
        }
        const made = madeLongest({ least, most }, make, (tokens) => {
          held -= tokens
        })
        if (room * pageTokens < least) await expect(made).rejects.toMatchObject({ code: 'gpu_out_of_memory' })
        else expect(await made).toBe(Math.min(most, room * pageTokens))
        expect(held).toBe(room * pageTokens < least ? 0 : Math.min(most, room * pageTokens))
      },
    ),
    { numRuns: 200 },
  )
  const broken = madeLongest(
    { least: 32, most: 64 },
    () => Promise.reject(new OpenChatError('device_lost', 'gone')),
    () => undefined,
  )
  await expect(broken).rejects.toMatchObject({ code: 'device_lost' })
})
