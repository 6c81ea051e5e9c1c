// Counts what a submit really binds, by watching WebGPU's own calls in Node: how many dispatches, and how many bytes of weights
// they read. Not a profiler: it takes no times, and a weight bound twice counts twice, since it is read twice.
// Weights are known by the labels that their buffers were made with (model/weights.ts). The embedding, of which a token reads
// one row, is left out where it is bound by the kernel `embed`.
import { OpenChatError } from '../src/errors.ts'

const weightLabel = /^(blk\.|token_embd|output)/
const poolLabel = /^lora/

export interface Traffic {
  dispatches: number
  weightBytes: number
  /** Dispatches by the kernel's name. */
  kernels: Record<string, number>
}

/** What `after` had more than `before`, shared out over so many tokens. */
export function trafficBetween(before: Traffic, after: Traffic, tokens: number): Traffic {
  const each = (name: string) => ((after.kernels[name] ?? 0) - (before.kernels[name] ?? 0)) / tokens
  return {
    dispatches: (after.dispatches - before.dispatches) / tokens,
    weightBytes: (after.weightBytes - before.weightBytes) / tokens,
    kernels: Object.fromEntries(Object.keys(after.kernels).map((name) => [name, each(name)])),
  }
}

interface Bound {
  kernel: string
  weightBytes: number
}

/** Made before the engine, so that it knows every bind group; the calls of a pass are watched only `during` something. */
export class TrafficWatch {
  /** Bytes written to the adapters' pools: what one adapter is on the device. */
  adapterBytes = 0
  #groups = new WeakMap<GPUBindGroup, Bound>()
  #passes = new WeakMap<GPUComputePassEncoder, Map<number, Bound>>()
  #restore: (() => void)[] = []

  constructor() {
    const watch = this
    this.#wrap(GPUDevice.prototype, 'createBindGroup', function (this: GPUDevice, original, descriptor) {
      const group = original.call(this, descriptor)
      let weightBytes = 0
      for (const { resource } of descriptor.entries) {
        const { buffer, size } = resource as GPUBufferBinding
        if (buffer !== undefined && weightLabel.test(buffer.label)) weightBytes += size ?? buffer.size
      }
      watch.#groups.set(group, { kernel: descriptor.label ?? '', weightBytes })
      return group
    })
    this.#wrap(GPUQueue.prototype, 'writeBuffer', function (this: GPUQueue, original, buffer, offset, data, from, size) {
      if (poolLabel.test(buffer.label)) watch.adapterBytes += size ?? data.byteLength
      return original.call(this, buffer, offset, data, from, size)
    })
  }

  /** @returns what `work` dispatched @throws bench_invalid when it dispatched nothing: the watch is then blind */
  async during(work: () => Promise<unknown>): Promise<Traffic> {
    const counting: Traffic = { dispatches: 0, weightBytes: 0, kernels: {} }
    const unwatched = this.#restore.length
    this.#watchPasses(counting)
    try {
      await work()
    } finally {
      for (const restore of this.#restore.splice(unwatched)) restore()
    }
    if (counting.dispatches > 0 && counting.weightBytes > 0) return counting
    throw new OpenChatError('bench_invalid', 'The watch over WebGPU’s calls saw no dispatch with weights.', {
      action: 'Look at the labels of the weight buffers.',
    })
  }

  stop(): void {
    for (const restore of this.#restore.splice(0)) restore()
  }

  #watchPasses(counting: Traffic): void {
    const watch = this
    this.#wrap(GPUComputePassEncoder.prototype, 'setBindGroup', function (this: GPUComputePassEncoder, original, index, group, ...rest) {
      const bound = watch.#passes.get(this) ?? new Map<number, Bound>()
      watch.#passes.set(this, bound)
      const known = group ? watch.#groups.get(group) : undefined
      if (known) bound.set(index, known)
      else bound.delete(index)
      return (original as (...args: unknown[]) => undefined).call(this, index, group, ...rest)
    })
    this.#wrap(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', function (this: GPUComputePassEncoder, original, ...grid) {
      counting.dispatches++
      const name = watch.#passes.get(this)?.get(0)?.kernel ?? ''
      counting.kernels[name] = (counting.kernels[name] ?? 0) + 1
      for (const { kernel, weightBytes } of watch.#passes.get(this)?.values() ?? []) {
        if (!kernel.startsWith('embed')) counting.weightBytes += weightBytes
      }
      return original.apply(this, grid)
    })
  }

  #wrap<T extends object, K extends keyof T>(
    prototype: T,
    name: K,
    around: T[K] extends (...args: infer A) => infer R ? (this: T, original: T[K], ...args: A) => R : never,
  ): void {
    const original = prototype[name]
    const wrapped = function (this: T, ...args: unknown[]) {
      return (around as (this: T, original: unknown, ...args: unknown[]) => unknown).call(this, original, ...args)
    }
    prototype[name] = wrapped as T[K]
    this.#restore.push(() => {
      prototype[name] = original
    })
  }
}
