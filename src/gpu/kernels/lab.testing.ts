// A device with one recording open, for kernel tests: upload, run dispatches, read back. Seeded numbers, so that a failure repeats.
import { openNodeGpu } from '../../../scripts/node-engine.ts'
import { Arena, deviceBuffers } from '../arena.ts'
import { openDevice } from '../device.ts'
import { quantise } from '../formats/gguf-writer.testing.ts'
import type { SupportedType } from '../formats/quant.ts'
import { commonFormat, packTiles, type RowChoice, type SourceMatrix } from '../model/pack.ts'
import { Recorder } from '../recorder.ts'
import { type Counts, type Dispatch, Programs } from './kernel.ts'
import { noise } from './noise.testing.ts'
import { type NormInput, rowWithSums, type Segment, sumsAt } from './projection.ts'

export async function openLab() {
  const device = await openDevice(openNodeGpu())
  const arena = new Arena(deviceBuffers(device.gpu))
  const recorder = new Recorder(device, arena)
  const programs = new Programs(device.gpu)
  const make = async (bytes: number, usage: number) => (await arena.allocate(bytes, usage, 'lab', { exact: true })).buffer
  const storage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

  /** A storage buffer of these words; a number makes so many zeros. */
  const buffer = async (words: Float32Array | Uint32Array | number): Promise<GPUBuffer> => {
    const given = typeof words === 'number' ? new Uint32Array(words) : words
    const made = await make(Math.max(16, given.byteLength), storage())
    recorder.upload(made, 0, given)
    return made
  }
  const uniform = async (words: Uint32Array): Promise<GPUBuffer> => {
    const made = await make(Math.max(256, words.byteLength), GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    recorder.upload(made, 0, words)
    return made
  }
  return {
    device,
    buffer,
    uniform,
    batch: ({ rows, picks }: Counts) => uniform(new Uint32Array([rows, picks])),
    async run(dispatches: readonly Dispatch[], counts: Counts): Promise<void> {
      recorder.submit(await programs.prepare(dispatches), counts)
      await recorder.idle()
    },
    async floats(from: GPUBuffer, count: number): Promise<Float32Array> {
      return new Float32Array(await recorder.read(from, count * 4))
    },
    async words(from: GPUBuffer, count: number): Promise<Uint32Array> {
      return new Uint32Array(await recorder.read(from, count * 4))
    },
    /** Tiles of a matrix on the device, as one segment. */
    async segment(types: readonly SupportedType[], inputs: number, choose: RowChoice, tiles: number): Promise<Segment> {
      const format = commonFormat(types)
      const words = packTiles(format, inputs, choose, 0, tiles)
      return { format, buffer: await buffer(words), tileBase: 0, tiles, blocks: Math.ceil(inputs / 32) }
    },
  }
}

export function storedMatrix(type: SupportedType, inputs: number, outputs: number, seed: number): SourceMatrix {
  return { type, inputs, outputs, bytes: quantise(type, noise(inputs * outputs, seed)) }
}

/** Rows of `width` at a stride of whole blocks of 32, zeros behind. */
export function padded(rows: readonly ArrayLike<number>[], width: number): Float32Array<ArrayBuffer> {
  const stride = Math.ceil(width / 32) * 32
  const out = new Float32Array(rows.length * stride)
  rows.forEach((row, t) => {
    out.set(Array.from(row), t * stride)
  })
  return out
}

/** The residual stream as its writers leave it for a norm: rows of h ⊙ gain, behind each its sums of squares. */
export function stream(rows: readonly Float64Array[], gain: ArrayLike<number>, { width, columns }: NormInput): Float32Array<ArrayBuffer> {
  const stride = rowWithSums(width)
  const out = new Float32Array(rows.length * stride)
  rows.forEach((row, t) => {
    const sums = new Float64Array(Math.ceil(width / columns))
    for (let i = 0; i < width; i++) {
      out[t * stride + i] = row[i] * gain[i]
      sums[Math.floor(i / columns)] += row[i] ** 2
    }
    out.set(sums, t * stride + sumsAt(width, columns))
  })
  return out
}

/** Rows of seeded noise, exact in f32. */
export function noiseRows(rows: number, width: number, seed: number): Float64Array<ArrayBuffer>[] {
  return Array.from({ length: rows }, (_, t) => Float64Array.from(noise(width, seed + 97 * t)))
}

export function largestDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < got.length; i++) {
    const difference = Math.abs(got[i] - expected[i])
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}
