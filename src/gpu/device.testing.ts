// One GPU device for all tests of a process: a pipeline that equals a living one costs nothing there, and on SwiftShader nearly all
// of a test's time is making pipelines. Not for tests about losing a device, whose work has to end: those open their own.
// Invariants: what a test plants in its view, or in its view's queue, reaches no other view; no pipeline is let go, so that equal
// ones are found.
import { openNodeGpu } from '../../scripts/node-engine.ts'
import { type Device, openDevice } from './device.ts'

let opened: Promise<GPUDevice> | undefined
const pipelines: GPUComputePipeline[] = []
/** Of all views: an error of the device is everybody's. */
const listeners: ((event: Event) => void)[] = []

async function open(): Promise<GPUDevice> {
  const { gpu } = await openDevice(openNodeGpu())
  gpu.addEventListener('uncapturederror', (event) => {
    for (const listener of listeners) listener(event)
  })
  return gpu
}

/** `target` with properties of its own over it. */
function over<T extends object>(target: T, own: Map<PropertyKey, unknown>): T {
  return new Proxy(target, {
    get(_, key) {
      if (own.has(key)) return own.get(key)
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set(_, key, value) {
      own.set(key, value)
      return true
    },
    // A spy would be put on `target` itself, where all would meet it.
    defineProperty: () => false,
  })
}

function viewOf(device: GPUDevice): GPUDevice {
  let end = (_: GPUDeviceLostInfo) => {}
  const ended = new Promise<GPUDeviceLostInfo>((resolve) => {
    end = resolve
  })
  const make = async (descriptor: GPUComputePipelineDescriptor) => {
    const pipeline = await device.createComputePipelineAsync(descriptor)
    pipelines.push(pipeline)
    return pipeline
  }
  const own: [keyof GPUDevice, unknown][] = [
    ['queue', over(device.queue, new Map())],
    ['createComputePipelineAsync', make],
    ['addEventListener', (_: 'uncapturederror', listener: (event: Event) => void) => listeners.push(listener)],
    ['lost', Promise.race([ended, device.lost])],
    ['destroy', () => end({ reason: 'destroyed', message: '' } as GPUDeviceLostInfo)],
  ]
  return over(device, new Map<PropertyKey, unknown>(own))
}

/** A GPU whose devices are views of the one that all share; one that is destroyed says so, and what was made on it lives on. */
export function testGpu(): GPU {
  const gpu = openNodeGpu()
  return {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      const adapter = await gpu.requestAdapter(options)
      opened ??= open()
      if (adapter !== null) adapter.requestDevice = async () => viewOf(await opened!)
      return adapter
    },
  } as GPU
}

/** A view of the shared device. */
export const openTestDevice = (): Promise<Device> => openDevice(testGpu())

/** What an engine chooses where a processor computes, named so that nothing is made only to be timed; left to it on any GPU. */
export const usual = ({ isFallbackAdapter }: Device) => (isFallbackAdapter ? { decodeVariant: 'thread-1' as const } : {})
