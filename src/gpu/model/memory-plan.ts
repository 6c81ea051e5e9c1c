// How many bytes of the device a model will take, from its header alone: said before anything is downloaded or allocated.
// Not an allocation and not a promise that the device has them. Weights are exact (as packed by weights.ts); cache, scratch
// and adapters follow scratch.ts, kv-cache.ts and adapter-pool.ts, and memory-plan.gpu.test.ts holds them to those.
// A shape is kept where the file is not at hand (the catalogue, the page's records): a plan for any context follows from it.
import type { GgufFile } from '../formats/gguf.ts'
import { requireSupportedType } from '../formats/quant.ts'
import { partWords } from '../kernels/attention.ts'
import { type KvPrecision, kvBytes } from '../kernels/kv/precision.ts'
import { rowWithSums, zParts } from '../kernels/projection.ts'
import { zRecord } from '../lora/face.ts'
import { headTensors, layerTensors, type ModelConfig, modelConfig, requireTensor } from './config.ts'
import { pageTokens } from './kv-cache.ts'
import { commonFormat, tileWords } from './pack.ts'
import { mostPicks, mostRows, siteBytes, splitRows, splits } from './scratch.ts'

/** What a model takes, apart from how long its context is to be. Bytes. */
export interface MemoryShape {
  weights: number
  /** Activations and tables, without what grows with the context. */
  scratch: number
  /** Of one page of the context (`pageTokens` tokens): keys and values of all layers; what scratch holds for it. */
  pageCache: number
  pageScratch: number
  layers: number
  /** As the model was trained. */
  contextTokens: number
}

export interface MemoryPlan {
  weights: number
  /** Keys and values of one full context. */
  cache: number
  adapters: number
  scratch: number
  total: number
  contextTokens: number
  /** The largest single buffer wanted; weights larger than the device's bindings are divided, the cache of a layer is not. */
  largestBuffer: number
}

/** Readbacks and the like beside what is planned: a context that leaves no room for them is too long. */
export const workBytes = 8 << 20

/** Of adapter-pool.ts: heads of a layer in all slots; table, A and B begin at 1 MiB each; what A and B hold together at most. */
const layerHeads = 64 * 7 * 16
const poolFloor = 1 << 20
const poolMost = 512 << 20

/**
 * @param precision of keys and values
 * @throws architecture_unsupported, tensor_type_unsupported, gguf_invalid: what loading would throw, before a byte of it is fetched
 */
export function memoryShape(gguf: GgufFile, precision: KvPrecision = 'f32'): MemoryShape {
  const config = modelConfig(gguf)
  const { layers, kvHeads, headDim, contextTokens } = config
  return {
    weights: weightBytes(gguf, config),
    scratch: fixedScratch(config),
    pageCache: pageTokens * 2 * kvHeads * headDim * kvBytes[precision] * layers,
    pageScratch: pageTokens * headDim * 4 + mostPicks * 4,
    layers,
    contextTokens,
  }
}

/**
 * @param contextTokens at most the model's own; planned in whole pages
 * @param adapterBytes of the adapters' files together; their pools double as they grow
 */
export function planOf(shape: MemoryShape, contextTokens: number, adapterBytes = 0): MemoryPlan {
  const { weights, layers } = shape
  const context = Math.min(contextTokens, shape.contextTokens)
  const pages = Math.ceil(context / pageTokens)
  const cache = pages * shape.pageCache
  const scratch = shape.scratch + pages * shape.pageScratch
  const pools = Math.min(poolMost, Math.max(2 * poolFloor, 2 * adapterBytes))
  const adapters = adapterBytes === 0 ? 0 : Math.max(poolFloor, layerHeads * layers) + pools
  const total = weights + cache + adapters + scratch
  return { weights, cache, adapters, scratch, total, contextTokens: context, largestBuffer: Math.max(cache / layers, adapters) }
}

function weightBytes(gguf: GgufFile, config: ModelConfig): number {
  const formatOf = (...names: string[]) => commonFormat(names.map((name) => requireSupportedType(requireTensor(gguf, name))))
  const matrix = (name: string) => {
    const [inputs, outputs = 1] = requireTensor(gguf, name).shape
    return tileWords(formatOf(name), inputs) * 4 * Math.ceil(outputs / 4)
  }
  const vector = (name: string) => {
    formatOf(name)
    return Math.ceil((requireTensor(gguf, name).shape[0] * 4) / 16) * 16
  }
  const { hidden, ffn, heads, kvHeads, headDim } = config
  let bytes = matrix('token_embd.weight') + vector('output_norm.weight')
  if (!config.tied) bytes += matrix('output.weight')
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerTensors(config, layer)
    const [q, k, v] = [names.q_proj.name, names.k_proj.name, names.v_proj.name]
    const perHead = headDim / 4
    bytes += vector(names.attention_norm.name) + vector(names.ffn_norm.name)
    const { biases, gains } = headTensors(config, layer)
    // A bias stands behind its tile, four f32; gains are as wide as a head.
    if (biases.length > 0) bytes += 16 * (heads + 2 * kvHeads) * (headDim / 4)
    if (gains.length > 0) bytes += gains.length * headDim * 4
    bytes +=
      (tileWords(formatOf(q), hidden) * heads + (tileWords(formatOf(k), hidden) + tileWords(formatOf(v), hidden)) * kvHeads) * perHead * 4
    bytes += matrix(names.o_proj.name) + matrix(names.down_proj.name)
    bytes += tileWords(formatOf(names.gate_proj.name, names.up_proj.name), hidden) * 4 * Math.ceil(ffn / 2)
  }
  return bytes
}

/** As scratch.ts allocates, rounded as the arena rounds; rope and the page tables grow with the context and are not in it. */
function fixedScratch({ hidden, ffn, heads, headDim, vocab, layers }: ModelConfig): number {
  const rows = mostRows
  const padded = (width: number) => Math.ceil(width / 32) * 32
  const words = [
    rows * padded(hidden),
    rows * rowWithSums(hidden),
    rows * heads * headDim,
    rows * padded(heads * headDim),
    rows * padded(ffn),
    splitRows * partWords({ heads, headDim, splits }),
    mostPicks * vocab,
    mostPicks,
    rows * zParts * zRecord,
    4,
    rows,
    rows * 4,
    mostPicks,
    layers * siteBytes,
  ]
  return words.reduce((sum, count) => sum + Math.ceil((count * 4) / 16) * 16, 0)
}
