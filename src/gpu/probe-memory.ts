// Whether a device has room for a plan, by trying: buffers of the plan's size are made under an error scope and given back at
// once. Reported memory sizes are not asked for; no browser tells them truly. Not a load: nothing is written.
import { asOpenChatError } from '../errors.ts'
import type { MemoryPlan } from './model/memory-plan.ts'

export type RoomVerdict =
  | { verdict: 'fits' | 'tight' | 'too_large'; triedBytes: number }
  /** One buffer is larger than the device allows, whatever memory it has. */
  | { verdict: 'buffer_too_large'; wantedBytes: number; allowedBytes: number }

/** Beside the model a page, a compositor and other tabs draw with the same memory. */
const SPARE = 1.3
const PART_BYTES = 256 << 20

/** @param plan its `total` and `largestBuffer` are looked at. */
export async function probeMemory(gpu: GPU, plan: Pick<MemoryPlan, 'total' | 'largestBuffer'>): Promise<RoomVerdict> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) return { verdict: 'too_large', triedBytes: 0 }
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
  const allowedBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize)
  if (plan.largestBuffer > allowedBytes) return { verdict: 'buffer_too_large', wantedBytes: plan.largestBuffer, allowedBytes }
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } })
  const made: GPUBuffer[] = []
  try {
    if (!(await room(device, plan.total, Math.min(PART_BYTES, allowedBytes), made))) return { verdict: 'too_large', triedBytes: plan.total }
    const spare = await room(device, plan.total * (SPARE - 1), Math.min(PART_BYTES, allowedBytes), made)
    return { verdict: spare ? 'fits' : 'tight', triedBytes: plan.total }
  } finally {
    for (const buffer of made) buffer.destroy()
    device.destroy()
  }
}

/** Takes `bytes` more. @returns false when the device refused, or was lost over it */
async function room(device: GPUDevice, bytes: number, most: number, made: GPUBuffer[]): Promise<boolean> {
  for (let left = bytes; left > 0; left -= most) {
    device.pushErrorScope('out-of-memory')
    try {
      made.push(
        device.createBuffer({ size: Math.ceil(Math.min(left, most) / 4) * 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST }),
      )
      if ((await device.popErrorScope()) !== null) return false
    } catch (error) {
      // A device that is lost rejects the scope; a RangeError is a size that no buffer can have.
      if (asOpenChatError(error).code !== 'internal_error') throw error
      return false
    }
  }
  return true
}
