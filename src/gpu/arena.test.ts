// Replays random allocations and releases against a plain list: bytes add up, no buffer is out twice, nothing leaks.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Arena, type BufferSource, type Lease, sizeClass } from './arena.ts'

interface Fake {
  size: number
  destroyed: boolean
}

function fakeSource(room = Number.POSITIVE_INFINITY): BufferSource<Fake> & { held: () => number } {
  const made: Fake[] = []
  const held = () => made.filter(({ destroyed }) => !destroyed).reduce((sum, { size }) => sum + size, 0)
  return {
    held,
    async create(size) {
      if (held() + size > room) throw new Error('full')
      const buffer = { size, destroyed: false }
      made.push(buffer)
      return buffer
    },
    destroy(buffer) {
      expect(buffer.destroyed).toBe(false)
      buffer.destroyed = true
    },
  }
}

it('keeps its books under any sequence of use', async () => {
  const use = fc.oneof(
    fc.record({
      kind: fc.constant('take' as const),
      bytes: fc.integer({ min: 1, max: 5000 }),
      usage: fc.integer({ min: 1, max: 2 }),
      exact: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('give' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('trim' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(use, { maxLength: 60 }), async (uses) => {
      const source = fakeSource()
      const arena = new Arena(source)
      const out: Lease<Fake>[] = []
      for (const step of uses) {
        if (step.kind === 'take') {
          const lease = await arena.allocate(step.bytes, step.usage, 'test', { exact: step.exact })
          expect(lease.bytes).toBeGreaterThanOrEqual(step.bytes)
          expect(lease.buffer.destroyed).toBe(false)
          expect(out.some(({ buffer }) => buffer === lease.buffer)).toBe(false)
          out.push(lease)
        } else if (step.kind === 'give' && out.length > 0) out.splice(step.which % out.length, 1)[0].release()
        else if (step.kind === 'trim') arena.trim()
        expect(arena.liveBytes).toBe(out.reduce((sum, { bytes }) => sum + bytes, 0))
        expect(arena.liveBytes + arena.pooledBytes).toBe(source.held())
      }
      for (const lease of out) lease.release()
      arena.trim()
      expect([arena.liveBytes, arena.pooledBytes, source.held()]).toEqual([0, 0, 0])
    }),
    { numRuns: 60 },
  )
})

it('reuses a freed buffer of the same class and usage, and no other', async () => {
  const arena = new Arena(fakeSource())
  const first = await arena.allocate(1000, 1, 'first')
  first.release()
  expect((await arena.allocate(1000, 2, 'other usage')).buffer).not.toBe(first.buffer)
  expect((await arena.allocate(900, 1, 'same class')).buffer).toBe(first.buffer)
})

it('gives its pool back before it reports that memory is full', async () => {
  const arena = new Arena(fakeSource(4096))
  ;(await arena.allocate(3000, 1, 'first')).release()
  await expect(arena.allocate(4000, 1, 'second')).resolves.toBeDefined()
  await expect(arena.allocate(4000, 1, 'third')).rejects.toThrow('full')
})

it('refuses a second release', async () => {
  const lease = await new Arena(fakeSource()).allocate(1, 1, 'x')
  lease.release()
  expect(() => lease.release()).toThrow(/released twice/)
})

it('wastes at most a third', () => {
  for (let bytes = 193; bytes < 100000; bytes += 61) expect(sizeClass(bytes)).toBeLessThanOrEqual(Math.max(256, bytes * 1.5))
})
