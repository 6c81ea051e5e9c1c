// A GPU whose devices together have only so many bytes: what goes beyond is refused as a driver refuses it, by the out-of-memory
// scope around the call. All else is the real device's.

export interface ScarceGpu {
  gpu: GPU
  /** Bytes from now on; what is taken stays taken. */
  leave(bytes: number): void
  taken(): number
}

export function scarceGpu(real: GPU, bytes: number): ScarceGpu {
  let room = bytes
  let taken = 0
  const meagre = (device: GPUDevice): GPUDevice => {
    /** Open scopes, and which of them have seen a refusal. */
    const scopes: { filter: GPUErrorFilter; refused: boolean }[] = []
    const [push, pop, create] = [device.pushErrorScope.bind(device), device.popErrorScope.bind(device), device.createBuffer.bind(device)]
    device.pushErrorScope = (filter) => {
      scopes.push({ filter, refused: false })
      return push(filter)
    }
    device.popErrorScope = async () => {
      const refused = scopes.pop()?.refused === true
      const error = await pop()
      return refused ? ({ message: 'no memory' } as GPUError) : error
    }
    device.createBuffer = (descriptor) => {
      const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory')
      const fits = taken + descriptor.size <= room
      if (!fits && scope !== undefined) scope.refused = true
      const buffer = create(fits ? descriptor : { ...descriptor, size: 16 })
      let held = fits ? descriptor.size : 0
      taken += held
      const destroy = buffer.destroy.bind(buffer)
      buffer.destroy = () => {
        taken -= held
        held = 0
        destroy()
      }
      return buffer
    }
    return device
  }
  const gpu = {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      const adapter = await real.requestAdapter(options)
      if (adapter === null) return null
      const request = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = async (descriptor) => meagre(await request(descriptor))
      return adapter
    },
  } as GPU
  return {
    gpu,
    leave: (left) => {
      room = left
    },
    taken: () => taken,
  }
}
