// Opens the GPU: adapter, limits, features, loss. The only file that names `navigator.gpu`.
// Not an allocator (arena.ts) and not a queue (recorder.ts).
// Invariants: limits are the adapter's maxima, since the defaults (128 MiB a binding) fit no embedding of a large model;
// an uncaptured error or a loss is kept and thrown by `check`, so that no invalid submit is read as an answer; work that never ends
// is a loss too, after a limit, as not every driver ends it.
import { OpenChatError } from '../errors.ts'

export interface DeviceOptions {
  /** Also asks for `timestamp-query`, which may serialise work: benches only. */
  profile?: boolean
}

const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const

const wantedFeatures = ['shader-f16', 'subgroups'] as const

/** Seconds without an end after which a submit has hung. A submit is made to take about one; a processor may take many. */
const PATIENCE_S = { gpu: 60, software: 300 }
/** Ticks of that clock. Counted and not compared with the time, so that a computer that slept does not wake up to a lost device. */
const TICKS = 12

/** How long a rejection of the browser's waits for the loss that may have caused it. */
const LOSS_MS = 1000

/** A device that remembers what went wrong on it. */
export class Device {
  readonly gpu: GPUDevice
  readonly adapterName: string
  readonly isFallbackAdapter: boolean
  #failure: OpenChatError | null = null
  #closing = false

  constructor(gpu: GPUDevice, adapterName: string, isFallbackAdapter: boolean) {
    this.gpu = gpu
    this.adapterName = adapterName
    this.isFallbackAdapter = isFallbackAdapter
    gpu.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent
      this.#failure ??= new OpenChatError('gpu_fault', `The GPU refused work: ${error.message}`, {
        meta: { adapter: adapterName },
        action: 'Reload the page; if it happens again, report it with the name of the adapter.',
      })
    })
    void gpu.lost.then(({ reason, message }) => {
      if (this.#closing) return
      this.#failure = new OpenChatError('device_lost', `The GPU was lost (${reason || 'unknown'}): ${message || 'no reason was given'}`, {
        meta: { adapter: adapterName, reason: String(reason) },
        action: 'Load the model again; the conversation is kept.',
      })
    })
  }

  /** Whether the device is gone, or answered something it must not. */
  get lost(): boolean {
    return this.#failure !== null
  }

  /** @throws device_lost, gpu_fault: the first thing that went wrong. */
  check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /** Runs `work` and then {@link check}, so that a rejected map of a lost device carries the loss as its reason. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    this.check()
    try {
      const result = await work()
      this.check()
      return result
    } catch (error) {
      // The loss is announced in a later task than the rejection it causes; under load Chromium takes many tasks for it, and a
      // rejected map alone looks like a cancellation.
      if (!(error instanceof OpenChatError)) await Promise.race([this.gpu.lost, new Promise((resolve) => setTimeout(resolve, LOSS_MS))])
      this.check()
      throw error
    }
  }

  /**
   * As {@link guard}, for work that waits for what was submitted: where it has no end, the device is given up as lost.
   * @throws device_lost with `meta.reason` hung
   */
  async finished<T>(work: () => Promise<T>): Promise<T> {
    const seconds = this.isFallbackAdapter ? PATIENCE_S.software : PATIENCE_S.gpu
    let timer: ReturnType<typeof setInterval> | undefined
    const hung = new Promise<never>((_, reject) => {
      let left = TICKS
      timer = setInterval(
        () => {
          if (--left === 0) reject(this.#giveUp(seconds))
        },
        (1000 * seconds) / TICKS,
      )
    })
    try {
      return await this.guard(() => Promise.race([work(), hung]))
    } finally {
      clearInterval(timer)
    }
  }

  #giveUp(seconds: number): OpenChatError {
    this.#failure ??= new OpenChatError('device_lost', `The GPU did not finish its work within ${seconds} seconds.`, {
      meta: { adapter: this.adapterName, reason: 'hung' },
      action: 'Load the model again; the conversation is kept.',
    })
    this.destroy()
    return this.#failure
  }

  destroy(): void {
    this.#closing = true
    this.gpu.destroy()
  }
}

/** @returns the page's or worker's GPU. @throws gpu_unavailable when the browser has none. */
export function browserGpu(): GPU {
  if (typeof navigator === 'undefined' || !navigator.gpu) throw unavailable('This browser offers no WebGPU.')
  return navigator.gpu
}

/**
 * @param gpu `navigator.gpu` (see {@link browserGpu}) or Dawn's in Node
 * @example const device = await openDevice(browserGpu())
 * @throws gpu_unavailable
 */
export async function openDevice(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw unavailable('WebGPU is there, but no GPU adapter is.')
  const requiredLimits: Record<string, number> = {}
  for (const limit of wantedLimits) requiredLimits[limit] = adapter.limits[limit]
  const features: GPUFeatureName[] = wantedFeatures.filter((feature) => adapter.features.has(feature))
  if (options.profile && adapter.features.has('timestamp-query')) features.push('timestamp-query')
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info
  const name = [vendor, architecture, description || device].filter(Boolean).join(' ') || 'unnamed adapter'
  try {
    return new Device(await adapter.requestDevice({ requiredLimits, requiredFeatures: features }), name, isFallbackAdapter)
  } catch (cause) {
    throw unavailable(`The adapter ${name} gave no device.`, cause)
  }
}

function unavailable(sentence: string, cause?: unknown): OpenChatError {
  return new OpenChatError('gpu_unavailable', sentence, {
    action: 'Use a current Chrome, Edge, Firefox or Safari with hardware acceleration on.',
    cause,
  })
}
