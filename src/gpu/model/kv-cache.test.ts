// The cache's books, on buffers that only have sizes: pages belong to one sequence, prefixes are found by content alone, and
// what is live is never given up.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Arena } from '../arena.ts'
import type { Recorder } from '../recorder.ts'
import { KvCache, pageTokens, type Sequence } from './kv-cache.ts'

/** Only what the cache asks of a recorder and of buffers. */
function emptyCache(contextTokens = 256, room = Number.POSITIVE_INFINITY) {
  let held = 0
  const source = {
    async create(bytes: number) {
      if (held + bytes > room) throw new Error('full')
      held += bytes
      return { size: bytes } as GPUBuffer
    },
    destroy(buffer: GPUBuffer) {
      held -= buffer.size
    },
  }
  const arena = new Arena<GPUBuffer>(source)
  const cache = new KvCache(arena, { copy: () => undefined } as unknown as Recorder, { layers: 2, width: 4, contextTokens })
  const close = () => {
    cache.dispose()
    arena.trim()
    return held
  }
  return { cache, close }
}

Object.assign(globalThis, { GPUBufferUsage: { STORAGE: 128, COPY_SRC: 4, COPY_DST: 8 } })

async function feed(cache: KvCache, sequence: Sequence, tokens: readonly number[]): Promise<void> {
  await cache.reserve(sequence, sequence.tokens.length + tokens.length)
  sequence.tokens.push(...tokens)
}

it('resumes what shares tokens and adapter, and leaves the last token to be fed', async () => {
  const { cache, close } = emptyCache()
  const first = await cache.resume('', [1, 2, 3, 4])
  await feed(cache, first, [1, 2, 3, 4])
  cache.park(first)
  expect((await cache.resume('other', [1, 2, 3, 4])).tokens).toEqual([])
  const again = await cache.resume('', [1, 2, 3, 4])
  expect(again.tokens).toEqual([1, 2, 3])
  await feed(cache, again, [4, 5, 6])
  cache.park(again)
  expect((await cache.resume('', [1, 2, 3, 4, 5, 6, 7, 8])).tokens).toEqual([1, 2, 3, 4, 5, 6])
  expect(close()).toBe(0)
})

it('copies from a live sequence rather than share its pages', async () => {
  const { cache } = emptyCache()
  const live = cache.open('a')
  await feed(
    cache,
    live,
    Array.from({ length: 70 }, (_, i) => i),
  )
  const copy = await cache.resume('a', [...live.tokens.slice(0, 40), 999])
  expect(copy.tokens).toEqual(live.tokens.slice(0, 40))
  expect(copy.pages.some((page) => live.pages.includes(page))).toBe(false)
})

it('refuses a sequence beyond the context', async () => {
  const { cache } = emptyCache(64)
  await expect(cache.reserve(cache.open(''), 65)).rejects.toMatchObject({ code: 'prompt_too_long' })
})

it('gives up what is parked before it reports that memory is full', async () => {
  const pageBytes = pageTokens * 2 * 4 * 4
  const { cache } = emptyCache(10_000, 2 * 40 * pageBytes)
  const parked = cache.open('')
  await feed(cache, parked, new Array<number>(32 * pageTokens).fill(1))
  cache.park(parked)
  const live = cache.open('')
  await feed(cache, live, new Array<number>(20 * pageTokens).fill(2))
  expect(parked.tokens).toEqual([])
  await expect(feed(cache, cache.open(''), new Array<number>(20 * pageTokens).fill(3))).rejects.toThrow('full')
  expect(live.pages).toHaveLength(20)
})

it('never gives a page to two sequences', async () => {
  const step = fc.record({
    kind: fc.constantFrom('resume', 'park', 'drop', 'copy', 'truncate'),
    which: fc.nat(),
    tokens: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 120 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { cache, close } = emptyCache()
      const live: Sequence[] = []
      for (const { kind, which, tokens } of steps) {
        const at = which % Math.max(1, live.length)
        if (kind === 'resume' || live.length === 0) {
          const sequence = await cache.resume('', tokens)
          expect(sequence.tokens).toEqual(tokens.slice(0, sequence.tokens.length))
          await feed(cache, sequence, tokens.slice(sequence.tokens.length))
          live.push(sequence)
        } else if (kind === 'park') cache.park(live.splice(at, 1)[0])
        else if (kind === 'drop') cache.drop(live.splice(at, 1)[0])
        else if (kind === 'copy') live.push(await cache.copy(live[at], Math.min(which, live[at].tokens.length)))
        else cache.truncate(live[at], which % 130)
        const pages = live.flatMap((sequence) => sequence.pages)
        expect(new Set(pages).size).toBe(pages.length)
        for (const sequence of live) expect(sequence.pages).toHaveLength(Math.ceil(sequence.tokens.length / pageTokens))
      }
      expect(close()).toBe(0)
    }),
    { numRuns: 40 },
  )
})
