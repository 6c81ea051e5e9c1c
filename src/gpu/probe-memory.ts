// Whether a device has room for a model, and with how long a context, by trying: buffers are made under error scopes and given
// back at once. Reported memory sizes are not asked for; no browser tells them truly. Not a load: nothing is written.
// Invariant: the device that is probed is its own, so that a driver which loses devices for want of memory takes none in use.
import { asOpenChatError } from '../errors.ts'
import { type ContextRange, longestContext } from './model/context-length.ts'
import { type MemoryPlan, type MemoryShape, planOf, workBytes } from './model/memory-plan.ts'

/** `plan` is of the context that was chosen, or of the shortest one where none fits. */
export type RoomVerdict =
  | { verdict: 'fits' | 'tight' | 'too_large'; plan: MemoryPlan }
  /** One buffer is larger than the device allows, whatever memory it has. */
  | { verdict: 'buffer_too_large'; plan: MemoryPlan; wantedBytes: number; allowedBytes: number }

/** Beside the model a page, a compositor and other tabs draw with the same memory. */
export function spareBytes(total: number): number {
  return Math.max(workBytes, Math.min(0.3 * total, 256 << 20))
}

const PART_BYTES = 256 << 20
/** What is smaller is not looked for. */
const LEAST_PART = 1 << 20

export interface RoomAsked {
  shape: MemoryShape
  context: ContextRange
  /** Of the adapters' files together. */
  adapterBytes?: number
  /** No more than this is taken, whatever the device has. */
  budgetBytes?: number
}

/**
 * The longest context whose plan, and some room beside it, the device grants; without the spare room the shortest is `tight`.
 * @example (await probeMemory(navigator.gpu, { shape, context: { least: 512, most: 4096 } })).plan.contextTokens
 */
export async function probeMemory(gpu: GPU, { shape, context, adapterBytes = 0, budgetBytes }: RoomAsked): Promise<RoomVerdict> {
  const plan = (tokens: number) => planOf(shape, tokens, adapterBytes)
  const shortest = plan(context.least)
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) return { verdict: 'too_large', plan: shortest }
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
  const allowedBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize)
  if (shortest.largestBuffer > allowedBytes) {
    return { verdict: 'buffer_too_large', plan: shortest, wantedBytes: shortest.largestBuffer, allowedBytes }
  }
  const requiredLimits = { maxBufferSize, maxStorageBufferBindingSize }
  const device = await adapter.requestDevice({ label: 'memory probe', requiredLimits })
  try {
    const { total } = plan(context.most)
    const wanted = Math.min(total + spareBytes(total), budgetBytes ?? Number.POSITIVE_INFINITY)
    const granted = await grantedBytes(device, wanted, Math.min(PART_BYTES, allowedBytes))
    const tokens = await longestContext(context, (tokens) => {
      const { total, largestBuffer } = plan(tokens)
      return largestBuffer <= allowedBytes && total + spareBytes(total) <= granted
    })
    if (tokens !== null) return { verdict: 'fits', plan: plan(tokens) }
    return { verdict: shortest.total <= granted ? 'tight' : 'too_large', plan: shortest }
  } finally {
    device.destroy()
  }
}

/** Bytes that can be had at once, up to `wanted` and to within a MiB. */
async function grantedBytes(device: GPUDevice, wanted: number, most: number): Promise<number> {
  const made: GPUBuffer[] = []
  let granted = 0
  try {
    for (let part = most; granted < wanted && part >= LEAST_PART; ) {
      const size = Math.ceil(Math.min(wanted - granted, part) / 4) * 4
      const buffer = await taken(device, size)
      if (buffer === null) {
        part = Math.floor(size / 2)
        continue
      }
      made.push(buffer)
      granted += size
    }
    return granted
  } finally {
    for (const buffer of made) buffer.destroy()
  }
}

/** @returns null when the device refused, or was lost over it */
async function taken(device: GPUDevice, size: number): Promise<GPUBuffer | null> {
  device.pushErrorScope('out-of-memory')
  try {
    const buffer = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST })
    if ((await device.popErrorScope()) === null) return buffer
    buffer.destroy()
    return null
  } catch (error) {
    // A device that is lost rejects the scope; a RangeError is a size that no buffer can have.
    if (asOpenChatError(error).code !== 'internal_error') throw error
    return null
  }
}
