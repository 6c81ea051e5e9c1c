// What no engine can be faster than on this device, measured beside it: how fast bytes are copied, and what one empty dispatch
// costs that has to wait for the one before. A token's floor is bytes / copy bandwidth + dispatches × empty dispatch.
// Not a bound by arithmetic: on a software adapter, which computes more slowly than it copies, the floor is far below.
// Invariant: what was timed is checked (the last byte copied, the count of dispatches); else nothing is said.
import { OpenChatError } from '../src/errors.ts'
import type { Device } from '../src/gpu/device.ts'

export interface Floor {
  /** Read plus written, the faster of a copy command and a copying kernel, bytes/s. */
  bytesPerSecond: number
  /** One dispatch that depends on the one before, recording and submission included, ms. */
  dispatchMs: number
}

export const floorMs = (floor: Floor, bytes: number, dispatches: number) =>
  (1000 * bytes) / floor.bytesPerSecond + dispatches * floor.dispatchMs

const copyCode = `
@group(0) @binding(0) var<storage, read> from_: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> to_: array<vec4<u32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let stride = groups.x * 64u;
  for (var i = id.x; i < arrayLength(&to_); i += stride) { to_[i] = from_[i]; }
}`

const countCode = `
@group(0) @binding(0) var<storage, read_write> count: array<u32>;
@compute @workgroup_size(1) fn main() { count[0] += 1u; }`

const rounds = 5

/** @throws bench_invalid when a copy or a count came out wrong */
export async function measureFloor({ gpu, isFallbackAdapter }: Device): Promise<Floor> {
  // Past every cache: 2 × 256 MiB on a GPU.
  const bytes = Math.min(isFallbackAdapter ? 32 << 20 : 256 << 20, gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize)
  return {
    bytesPerSecond: await copyBandwidth(gpu, bytes, isFallbackAdapter ? 4 : 20),
    dispatchMs: await dispatchTime(gpu, isFallbackAdapter ? 500 : 2000),
  }
}

async function copyBandwidth(gpu: GPUDevice, bytes: number, copies: number): Promise<number> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const [from, to] = [gpu.createBuffer({ size: bytes, usage }), gpu.createBuffer({ size: bytes, usage })]
  try {
    const marks = Uint32Array.of(0x01020304, 0x05060708)
    gpu.queue.writeBuffer(from, bytes - 8, marks)
    const { pipeline, group } = await program(gpu, copyCode, [from, to])
    const byCommand = await fastest(gpu, (encoder) => {
      for (let i = 0; i < copies; i++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes)
    })
    const byKernel = await fastest(gpu, (encoder) => {
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      for (let i = 0; i < copies; i++) pass.dispatchWorkgroups(Math.min(16384, bytes / 1024))
      pass.end()
    })
    const end = new Uint32Array(await readBack(gpu, to, bytes - 8, 8))
    if (end[0] !== marks[0] || end[1] !== marks[1]) throw wrong('The copy whose speed was taken is not a copy.')
    return (1000 * 2 * bytes * copies) / Math.min(byCommand, byKernel)
  } finally {
    from.destroy()
    to.destroy()
  }
}

async function dispatchTime(gpu: GPUDevice, dispatches: number): Promise<number> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC
  const count = gpu.createBuffer({ size: 256, usage })
  try {
    const { pipeline, group } = await program(gpu, countCode, [count])
    const many = (times: number) => (encoder: GPUCommandEncoder) => {
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      for (let i = 0; i < times; i++) {
        // Set anew each time, as a token's dispatches do.
        pass.setBindGroup(0, group)
        pass.dispatchWorkgroups(1)
      }
      pass.end()
    }
    const few = await fastest(gpu, many(dispatches))
    const more = await fastest(gpu, many(3 * dispatches))
    const [counted] = new Uint32Array(await readBack(gpu, count, 0, 4))
    if (counted !== 4 * dispatches * (rounds + 1)) throw wrong('The dispatches whose time was taken did not all run.')
    return Math.max(0, more - few) / (2 * dispatches)
  } finally {
    count.destroy()
  }
}

async function program(gpu: GPUDevice, code: string, buffers: GPUBuffer[]) {
  const pipeline = await gpu.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: gpu.createShaderModule({ code }), entryPoint: 'main' },
  })
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
  return { pipeline, group: gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }) }
}

/** Least ms of a submit, recording included, after one to warm up. */
async function fastest(gpu: GPUDevice, record: (encoder: GPUCommandEncoder) => void): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round <= rounds; round++) {
    const begin = performance.now()
    const encoder = gpu.createCommandEncoder()
    record(encoder)
    gpu.queue.submit([encoder.finish()])
    await gpu.queue.onSubmittedWorkDone()
    if (round > 0) least = Math.min(least, performance.now() - begin)
  }
  return least
}

async function readBack(gpu: GPUDevice, buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
  const copy = gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ })
  const encoder = gpu.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, offset, copy, 0, bytes)
  gpu.queue.submit([encoder.finish()])
  await copy.mapAsync(GPUMapMode.READ)
  const read = copy.getMappedRange().slice(0)
  copy.destroy()
  return read
}

function wrong(sentence: string): OpenChatError {
  return new OpenChatError('bench_invalid', sentence, { action: 'Run the bench again; if it stays so, look at the GPU’s driver.' })
}
