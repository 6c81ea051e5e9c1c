// The whole forward pass of llama, qwen2 and qwen3 in f64, straight from a GGUF file: the oracle of the engine. Not an engine: no cache, no GPU,
// a second or more a token on the default model.
// Order of one layer: x += o(attention(rope(q), rope(k), v)) of norm(x); x += down(swiglu(gate, up)) of norm(x).
// qwen2 adds a bias to q, k and v; qwen3 normalises each head of q and k; both before RoPE.
// Source: Touvron et al. 2023, arXiv 2302.13971; Qwen Team 2024, arXiv 2407.10671 and 2025, arXiv 2505.09388.
import type { GgufFile } from '../formats/gguf.ts'
import { floatDelta, type LoraDelta, type LoraModule } from '../formats/peft.ts'
import { unpermuteRows } from '../formats/permute.ts'
import { requireSupportedType } from '../formats/quant.ts'
import { type ConfigOptions, headTensors, layerTensors, type ModelConfig, modelConfig, requireTensor } from '../model/config.ts'
import { ropeAmplitude, ropeDivisors } from '../model/rope-table.ts'
import type { ByteSource } from '../types.ts'
import { attention } from './attention.ts'
import { loraDelta } from './lora.ts'
import { matmul, matrixRow, type StoredMatrix } from './matmul.ts'
import { rmsNorm } from './rms-norm.ts'
import { rope } from './rope.ts'
import { swiglu } from './swiglu.ts'

interface ReferenceLayer {
  attentionNorm: Float64Array
  ffnNorm: Float64Array
  matrices: Record<LoraModule, StoredMatrix>
  /** Of q, k and v; empty where the architecture has none. */
  biases: Float64Array[]
  /** Of the head norms of q and k; empty where the architecture has none. */
  gains: Float64Array[]
}

export interface ReferenceModel {
  config: ModelConfig
  embedding: StoredMatrix
  outputNorm: Float64Array
  output: StoredMatrix
  ropeDivisors: Float64Array | null
  layers: ReferenceLayer[]
}

/** Reads every tensor, still quantised; q and k are put in half-split order. */
export async function loadReference(gguf: GgufFile, source: ByteSource, options: ConfigOptions = {}): Promise<ReferenceModel> {
  const config = modelConfig(gguf, options)
  const matrix = async (name: string): Promise<StoredMatrix> => {
    const tensor = requireTensor(gguf, name)
    const bytes = await source.read(tensor.offset, tensor.bytes)
    return { type: requireSupportedType(tensor), inputs: tensor.shape[0], outputs: tensor.shape[1] ?? 1, bytes }
  }
  const vector = async (name: string) => matrixRow(await matrix(name), 0)
  const rotated = async (name: string, heads: number) => {
    const stored = await matrix(name)
    return config.permutedQk ? { ...stored, bytes: unpermuteRows(stored.bytes, heads, config.headDim) } : stored
  }
  const embedding = await matrix('token_embd.weight')
  const layers: ReferenceLayer[] = []
  for (let layer = 0; layer < config.layers; layer++) {
    const at = layerTensors(config, layer)
    const { biases, gains } = headTensors(config, layer)
    layers.push({
      biases: await Promise.all(biases.map(({ name }) => vector(name))),
      gains: await Promise.all(gains.map(({ name }) => vector(name))),
      attentionNorm: await vector(at.attention_norm.name),
      ffnNorm: await vector(at.ffn_norm.name),
      matrices: {
        q_proj: await rotated(at.q_proj.name, config.heads),
        k_proj: await rotated(at.k_proj.name, config.kvHeads),
        v_proj: await matrix(at.v_proj.name),
        o_proj: await matrix(at.o_proj.name),
        gate_proj: await matrix(at.gate_proj.name),
        up_proj: await matrix(at.up_proj.name),
        down_proj: await matrix(at.down_proj.name),
      },
    })
  }
  return {
    config,
    embedding,
    outputNorm: await vector('output_norm.weight'),
    output: config.tied ? embedding : await matrix('output.weight'),
    ropeDivisors: ropeDivisors(config, gguf.tensors.has('rope_freqs.weight') ? await vector('rope_freqs.weight') : null),
    layers,
  }
}

export interface ReferenceOptions {
  /** Deltas of the active adapters; several on one matrix add up. */
  deltas?: readonly LoraDelta[]
  /** Logits of every position, or of the last one alone (the default). */
  positions?: 'all' | 'last'
  /** Called with the residual stream of every position after each layer: to find where another engine parts. */
  onLayer?: (layer: number, residual: readonly Float64Array[]) => void
}

/**
 * @param tokens the prompt, from position 0
 * @returns logits [vocab] of each asked position
 */
export function referenceLogits(model: ReferenceModel, tokens: readonly number[], options: ReferenceOptions = {}): Float64Array[] {
  let residual = tokens.map((token) => matrixRow(model.embedding, token))
  model.layers.forEach((layer, index) => {
    residual = runLayer(model, layer, index, residual, options.deltas ?? [])
    options.onLayer?.(index, residual)
  })
  const asked = options.positions === 'all' ? residual : residual.slice(-1)
  return matmul(
    model.output,
    asked.map((x) => rmsNorm(x, model.outputNorm, model.config.rmsEpsilon)),
  )
}

function runLayer(
  { config, ropeDivisors: divisors }: ReferenceModel,
  { matrices, biases, gains, attentionNorm, ffnNorm }: ReferenceLayer,
  layer: number,
  residual: Float64Array[],
  deltas: readonly LoraDelta[],
): Float64Array[] {
  const linear = (module: LoraModule, rows: Float64Array[]) => {
    const out = matmul(matrices[module], rows)
    for (const delta of deltas) {
      if (delta.layer !== layer || delta.module !== module) continue
      const floats = floatDelta(delta)
      rows.forEach((x, t) => {
        out[t] = sum(out[t], loraDelta(floats, x))
      })
    }
    return out
  }
  const turn = (x: Float64Array, position: number) =>
    rope(x, position, config.headDim, config.ropeDimensions, config.ropeBase, divisors, ropeAmplitude(config))
  const normed = residual.map((x) => rmsNorm(x, attentionNorm, config.rmsEpsilon))
  const heads = (module: LoraModule, part: number) => {
    const rows = linear(module, normed).map((row) => (biases[part] ? sum(row, biases[part]) : row))
    return gains[part] ? rows.map((row) => perHead(row, config.headDim, (head) => rmsNorm(head, gains[part], config.rmsEpsilon))) : rows
  }
  const queries = heads('q_proj', 0).map(turn)
  const keys = heads('k_proj', 1).map(turn)
  const values = heads('v_proj', 2)
  const mixed = queries.map((q, t) => attention(q, keys.slice(0, t + 1), values.slice(0, t + 1), config))
  const attended = linear('o_proj', mixed).map((row, t) => sum(residual[t], row))
  const ffnInput = attended.map((x) => rmsNorm(x, ffnNorm, config.rmsEpsilon))
  const up = linear('up_proj', ffnInput)
  const hidden = linear('gate_proj', ffnInput).map((gate, t) => swiglu(gate, up[t]))
  return linear('down_proj', hidden).map((row, t) => sum(attended[t], row))
}

function perHead(row: Float64Array, headDim: number, change: (head: Float64Array) => Float64Array): Float64Array {
  const out = new Float64Array(row.length)
  for (let at = 0; at < row.length; at += headDim) out.set(change(row.subarray(at, at + headDim)), at)
  return out
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i])
}
