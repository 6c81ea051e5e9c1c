// On Dawn where a device is needed; on plain objects where memory must run out, since filling this machine's would stop it.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { type MemoryShape, planOf } from './model/memory-plan.ts'
import { probeMemory, spareBytes } from './probe-memory.ts'

const gpu = openNodeGpu()
const pageTokens = 32
const shape: MemoryShape = { weights: 8e8, scratch: 1e7, pageCache: 1 << 21, pageScratch: 8320, layers: 16, contextTokens: 8192 }
const context = { least: 512, most: 4096 }

/** A GPU that has `memory` bytes, and what was given back of it. */
function small(memory: number): { gpu: GPU; open: () => number } {
  let open = 0
  let failed: object | null = null
  const device = {
    pushErrorScope: () => {
      failed = null
    },
    popErrorScope: async () => failed,
    createBuffer({ size }: { size: number }) {
      if (open + size > memory) failed = {}
      else open += size
      const given = failed === null ? size : 0
      return { destroy: () => (open -= given) }
    },
    destroy: () => {},
  }
  const limits = { maxBufferSize: 1 << 28, maxStorageBufferBindingSize: 1 << 27 }
  return { gpu: { requestAdapter: async () => ({ limits, requestDevice: async () => device }) } as unknown as GPU, open: () => open }
}

it('finds room for a small plan on a real device', async () => {
  const tiny = { ...shape, weights: 1 << 20, scratch: 1 << 20, pageCache: 1 << 16 }
  expect(await probeMemory(gpu, { shape: tiny, context })).toEqual({ verdict: 'fits', plan: planOf(tiny, 4096) })
})

it('knows when one buffer is too large, without trying, and shortens the context to the largest there may be', async () => {
  const device = small(1e12)
  const wide = { ...shape, pageCache: 2 ** 31 }
  expect(await probeMemory(device.gpu, { shape: wide, context })).toMatchObject({ verdict: 'buffer_too_large', wantedBytes: 2 ** 31 })
  const less = { ...shape, pageCache: 16 << 22 }
  expect(await probeMemory(device.gpu, { shape: less, context })).toMatchObject({ verdict: 'fits', plan: { contextTokens: 1024 } })
})

it('chooses the longest context with room beside it, to within what a probe looks for; everything is given back', async () => {
  const room = (tokens: number) => {
    const { total } = planOf(shape, tokens)
    return total + spareBytes(total)
  }
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 5e8, max: 2e9 }), async (memory) => {
      const device = small(memory)
      const { verdict, plan } = await probeMemory(device.gpu, { shape, context })
      expect(device.open()).toBe(0)
      const shortest = planOf(shape, context.least).total
      if (verdict === 'fits') {
        expect(room(plan.contextTokens)).toBeLessThanOrEqual(memory)
        // A page is 2.6 MiB with its spare room, and a probe leaves up to one MiB unfound in each of its halvings.
        if (plan.contextTokens < context.most) expect(room(plan.contextTokens + 2 * pageTokens)).toBeGreaterThan(memory)
      } else if (verdict === 'tight') {
        expect(plan.contextTokens).toBe(context.least)
        expect(shortest).toBeLessThanOrEqual(memory)
        expect(room(context.least)).toBeGreaterThan(memory - (2 << 20))
      } else expect(shortest).toBeGreaterThan(memory - (2 << 20))
    }),
    { numRuns: 200 },
  )
})

it('takes no more than its budget', async () => {
  const device = small(1e12)
  const budgetBytes = 1.2e9
  const { plan } = await probeMemory(device.gpu, { shape, context, budgetBytes })
  expect(plan.total + spareBytes(plan.total)).toBeLessThanOrEqual(budgetBytes)
  const more = planOf(shape, plan.contextTokens + pageTokens).total
  expect(more + spareBytes(more)).toBeGreaterThan(budgetBytes)
})
