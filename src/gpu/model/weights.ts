// Brings a GGUF file's tensors onto the device, packed for the projections. Not a parser (formats/gguf.ts) and not the maths.
// A matrix is cut into strips of rows, and no tensor is ever held whole: strips.ts reads, packs and writes them in the file's order,
// the first layer and what stands outside the layers before the others: on those an engine can be tested while the others still come.
// Invariants: each tensor's own type decides its format, never `general.file_type`; a matrix larger than one binding becomes
// several segments; a failed or cancelled load has released what it took.
import type { Arena, Lease } from '../arena.ts'
import type { GgufFile } from '../formats/gguf.ts'
import { dequantise, requireSupportedType, typeBytes } from '../formats/quant.ts'
import type { Segment, WeightFormat } from '../kernels/projection.ts'
import type { ByteSource } from '../types.ts'
import { headTensors, layerTensors, type ModelConfig, requireTensor } from './config.ts'
import { commonFormat, packTiles, type RowChoice, type SourceMatrix, tileWords } from './pack.ts'
import { ropeDivisors } from './rope-table.ts'
import { type ByteRange, type Strip, writeStrips } from './strips.ts'

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

/** Weights whose buffers are all there, and filled but for the layers behind the first. */
export interface BegunWeights extends Weights {
  /** Brings the other layers. @throws as {@link beginWeights}; what was taken stays until it is released */
  finish(): Promise<void>
}

export interface LoadOptions {
  signal?: AbortSignal
  /** Bytes of tensors read, of all. */
  onProgress?: (done: number, total: number) => void
}

/** About as much of a matrix is read, packed and written at once. */
const stripBytes = 1 << 20

