// Gives out GPU buffers, counts their bytes, and keeps freed ones for the next request of their size class.
// Not a garbage collector: who allocates releases, and a lease released twice is a defect and throws.
// Invariants, replayed by arena.test.ts against a list: liveBytes is the sum of what is out; a buffer is never out twice;
// after `trim` with nothing out, the source holds no buffer. Pooled buffers hold old numbers: whoever needs zeros asks for them.
import { OpenChatError } from '../errors.ts'

/** What buffers are made of: a device here, a list in tests. */
export interface BufferSource<B> {
  create(bytes: number, usage: number, label: string): Promise<B>
  destroy(buffer: B): void
}

export interface Lease<B> {
  readonly buffer: B
  /** At least what was asked for. */
  readonly bytes: number
  release(): void
}

export interface AllocateOptions {
  /** Never reuse or keep: for weights, whose sizes do not come back, and for buffers that must begin as zeros. */
  exact?: boolean
}

export class Arena<B> {
  #source: BufferSource<B>
  #free = new Map<string, B[]>()
  #live = 0
  #pooled = 0

  constructor(source: BufferSource<B>) {
    this.#source = source
  }

  /** Bytes given out. */
  get liveBytes(): number {
    return this.#live
  }

  /** Bytes kept for reuse. */
  get pooledBytes(): number {
    return this.#pooled
  }

  /**
   * @param bytes > 0
   * @throws gpu_out_of_memory after the pool was given back and the source still refused
   */
  async allocate(bytes: number, usage: number, label: string, options: AllocateOptions = {}): Promise<Lease<B>> {
    const size = options.exact ? Math.ceil(bytes / 16) * 16 : sizeClass(bytes)
    const key = `${usage}:${size}`
    const kept = options.exact ? undefined : this.#free.get(key)?.pop()
    if (kept !== undefined) this.#pooled -= size
    const buffer = kept ?? (await this.#create(size, usage, label))
    this.#live += size
    let out = true
    return {
      buffer,
      bytes: size,
      release: () => {
        if (!out) throw new OpenChatError('internal_error', `Buffer ${label} was released twice.`, { meta: { label } })
        out = false
        this.#live -= size
        if (options.exact) {
          this.#source.destroy(buffer)
          return
        }
        this.#pooled += size
        const list = this.#free.get(key)
        if (list) list.push(buffer)
        else this.#free.set(key, [buffer])
      },
    }
  }

  /** Destroys every buffer that is not out. */
  trim(): void {
    for (const list of this.#free.values()) for (const buffer of list) this.#source.destroy(buffer)
    this.#free.clear()
    this.#pooled = 0
  }

  async #create(bytes: number, usage: number, label: string): Promise<B> {
    try {
      return await this.#source.create(bytes, usage, label)
    } catch (error) {
      if (this.#pooled === 0) throw error
      this.trim()
      return this.#source.create(bytes, usage, label)
    }
  }
}

/** 2^n or 1.5 · 2^n, from 256 bytes: at most a third of a buffer is idle. */
export function sizeClass(bytes: number): number {
  let size = 256
  while (size < bytes) size *= 2
  const between = (size / 4) * 3
  return between >= bytes && between >= 256 ? between : size
}

/** Buffers of a device, each made under error scopes. Sizes above the device's limits are refused before it is asked. */
export function deviceBuffers(device: GPUDevice): BufferSource<GPUBuffer> {
  const refuse = (bytes: number, label: string, why: string) =>
    new OpenChatError('gpu_out_of_memory', `The GPU has no room for ${label} (${bytes} bytes): ${why}`, {
      meta: { bytes, label },
      action: 'Close other tabs that use the GPU, or choose a smaller model or context.',
    })
  return {
    async create(size, usage, label) {
      if (size > device.limits.maxBufferSize) {
        throw refuse(size, label, `a buffer here holds at most ${device.limits.maxBufferSize}.`)
      }
      device.pushErrorScope('out-of-memory')
      device.pushErrorScope('validation')
      const buffer = device.createBuffer({ size, usage, label })
      const [invalid, full] = await Promise.all([device.popErrorScope(), device.popErrorScope()])
      const error = full ?? invalid
      if (error === null) return buffer
      buffer.destroy()
      throw refuse(size, label, error.message)
    },
    destroy: (buffer) => buffer.destroy(),
  }
}
