// A few rows of a model's own matrices, decoded on the CPU from the file: what self-test.ts and self-test-adapters.ts hold the GPU's
// numbers against.
// Not a forward pass: each stage is computed from the GPU's own input to it, so that a wrong number names the kernel that made it.
// Cost: some hundred rows a layer, whatever the model's size. The maths is reference/'s.
import { OpenChatError } from '../errors.ts'
import type { GgufFile } from './formats/gguf.ts'
import { type LoraModule, moduleShape } from './formats/peft.ts'
import { unpermuteRows } from './formats/permute.ts'
import { dequantise, requireSupportedType, typeBytes } from './formats/quant.ts'
import { headTensors, layerTensors, type ModelConfig, requireTensor } from './model/config.ts'
import { ropeAmplitude } from './model/rope-table.ts'
import { attention } from './reference/attention.ts'
import { dot } from './reference/matmul.ts'
import { rmsNorm } from './reference/rms-norm.ts'
import { rope } from './reference/rope.ts'
import { swiglu } from './reference/swiglu.ts'
import type { ByteSource } from './types.ts'

/** Rows of each matrix that are looked at, the first and the last among them. */
const sampled = 16

/** What an adapter makes of W·x in an output row of its module, a bias left aside. */
export type RowChange = (row: number, product: number) => number

const unchanged: RowChange = (_, product) => product

export class SampledModel {
  readonly config: ModelConfig
  #gguf: GgufFile
  #source: ByteSource
  #ropeDivisors: ArrayLike<number> | null
  #blocks = new Map<string, Promise<Float64Array[]>>()

  constructor(gguf: GgufFile, source: ByteSource, config: ModelConfig, ropeDivisors: ArrayLike<number> | null) {
    this.config = config
    this.#gguf = gguf
    this.#source = source
    this.#ropeDivisors = ropeDivisors
  }

  /** Evenly spread indices of `size` rows, at most {@link sampled}. */
  spread(size: number): number[] {
    const count = Math.min(sampled, size)
    return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.floor((i * (size - 1)) / (count - 1))))
  }

  /** First and last of `heads`. */
  ends(heads: number): number[] {
    return [...new Set([0, heads - 1])]
  }

  /** Row of the embedding, [hidden]. */
  embedding(token: number): Promise<Float64Array> {
    return this.#row('token_embd.weight', token)
  }

  /** Gains of a norm of a layer, [hidden]; behind the last layer stands the norm before the head. */
  gain(norm: 'attention_norm' | 'ffn_norm', layer = 0): Promise<Float64Array> {
    if (layer === this.config.layers) return this.#row('output_norm.weight', 0)
    return this.#row(layerTensors(this.config, layer)[norm].name, 0)
  }

  /** @param h residual stream [hidden] @returns what the projections behind a norm of layer 0 read */
  async normed(norm: 'attention_norm' | 'ffn_norm', h: Float64Array): Promise<Float64Array> {
    return rmsNorm(h, await this.gain(norm), this.config.rmsEpsilon) as Float64Array
  }

  /** Length of a row in the middle of a module's matrix in layer 0: what W·x is for x of size 1. */
  async rowLength(module: LoraModule): Promise<number> {
    const { name } = layerTensors(this.config, 0)[module]
    const row = await this.#row(name, moduleShape(this.config, module).outputs >> 1)
    return Math.sqrt(dot(row, row))
  }

  /** @param x the norm before layer 0 [hidden] @returns head `head` of q, k or v at a position, turned, [headDim] */
  async head(part: 'q' | 'k' | 'v', head: number, x: Float64Array, position: number, change = unchanged): Promise<Float64Array> {
    const { config } = this
    const { headDim, permutedQk, rmsEpsilon } = config
    const names = layerTensors(config, 0)
    const { biases, gains } = headTensors(config, 0)
    const name = names[`${part}_proj`].name
    const index = { q: 0, k: 1, v: 2 }[part]
    const rows = await this.#block(name, head * headDim, headDim, permutedQk && part !== 'v')
    const bias = biases[index] === undefined ? null : await this.#row(biases[index].name, 0)
    const first = head * headDim
    let y = Float64Array.from(rows, (row, i) => change(first + i, dot(row, x)) + (bias?.[first + i] ?? 0))
    if (part === 'v') return y
    if (gains[index] !== undefined) y = rmsNorm(y, await this.#row(gains[index].name, 0), rmsEpsilon) as Float64Array<ArrayBuffer>
    return rope(y, position, headDim, config.ropeDimensions, config.ropeBase, this.#ropeDivisors, ropeAmplitude(config))
  }

  /** Attention of one head. @param keys, values of its kv head, [headDim] a position */
  attended(q: Float64Array, keys: Float64Array[], values: Float64Array[]): Float64Array {
    const { headDim, slidingWindow } = this.config
    return attention(q, keys, values, { heads: 1, kvHeads: 1, headDim, slidingWindow })
  }

  /** @returns what o (of the attention's output) or down (of the gated product) adds to column `row` of the residual stream */
  async added(part: 'o_proj' | 'down_proj', row: number, x: Float64Array, change = unchanged): Promise<number> {
    return change(row, dot(await this.#row(layerTensors(this.config, 0)[part].name, row), x))
  }

  /** @param x the norm after attention [hidden] @param changes of gate and of up @returns column `row` of silu(gate) · up */
  async gated(row: number, x: Float64Array, changes: readonly [RowChange, RowChange] = [unchanged, unchanged]): Promise<number> {
    const names = layerTensors(this.config, 0)
    const product = async (name: string, change: RowChange) => Float64Array.of(change(row, dot(await this.#row(name, row), x)))
    return swiglu(await product(names.gate_proj.name, changes[0]), await product(names.up_proj.name, changes[1]))[0]
  }

  /** @param h residual stream after the last layer [hidden] @returns the logit of `token` */
  async logit(token: number, h: Float64Array): Promise<number> {
    const x = rmsNorm(h, await this.#row('output_norm.weight', 0), this.config.rmsEpsilon)
    return dot(await this.#row(this.config.tied ? 'token_embd.weight' : 'output.weight', token), x)
  }

  #row(name: string, row: number): Promise<Float64Array> {
    return this.#block(name, row, 1, false).then(([only]) => only)
  }

  /** Neighbouring rows in one read; of q and k in half-split order. */
  #block(name: string, first: number, count: number, permuted: boolean): Promise<Float64Array[]> {
    const key = `${name} ${first} ${count}`
    const known = this.#blocks.get(key)
    if (known !== undefined) return known
    const read = this.#read(name, first, count, permuted)
    this.#blocks.set(key, read)
    return read
  }

  async #read(name: string, first: number, count: number, permuted: boolean): Promise<Float64Array[]> {
    const tensor = requireTensor(this.#gguf, name)
    const type = requireSupportedType(tensor)
    const [inputs, outputs = 1] = tensor.shape
    if (first + count > outputs) throw new OpenChatError('internal_error', `Tensor ${name} has no row ${first + count - 1}.`)
    const rowBytes = typeBytes(type, inputs)
    const stored = await this.#source.read(tensor.offset + first * rowBytes, count * rowBytes)
    const bytes = permuted ? unpermuteRows(stored, 1, count) : stored
    return Array.from({ length: count }, (_, i) =>
      dequantise(type, bytes.subarray(i * rowBytes, (i + 1) * rowBytes), new Float64Array(inputs)),
    )
  }
}