/** @throws tensor_type_unsupported, file_truncated, gpu_out_of_memory, cancelled */
export async function beginWeights(
  gpu: GPUDevice,
  arena: Arena<GPUBuffer>,
  gguf: GgufFile,
  config: ModelConfig,
  source: ByteSource,
  options: LoadOptions = {},
): Promise<BegunWeights> {
  const leases: Lease<GPUBuffer>[] = []
  const release = () => {
    for (const lease of leases.splice(0)) lease.release()
  }
  const total = [...gguf.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  // Small and perhaps at the file's very end; what an engine is tested on; the rest.
  const parts: Record<'far' | 'first' | 'later', Strip[]> = { far: [], first: [], later: [] }
  let strips = parts.first

  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST
  const take = async (bytes: number, label: string): Promise<GPUBuffer> => {
    const lease = await arena.allocate(bytes, usage, label, { exact: true })
    leases.push(lease)
    return lease.buffer
  }
  const matrixOf = (name: string): StoredMatrix => {
    const tensor = requireTensor(gguf, name)
    const [inputs, outputs = 1] = tensor.shape
    return { type: requireSupportedType(tensor), inputs, outputs, offset: tensor.offset }
  }
  const floats = (name: string, bytes: Uint8Array): Float32Array<ArrayBuffer> => {
    const { type, inputs } = matrixOf(name)
    return dequantise(type, bytes, new Float32Array(inputs))
  }
  const rangeOf = (name: string): ByteRange => {
    const { offset, bytes } = requireTensor(gguf, name)
    return { offset, length: bytes }
  }
  /** Several tensors end to end. */
  const vector = async (...names: string[]): Promise<GPUBuffer> => {
    const vectors = names.map(matrixOf)
    const buffer = await take(4 * vectors.reduce((sum, { inputs }) => sum + inputs, 0), names[0])
    let at = 0
    names.forEach((name, i) => {
      const to = at
      strips.push({ ranges: [rangeOf(name)], write: ([bytes]) => gpu.queue.writeBuffer(buffer, to, floats(name, bytes)) })
      at += 4 * vectors[i].inputs
    })
    return buffer
  }
  /** Tiles [from, to) of a matrix, all of one format; `biases` of their rows stand behind the last tile. */
  const pack = async (label: string, format: WeightFormat, rows: PackedRows, from: number, to: number, biases: string[] = []) => {
    const { inputs } = rows.matrices[0]
    const biasBytes = biases.length === 0 ? 0 : 16
    const bytesPerTile = tileWords(format, inputs) * 4
    const fitting = Math.floor(Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize) / (bytesPerTile + biasBytes))
    // Whole eights, so that no sum of squares of project-residual straddles two segments.
    const perSegment = Math.max(8, fitting - (fitting % 8))
    const segments: Segment[] = []
    for (let tileBase = from; tileBase < to; tileBase += perSegment) {
      const tiles = Math.min(perSegment, to - tileBase)
      const buffer = await take(tiles * (bytesPerTile + biasBytes), label)
      const perStrip = Math.max(1, Math.floor(stripBytes / bytesPerTile))
      for (let at = tileBase; at < tileBase + tiles; ) {
        const end = rows.cut(at, Math.min(tileBase + tiles, at + perStrip), tileBase + tiles)
        strips.push(matrixStrip(gpu, buffer, (at - tileBase) * bytesPerTile, format, rows, at, end))
        at = end
      }
      if (biases.length > 0) {
        const write = (stored: Uint8Array[]) => {
          const values = stored.map((bytes, i) => floats(biases[i], bytes))
          const words = Float32Array.from({ length: 4 * tiles }, (_, i) => biasOf(values, rows, tileBase + (i >> 2), i & 3))
          gpu.queue.writeBuffer(buffer, tiles * bytesPerTile, words)
        }
        strips.push({ ranges: biases.map(rangeOf), write })
      }
      segments.push({ format, buffer, tileBase, tiles, blocks: Math.ceil(inputs / 32), biased: biases.length > 0 })
    }
    return segments
  }
  const plain = (name: string): Promise<PackedMatrix> => {
    const matrix = matrixOf(name)
    return pack(name, commonFormat([matrix.type]), naturalRows(matrix), 0, Math.ceil(matrix.outputs / 4))
  }
  const qkv = async (layer: number): Promise<PackedMatrix> => {
    const names = layerTensors(config, layer)
    const parts = [matrixOf(names.q_proj.name), matrixOf(names.k_proj.name), matrixOf(names.v_proj.name)]
    const rows = qkvRows(parts, config)
    const biases = headTensors(config, layer).biases.map(({ name }) => name)
    const perHead = config.headDim / 4
    const ends = [config.heads, config.heads + config.kvHeads, config.heads + 2 * config.kvHeads].map((heads) => heads * perHead)
    const label = `blk.${layer}.qkv`
    if (new Set(parts.map(({ type }) => commonFormat([type]))).size === 1) {
      return pack(label, commonFormat([parts[0].type]), rows, 0, ends[2], biases)
    }
    const pieces: Segment[] = []
    for (let i = 0; i < 3; i++) {
      pieces.push(...(await pack(label, commonFormat([parts[i].type]), rows, i === 0 ? 0 : ends[i - 1], ends[i], biases)))
    }
    return pieces
  }
  const gateUp = (layer: number): Promise<PackedMatrix> => {
    const names = layerTensors(config, layer)
    const [gate, up] = [matrixOf(names.gate_proj.name), matrixOf(names.up_proj.name)]
    const format = commonFormat([gate.type, up.type])
    return pack(`blk.${layer}.gate_up`, format, gateUpRows(gate, up), 0, Math.ceil(config.ffn / 2))
  }

  try {
    // All buffers first: a lack of memory is found before a byte of a tensor is read.
    const embedding = await plain('token_embd.weight')
    const layers: LayerWeights[] = []
    for (let layer = 0; layer < config.layers; layer++) {
      const names = layerTensors(config, layer)
      // A layer's last stage prepares the norm of the next.
      strips = layer < 2 ? parts.first : parts.later
      const attentionNorm = await vector(names.attention_norm.name)
      if (layer > 0) strips = parts.later
      const gains = headTensors(config, layer).gains.map(({ name }) => name)
      layers.push({
        attentionNorm,
        qkv: await qkv(layer),
        headGains: gains.length === 0 ? null : await vector(...gains),
        output: await plain(names.o_proj.name),
        ffnNorm: await vector(names.ffn_norm.name),
        gateUp: await gateUp(layer),
        down: await plain(names.down_proj.name),
      })
    }
    strips = parts.far
    const outputNorm = await vector('output_norm.weight')
    strips = parts.first
    const head = config.tied ? embedding : await plain('output.weight')
    const drained = () => gpu.queue.onSubmittedWorkDone().then(() => undefined)
    let written = 0
    const write = async (part: readonly Strip[]) => {
      const before = written
      const onProgress = (done: number) => {
        written = before + done
        options.onProgress?.(written, total)
      }
      await writeStrips(source, part, { ...options, total, drained, onProgress })
    }
    const factors = gguf.tensors.has('rope_freqs.weight') ? rangeOf('rope_freqs.weight') : null
    const divisors = factors === null ? null : floats('rope_freqs.weight', await source.read(factors.offset, factors.length))
    await write(parts.far)
    await write(parts.first)
    return {
      ...{ embedding, layers, outputNorm, head },
      ropeDivisors: ropeDivisors(config, divisors),
      bytes: leases.reduce((sum, { bytes }) => sum + bytes, 0),
      release,
      finish: () => write(parts.later),
    }
  } catch (error) {
    release()
    throw error
  }
}

