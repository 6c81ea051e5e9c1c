// A few rows of a model's own matrices, decoded on the CPU from the file: what self-test.ts holds the GPU's numbers against.
// Not a forward pass: each stage is computed from the GPU's own input to it, so that a wrong number names the kernel that made it.
// Cost: some hundred rows a layer, whatever the model's size. The maths is reference/'s.
import { OpenChatError } from '../errors.ts'
import type { GgufFile } from './formats/gguf.ts'
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

export class SampledModel {
  readonly config: ModelConfig
  #gguf: GgufFile
  #source: ByteSource
  #ropeDivisors: ArrayLike<number> | null
  #rows = new Map<string, Promise<Float64Array>>()

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

  /** @param h residual stream before layer 0 [hidden] @returns head `head` of q, k or v at a position, turned, [headDim] */
  async head(part: 'q' | 'k' | 'v', head: number, h: Float64Array, position: number): Promise<Float64Array> {
    const { config } = this
    const { headDim, permutedQk, rmsEpsilon } = config
    const names = layerTensors(config, 0)
    const { biases, gains } = headTensors(config, 0)
    const x = rmsNorm(h, await this.#row(names.attention_norm.name, 0), rmsEpsilon)
    const name = names[`${part}_proj`].name
    const index = { q: 0, k: 1, v: 2 }[part]
    const rows = await this.#block(name, head * headDim, headDim, permutedQk && part !== 'v')
    const bias = biases[index] === undefined ? null : await this.#row(biases[index].name, 0)
    let y = Float64Array.from(rows, (row, i) => dot(row, x) + (bias?.[head * headDim + i] ?? 0))
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
  async added(part: 'o_proj' | 'down_proj', row: number, x: Float64Array): Promise<number> {
    return dot(await this.#row(layerTensors(this.config, 0)[part].name, row), x)
  }

  /** @param h residual stream after attention [hidden] @returns column `row` of silu(gate) · up */
  async gated(row: number, h: Float64Array): Promise<number> {
    const names = layerTensors(this.config, 0)
    const x = rmsNorm(h, await this.#row(names.ffn_norm.name, 0), this.config.rmsEpsilon)
    const product = async (name: string) => Float64Array.of(dot(await this.#row(name, row), x))
    return swiglu(await product(names.gate_proj.name), await product(names.up_proj.name))[0]
  }

  /** @param h residual stream after the last layer [hidden] @returns the logit of `token` */
  async logit(token: number, h: Float64Array): Promise<number> {
    const x = rmsNorm(h, await this.#row('output_norm.weight', 0), this.config.rmsEpsilon)
    return dot(await this.#row(this.config.tied ? 'token_embd.weight' : 'output.weight', token), x)
  }

  #row(name: string, row: number): Promise<Float64Array> {
    const key = `${name} ${row}`
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const made = this.#block(name, row, 1, false).then(([only]) => only)
    this.#rows.set(key, made)
    return made
  }

  /** Neighbouring rows in one read; of q and k in half-split order. */
  async #block(name: string, first: number, count: number, permuted: boolean): Promise<Float64Array[]> {
    const tensor = requireTensor(this.#gguf, name)
    const type = requireSupportedType(tensor)
    const [inputs, outputs = 1] = tensor.shape
    if (first + count > outputs) throw new OpenChatError('internal_error', `Tensor ${name} has no row ${first + count - 1}.`)
    const rowBytes = typeBytes(type, inputs)
    const read = await this.#source.read(tensor.offset + first * rowBytes, count * rowBytes)
    const bytes = permuted ? unpermuteRows(read, 1, count) : read
    return Array.from({ length: count }, (_, i) =>
      dequantise(type, bytes.subarray(i * rowBytes, (i + 1) * rowBytes), new Float64Array(inputs)),
    )
  }
}
