// Brings a GGUF file's tensors onto the device, packed for the projections. Not a parser (formats/gguf.ts) and not the maths.
// Invariants: each tensor's own type decides its format, never `general.file_type`; a matrix larger than one binding becomes
// several segments; a failed or cancelled load has released what it took.
import { OpenChatError } from '../../errors.ts'
import type { Arena, Lease } from '../arena.ts'
import type { GgufFile } from '../formats/gguf.ts'
import { dequantise, requireSupportedType } from '../formats/quant.ts'
import type { Segment, WeightFormat } from '../kernels/projection.ts'
import type { ByteSource } from '../types.ts'
import { headTensors, layerTensors, type ModelConfig, requireTensor } from './config.ts'
import { commonFormat, packTiles, type RowChoice, type SourceMatrix, tileWords } from './pack.ts'
import { ropeDivisors } from './rope-table.ts'

/** A matrix on the device: one segment, or more when a binding or a type boundary divides it. */
export type PackedMatrix = readonly Segment[]

export interface LayerWeights {
  attentionNorm: GPUBuffer
  qkv: PackedMatrix
  /** Gains of the head norms, [q: headDim, k: headDim] f32; null where the architecture has none. */
  headGains: GPUBuffer | null
  output: PackedMatrix
  ffnNorm: GPUBuffer
  gateUp: PackedMatrix
  down: PackedMatrix
}

export interface Weights {
  embedding: PackedMatrix
  outputNorm: GPUBuffer
  head: PackedMatrix
  layers: LayerWeights[]
  /** Of the angles of each pair of a head's dimensions, see rope-table.ts. */
  ropeDivisors: Float64Array | null
  bytes: number
  release(): void
}

export interface LoadOptions {
  signal?: AbortSignal
  /** Bytes of tensors read, of all. */
  onProgress?: (done: number, total: number) => void
}

/** At most this many bytes are packed at once, so that the host never holds a second copy of a large matrix. */
const stagingBytes = 16 << 20