/** A matrix as the file stores it. */
type StoredMatrix = Omit<SourceMatrix, 'bytes'> & { offset: number }

/** How the rows of one packed matrix are chosen from stored ones. */
export interface PackedRows {
  matrices: readonly StoredMatrix[]
  choose(tile: number, lane: number): RowOf | null
  /** Where a strip from tile `from` ends, about at `wished` and never past `end`, so that its rows lie together in the file. */
  cut(from: number, wished: number, end: number): number
}

interface RowOf {
  /** Index into `matrices`. */
  matrix: number
  row: number
}

/** Rows of tiles [from, to): one range of the file for each stored matrix that they come from. */
function matrixStrip(
  gpu: GPUDevice,
  buffer: GPUBuffer,
  at: number,
  format: WeightFormat,
  rows: PackedRows,
  from: number,
  to: number,
): Strip {
  const spans = rows.matrices.map(() => ({ first: Number.POSITIVE_INFINITY, last: -1 }))
  for (let tile = from; tile < to; tile++) {
    for (let lane = 0; lane < 4; lane++) {
      const chosen = rows.choose(tile, lane)
      if (chosen === null) continue
      const span = spans[chosen.matrix]
      span.first = Math.min(span.first, chosen.row)
      span.last = Math.max(span.last, chosen.row)
    }
  }
  const used = [...spans.keys()].filter((index) => spans[index].last >= 0)
  const ranges = used.map((index): ByteRange => {
    const { type, inputs, offset } = rows.matrices[index]
    const { first, last } = spans[index]
    return { offset: offset + typeBytes(type, first * inputs), length: typeBytes(type, (last + 1 - first) * inputs) }
  })
  return {
    ranges,
    write(stored) {
      const parts: SourceMatrix[] = []
      used.forEach((index, i) => {
        parts[index] = { ...rows.matrices[index], firstRow: spans[index].first, bytes: stored[i] }
      })
      gpu.queue.writeBuffer(buffer, at, packTiles(format, rows.matrices[0].inputs, chosenFrom(rows, parts), from, to))
    },
  }
}

/** @param parts of `rows.matrices`, those that are chosen from */
export function chosenFrom(rows: PackedRows, parts: readonly SourceMatrix[]): RowChoice {
  return (tile, lane) => {
    const chosen = rows.choose(tile, lane)
    return chosen === null ? null : { matrix: parts[chosen.matrix], row: chosen.row }
  }
}

function naturalRows(matrix: StoredMatrix): PackedRows {
  return {
    matrices: [matrix],
    choose: (tile, lane) => (4 * tile + lane < matrix.outputs ? { matrix: 0, row: 4 * tile + lane } : null),
    cut: (_, wished) => wished,
  }
}

/** The bias of a packed row: that of the row it was chosen from. */
function biasOf(biases: readonly Float32Array[], rows: PackedRows, tile: number, lane: number): number {
  const chosen = rows.choose(tile, lane)
  return chosen === null ? 0 : biases[chosen.matrix][chosen.row]
}

/** Within a head of q or k: i, i + 1, i + d/2, i + 1 + d/2, taken from where the file stores them (arch `llama`: row 2p + j of pair p). */
export function qkvRows(
  matrices: readonly StoredMatrix[],
  { heads, kvHeads, headDim, permutedQk }: Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim' | 'permutedQk'>,
): PackedRows {
  const perHead = headDim / 4
  const half = headDim / 2
  const ends = [heads * perHead, (heads + kvHeads) * perHead, (heads + 2 * kvHeads) * perHead]
  return {
    matrices,
    choose(tile, lane) {
      const head = Math.floor(tile / perHead)
      const u = tile % perHead
      if (head >= heads + kvHeads) return { matrix: 2, row: (head - heads - kvHeads) * headDim + 4 * u + lane }
      const pair = 2 * u + (lane & 1)
      const side = lane >> 1
      const within = permutedQk ? 2 * pair + side : side * half + pair
      return head < heads ? { matrix: 0, row: head * headDim + within } : { matrix: 1, row: (head - heads) * headDim + within }
    },
    // Whole heads of one of the three, as a head's rows are spread over all of it; a segment's end may divide one.
    cut(from, wished, end) {
      const whole = wished - (wished % perHead)
      const cut = whole > from ? whole : from - (from % perHead) + perHead
      return Math.min(end, cut, ends.find((last) => last > from)!)
    },
  }
}

function gateUpRows(gate: StoredMatrix, up: StoredMatrix): PackedRows {
  return {
    matrices: [gate, up],
    choose(tile, lane) {
      const row = 2 * tile + (lane & 1)
      return row < gate.outputs ? { matrix: lane < 2 ? 0 : 1, row } : null
    },
    cut: (_, wished) => wished,
  }
}
