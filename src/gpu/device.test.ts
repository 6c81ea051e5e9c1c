// What is missing or breaks becomes a typed error, on a GPU made of plain objects.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deviceBuffers } from './arena.ts'
import { browserGpu, openDevice } from './device.ts'

class FakeDevice extends EventTarget {
  lose: (info: { reason: string; message: string }) => void = () => undefined
  lost = new Promise<{ reason: string; message: string }>((resolve) => {
    this.lose = resolve
  })
  destroy() {
    this.lose({ reason: 'destroyed', message: 'asked for' })
  }
}

function fakeGpu(device: FakeDevice | Error) {
  const asked: GPUDeviceDescriptor[] = []
  const limits = { maxBufferSize: 7e9, maxStorageBufferBindingSize: 5e9, maxStorageBuffersPerShaderStage: 12 }
  const adapter = {
    limits,
    features: new Set(['shader-f16', 'timestamp-query', 'float32-blendable']),
    info: { vendor: 'acme', architecture: 'v1', device: '', description: 'fast', isFallbackAdapter: false },
    async requestDevice(descriptor: GPUDeviceDescriptor) {
      asked.push(descriptor)
      if (device instanceof Error) throw device
      return device
    },
  }
  return { gpu: { requestAdapter: async () => adapter } as unknown as GPU, asked }
}

describe('openDevice', () => {
  it('asks for the adapter’s maxima and for the features kernels use, timestamps only to profile', async () => {
    const { gpu, asked } = fakeGpu(new FakeDevice())
    const device = await openDevice(gpu)
    expect(device.adapterName).toBe('acme v1 fast')
    expect(asked[0].requiredLimits).toMatchObject({ maxBufferSize: 7e9, maxStorageBufferBindingSize: 5e9 })
    expect(asked[0].requiredFeatures).toEqual(['shader-f16'])
    await openDevice(gpu, { profile: true })
    expect(asked[1].requiredFeatures).toEqual(['shader-f16', 'timestamp-query'])
  })

  it('says what is missing', async () => {
    expect(() => browserGpu()).toThrow(expect.objectContaining({ code: 'gpu_unavailable' }))
    const none = { requestAdapter: async () => null } as unknown as GPU
    await expect(openDevice(none)).rejects.toMatchObject({ code: 'gpu_unavailable' })
    await expect(openDevice(fakeGpu(new Error('limits')).gpu)).rejects.toMatchObject({ code: 'gpu_unavailable' })
  })
})

describe('a device', () => {
  it('keeps the first error that nobody caught, and throws it from then on', async () => {
    const fake = new FakeDevice()
    const device = await openDevice(fakeGpu(fake).gpu)
    device.check()
    fake.dispatchEvent(Object.assign(new Event('uncapturederror'), { error: { message: 'bind group is stale' } }))
    expect(() => device.check()).toThrow(expect.objectContaining({ code: 'gpu_fault' }))
    await expect(device.guard(async () => 1)).rejects.toMatchObject({ code: 'gpu_fault' })
  })

  it('gives a loss as the reason of what failed with it', async () => {
    const fake = new FakeDevice()
    const device = await openDevice(fakeGpu(fake).gpu)
    const work = device.guard(async () => {
      fake.lose({ reason: 'unknown', message: 'driver reset' })
      throw new Error('map failed')
    })
    await expect(work).rejects.toMatchObject({ code: 'device_lost', meta: { reason: 'unknown' } })
  })

  describe('whose work has no end', () => {
    const never = () => new Promise<never>(() => undefined)
    beforeEach(() => void vi.useFakeTimers())
    afterEach(() => void vi.useRealTimers())

    it('is given up as lost, for whoever waits and whoever comes after', { timeout: 10_000 }, async () => {
      const fake = new FakeDevice()
      const destroyed = vi.spyOn(fake, 'destroy')
      const device = await openDevice(fakeGpu(fake).gpu)
      const waiting = expect(device.finished(never)).rejects.toMatchObject({ code: 'device_lost', meta: { reason: 'hung' } })
      await vi.advanceTimersByTimeAsync(59_999)
      device.check()
      await vi.advanceTimersByTimeAsync(1)
      await waiting
      expect(destroyed).toHaveBeenCalledOnce()
      expect(device.lost).toBe(true)
      expect(() => device.check()).toThrow(
        expect.objectContaining({ code: 'device_lost', meta: { adapter: 'acme v1 fast', reason: 'hung' } }),
      )
    })

    it('is waited for as long as each piece ends, and leaves no clock running', async () => {
      const device = await openDevice(fakeGpu(new FakeDevice()).gpu)
      for (let piece = 0; piece < 3; piece++) {
        const done = device.finished(() => new Promise((resolve) => setTimeout(() => resolve(piece), 50_000)))
        await vi.advanceTimersByTimeAsync(50_000)
        expect(await done).toBe(piece)
      }
      expect(vi.getTimerCount()).toBe(0)
      device.check()
    })

    it('is not blamed for the hours a computer slept', async () => {
      const device = await openDevice(fakeGpu(new FakeDevice()).gpu)
      const done = device.finished(() => new Promise((resolve) => setTimeout(() => resolve('awake'), 20_000)))
      await vi.advanceTimersByTimeAsync(10_000)
      // The clock goes on, and no timer runs.
      vi.setSystemTime(Date.now() + 8 * 3600_000)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(await done).toBe('awake')
    })
  })

  it('is not lost when it was closed on purpose', async () => {
    const device = await openDevice(fakeGpu(new FakeDevice()).gpu)
    device.destroy()
    await new Promise((resolve) => setTimeout(resolve, 0))
    device.check()
  })
})

describe('a buffer', () => {
  const scoped = (errors: (Error | null)[]) => {
    const made: { destroyed: boolean }[] = []
    const device = {
      limits: { maxBufferSize: 1000 },
      pushErrorScope: () => undefined,
      popErrorScope: async () => errors.shift() ?? null,
      createBuffer: () => {
        const buffer = { destroyed: false, destroy: () => (buffer.destroyed = true) }
        made.push(buffer)
        return buffer
      },
    }
    return { buffers: deviceBuffers(device as unknown as GPUDevice), made }
  }

  it('larger than the device allows is refused before it is asked for', async () => {
    const { buffers, made } = scoped([])
    await expect(buffers.create(1001, 1, 'head')).rejects.toMatchObject({ code: 'gpu_out_of_memory', meta: { label: 'head', bytes: 1001 } })
    expect(made).toHaveLength(0)
  })

  it('that the device has no room for is an error, not a bad buffer', async () => {
    const { buffers, made } = scoped([null, new Error('out of memory')])
    await expect(buffers.create(1000, 1, 'head')).rejects.toMatchObject({ code: 'gpu_out_of_memory' })
    expect(made[0].destroyed).toBe(true)
  })
})
