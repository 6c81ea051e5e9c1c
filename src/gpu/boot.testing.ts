// A device whose compiler is wrong where a test says: faults planted where a driver would make them, in what the device compiles.
import type { BootMemory } from './boot.ts'
import { openTestDevice } from './device.testing.ts'
import type { Device } from './device.ts'

/** @param kernel names of the kernels whose text is changed */
export async function wrongDevice(kernel: RegExp, from: string, to: string): Promise<Device> {
  const device = await openTestDevice()
  const compile = device.gpu.createShaderModule.bind(device.gpu)
  device.gpu.createShaderModule = (descriptor) => {
    const hit = kernel.test(descriptor.label ?? '') && descriptor.code.includes(from)
    return compile(hit ? { ...descriptor, code: descriptor.code.replaceAll(from, to) } : descriptor)
  }
  return device
}

export function memory(): BootMemory & { kept: Map<string, string> } {
  const kept = new Map<string, string>()
  return {
    kept,
    recall: async (key) => kept.get(key) ?? null,
    keep: async (key, value) => {
      kept.set(key, value)
    },
  }
}
