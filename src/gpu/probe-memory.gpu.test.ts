// On Dawn where a device is needed; on plain objects where memory must run out, since filling this machine's would stop it.
import { expect, it } from 'vitest'
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { probeMemory } from './probe-memory.ts'

const gpu = openNodeGpu()

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
  expect(await probeMemory(gpu, { total: 64 << 20, largestBuffer: 1 << 20 })).toEqual({ verdict: 'fits', triedBytes: 64 << 20 })
})

it('knows when one buffer is too large, without trying', async () => {
  const device = small(1e12)
  expect(await probeMemory(device.gpu, { total: 1e9, largestBuffer: 1 << 28 })).toEqual({
    verdict: 'buffer_too_large',
    wantedBytes: 1 << 28,
    allowedBytes: 1 << 27,
  })
})

it.each([
  [1.5e9, 'fits'],
  [1.1e9, 'tight'],
  [0.9e9, 'too_large'],
] as const)('on a device of %d bytes a plan of 1e9 is %s, and everything is given back', async (memory, verdict) => {
  const device = small(memory)
  expect(await probeMemory(device.gpu, { total: 1e9, largestBuffer: 1 << 20 })).toMatchObject({ verdict })
  expect(device.open()).toBe(0)
})