/** @throws tensor_type_unsupported, file_truncated, gpu_out_of_memory, cancelled */
export async function loadWeights(
  gpu: GPUDevice,
  arena: Arena<GPUBuffer>,
  gguf: GgufFile,
  config: ModelConfig,
  source: ByteSource,
  options: LoadOptions = {},
): Promise<Weights> {
  const leases: Lease<GPUBuffer>[] = []
  const release = () => {
    for (const lease of leases.splice(0)) lease.release()
  }
  const total = [...gguf.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0

  const read = async (name: string): Promise<SourceMatrix> => {
    if (options.signal?.aborted) throw new OpenChatError('cancelled', 'Loading the model was cancelled.')
    const tensor = requireTensor(gguf, name)
    const type = requireSupportedType(tensor)
    const bytes = await source.read(tensor.offset, tensor.bytes)
    options.onProgress?.((done += tensor.bytes), total)
    return { type, inputs: tensor.shape[0], outputs: tensor.shape[1] ?? 1, bytes }
  }
  const floats = async (name: string): Promise<Float32Array<ArrayBuffer>> => {
    const { type, inputs, bytes } = await read(name)
    return dequantise(type, bytes, new Float32Array(inputs))
  }
  /** Several tensors end to end. */
  const vector = async (...names: string[]): Promise<GPUBuffer> => {
    const parts: Float32Array[] = []
    for (const name of names) parts.push(await floats(name))
    const values = Float32Array.from(parts.flatMap((part) => [...part]))
    const lease = await arena.allocate(values.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, names[0], { exact: true })
    leases.push(lease)
    gpu.queue.writeBuffer(lease.buffer, 0, values)
    return lease.buffer
  }
  /** Tiles [from, to) of a matrix, all of one format; `bias` of each row, by tile and lane, stands behind the last tile. */
  const pack = async (
    label: string,
    format: WeightFormat,
    inputs: number,
    choose: RowChoice,
    from: number,
    to: number,
    bias: ((tile: number, lane: number) => number) | null = null,
  ) => {
    const biasBytes = bias === null ? 0 : 16
    const bytesPerTile = tileWords(format, inputs) * 4
    const fitting = Math.floor(Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize) / (bytesPerTile + biasBytes))
    // Whole eights, so that no sum of squares of project-residual straddles two segments.
    const perSegment = Math.max(8, fitting - (fitting % 8))
    const perWrite = Math.max(1, Math.floor(stagingBytes / bytesPerTile))
    const segments: Segment[] = []
    for (let tileBase = from; tileBase < to; tileBase += perSegment) {
      const tiles = Math.min(perSegment, to - tileBase)
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST
      const lease = await arena.allocate(tiles * (bytesPerTile + biasBytes), usage, label, { exact: true })
      leases.push(lease)
      for (let at = 0; at < tiles; at += perWrite) {
        const words = packTiles(format, inputs, choose, tileBase + at, tileBase + Math.min(tiles, at + perWrite))
        gpu.queue.writeBuffer(lease.buffer, at * bytesPerTile, words)
      }
      if (bias !== null) {
        const rows = Float32Array.from({ length: 4 * tiles }, (_, i) => bias(tileBase + (i >> 2), i & 3))
        gpu.queue.writeBuffer(lease.buffer, tiles * bytesPerTile, rows)
      }
      segments.push({ format, buffer: lease.buffer, tileBase, tiles, blocks: Math.ceil(inputs / 32), biased: bias !== null })
    }
    return segments
  }
  const plain = async (name: string): Promise<PackedMatrix> => {
    const matrix = await read(name)
    return pack(name, commonFormat([matrix.type]), matrix.inputs, naturalRows(matrix), 0, Math.ceil(matrix.outputs / 4))
  }
  const qkv = async (layer: number): Promise<PackedMatrix> => {
    const names = layerTensors(config, layer)
    const parts = [await read(names.q_proj.name), await read(names.k_proj.name), await read(names.v_proj.name)]
    const choose = qkvRows(parts, config)
    const biases: Float32Array[] = []
    for (const { name } of headTensors(config, layer).biases) biases.push(await floats(name))
    const bias = biases.length === 0 ? null : qkvBias(biases, parts, choose)
    const perHead = config.headDim / 4
    const ends = [config.heads, config.heads + config.kvHeads, config.heads + 2 * config.kvHeads].map((heads) => heads * perHead)
    const label = `blk.${layer}.qkv`
    if (new Set(parts.map(({ type }) => commonFormat([type]))).size === 1) {
      return pack(label, commonFormat([parts[0].type]), config.hidden, choose, 0, ends[2], bias)
    }
    const pieces: Segment[] = []
    for (let i = 0; i < 3; i++) {
      pieces.push(...(await pack(label, commonFormat([parts[i].type]), config.hidden, choose, i === 0 ? 0 : ends[i - 1], ends[i], bias)))
    }
    return pieces
  }
  const gateUp = async (layer: number): Promise<PackedMatrix> => {
    const names = layerTensors(config, layer)
    const [gate, up] = [await read(names.gate_proj.name), await read(names.up_proj.name)]
    const format = commonFormat([gate.type, up.type])
    return pack(`blk.${layer}.gate_up`, format, config.hidden, gateUpRows(gate, up), 0, Math.ceil(config.ffn / 2))
  }

  try {
    const embedding = await plain('token_embd.weight')
    const layers: LayerWeights[] = []
    for (let layer = 0; layer < config.layers; layer++) {
      const names = layerTensors(config, layer)
      const gains = headTensors(config, layer).gains.map(({ name }) => name)
      layers.push({
        attentionNorm: await vector(names.attention_norm.name),
        qkv: await qkv(layer),
        headGains: gains.length === 0 ? null : await vector(...gains),
        output: await plain(names.o_proj.name),
        ffnNorm: await vector(names.ffn_norm.name),
        gateUp: await gateUp(layer),
        down: await plain(names.down_proj.name),
      })
    }
    return {
      embedding,
      layers,
      outputNorm: await vector('output_norm.weight'),
      head: config.tied ? embedding : await plain('output.weight'),
      ropeDivisors: ropeDivisors(config, gguf.tensors.has('rope_freqs.weight') ? await floats('rope_freqs.weight') : null),
      bytes: leases.reduce((sum, { bytes }) => sum + bytes, 0),
      release,
    }
  } catch (error) {
    release()
    throw error
  }
}

function naturalRows(matrix: SourceMatrix): RowChoice {
  return (tile, lane) => (4 * tile + lane < matrix.outputs ? { matrix, row: 4 * tile + lane } : null)
}

/** The bias of a packed row: that of the row it was chosen from. */
function qkvBias(biases: readonly Float32Array[], parts: readonly SourceMatrix[], choose: RowChoice) {
  return (tile: number, lane: number): number => {
    const chosen = choose(tile, lane)
    return chosen === null ? 0 : biases[parts.indexOf(chosen.matrix)][chosen.row]
  }
}

/** Within a head of q or k: i, i + 1, i + d/2, i + 1 + d/2, taken from where the file stores them (arch `llama`: row 2p + j of pair p). */
export function qkvRows(
  [q, k, v]: SourceMatrix[],
  { heads, kvHeads, headDim, permutedQk }: Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim' | 'permutedQk'>,
): RowChoice {
  const perHead = headDim / 4
  const half = headDim / 2
  return (tile, lane) => {
    const head = Math.floor(tile / perHead)
    const u = tile % perHead
    if (head >= heads + kvHeads) return { matrix: v, row: (head - heads - kvHeads) * headDim + 4 * u + lane }
    const pair = 2 * u + (lane & 1)
    const side = lane >> 1
    const within = permutedQk ? 2 * pair + side : side * half + pair
    return head < heads ? { matrix: q, row: head * headDim + within } : { matrix: k, row: (head - heads) * headDim + within }
  }
}

function gateUpRows(gate: SourceMatrix, up: SourceMatrix): RowChoice {
  return (tile, lane) => {
    const row = 2 * tile + (lane & 1)
    return row < gate.outputs ? { matrix: lane < 2 ? gate : up, row } : null
  }
}
