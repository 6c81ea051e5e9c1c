// Records dispatches into one encoder, submits it once, and reads results back. It counts what the page itself runs:
// benches and the page's "why is it slow" read these numbers, no separate instrument does.
// Not a scheduler: callers see to it that one recording is open at a time.
import type { Arena, Lease } from './arena.ts'
import type { Device } from './device.ts'
import type { Counts, Prepared } from './kernels/kernel.ts'

export interface RecorderCounts {
  dispatches: number
  submits: number
  readbacks: number
  bytesUploaded: number
  bytesRead: number
}

export class Recorder {
  readonly counts: RecorderCounts = { dispatches: 0, submits: 0, readbacks: 0, bytesUploaded: 0, bytesRead: 0 }
  #device: Device
  #arena: Arena<GPUBuffer>

  constructor(device: Device, arena: Arena<GPUBuffer>) {
    this.#device = device
    this.#arena = arena
  }

  upload(buffer: GPUBuffer, offset: number, words: Uint32Array | Uint16Array | Float32Array): void {
    this.counts.bytesUploaded += words.byteLength
    this.#device.gpu.queue.writeBuffer(buffer, offset, words.buffer, words.byteOffset, words.byteLength)
  }

  /** One pass, one submit. WebGPU orders the dispatches of a pass: each sees what the one before wrote. */
  submit(work: readonly Prepared[], counts: Counts): void {
    const encoder = this.#device.gpu.createCommandEncoder()
    const pass = encoder.beginComputePass()
    let pipeline: GPUComputePipeline | null = null
    for (const dispatch of work) {
      if (dispatch.pipeline !== pipeline) pass.setPipeline((pipeline = dispatch.pipeline))
      dispatch.groups.forEach((group, index) => {
        pass.setBindGroup(index, group)
      })
      const [x, y] = dispatch.grid(counts)
      pass.dispatchWorkgroups(x, y)
    }
    pass.end()
    this.#device.gpu.queue.submit([encoder.finish()])
    this.counts.dispatches += work.length
    this.counts.submits++
  }

  /** Copies ranges between buffers in one submit. */
  copy(ranges: { from: GPUBuffer; fromOffset: number; to: GPUBuffer; toOffset: number; bytes: number }[]): void {
    const encoder = this.#device.gpu.createCommandEncoder()
    for (const { from, fromOffset, to, toOffset, bytes } of ranges) encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes)
    this.#device.gpu.queue.submit([encoder.finish()])
    this.counts.submits++
  }

  /**
   * @returns a copy of `bytes` from the buffer's start, after all work submitted so far
   * @throws device_lost, gpu_fault
   */
  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    return (await this.readRanges([{ buffer, offset: 0, bytes }])).bytes
  }

  /**
   * Resolves when the copy is submitted, so that later work may write to the buffers; `bytes` when it can be read.
   * @param ranges offsets and bytes are multiples of 4
   * @returns a copy of the ranges, one after the other. `bytes` throws device_lost, gpu_fault
   */
  async readRanges(ranges: readonly { buffer: GPUBuffer; offset: number; bytes: number }[]): Promise<{ bytes: Promise<ArrayBuffer> }> {
    const bytes = ranges.reduce((sum, range) => sum + range.bytes, 0)
    const lease = await this.#arena.allocate(bytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ, 'readback')
    let at = 0
    const copies = ranges.map((range) => {
      const toOffset = at
      at += range.bytes
      return { from: range.buffer, fromOffset: range.offset, to: lease.buffer, toOffset, bytes: range.bytes }
    })
    this.copy(copies)
    return { bytes: this.#map(lease, bytes) }
  }

  async #map(lease: Lease<GPUBuffer>, bytes: number): Promise<ArrayBuffer> {
    try {
      return await this.#device.finished(async () => {
        await lease.buffer.mapAsync(GPUMapMode.READ, 0, bytes)
        const copy = lease.buffer.getMappedRange(0, bytes).slice(0)
        lease.buffer.unmap()
        return copy
      })
    } finally {
      this.counts.readbacks++
      this.counts.bytesRead += bytes
      lease.release()
    }
  }

  /** Waits until all submitted work is done. @throws device_lost, gpu_fault */
  async idle(): Promise<void> {
    await this.#device.finished(() => this.#device.gpu.queue.onSubmittedWorkDone().then(() => undefined))
  }
}
