// Models without a file: the dimensions of known ones, filled with seeded random weights that are made when they are read, so
// that an 8 B model is measured on a machine that has neither its file nor its memory. Adapters for them likewise.
// Not a model that says anything. Every matrix is Q4_0 (real Q4_0 files keep the head in Q6_K: they read somewhat more); norms
// are ones; there is no end token, so every answer has the length asked for.
// Invariant: same shape and seed, same bytes, in whatever pieces they are read.
import { writeGguf } from '../src/gpu/formats/gguf-writer.testing.ts'
import { floatToHalf } from '../src/gpu/formats/half.ts'
import { type LoraModule, loraModules } from '../src/gpu/formats/peft.ts'
import { tensorTypes, typeBytes } from '../src/gpu/formats/quant.ts'
import { type SafetensorsTensor, writeSafetensors } from '../src/gpu/formats/safetensors.ts'
import { byteCharacters } from '../src/gpu/model/byte-level.ts'
import type { ModelConfig } from '../src/gpu/model/config.ts'
import type { AdapterFiles, ByteSource } from '../src/gpu/types.ts'

export type Shape = Pick<
  ModelConfig,
  'layers' | 'hidden' | 'ffn' | 'heads' | 'kvHeads' | 'headDim' | 'vocab' | 'contextTokens' | 'ropeBase' | 'tied'
>

const llama3 = { vocab: 128256, contextTokens: 131072, ropeBase: 500000, kvHeads: 8 }

export const shapes = {
  /** For trying the bench itself. */
  tiny: { layers: 2, hidden: 64, ffn: 96, heads: 4, kvHeads: 2, headDim: 16, vocab: 512, contextTokens: 2048, ropeBase: 1e4, tied: true },
  'smollm2-135m': {
    ...{ layers: 30, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, headDim: 64 },
    ...{ vocab: 49152, contextTokens: 8192, ropeBase: 100000, tied: true },
  },
  'llama-3.2-1b': { ...llama3, layers: 16, hidden: 2048, ffn: 8192, heads: 32, headDim: 64, tied: true },
  'llama-3.2-3b': { ...llama3, layers: 28, hidden: 3072, ffn: 8192, heads: 24, headDim: 128, tied: true },
  'llama-3.1-8b': { ...llama3, layers: 32, hidden: 4096, ffn: 14336, heads: 32, headDim: 128, tied: false },
} satisfies Record<string, Shape>
export type ShapeName = keyof typeof shapes

interface Planned {
  name: string
  type: 'Q4_0' | 'F32'
  shape: number[]
  /** From the beginning of the file. */
  offset: number
  bytes: number
}

/** [inputs, outputs] of the seven modules that adapters change. */
function moduleShapes({ hidden, ffn, heads, kvHeads, headDim }: Shape): Record<LoraModule, [number, number]> {
  return {
    q_proj: [hidden, heads * headDim],
    k_proj: [hidden, kvHeads * headDim],
    v_proj: [hidden, kvHeads * headDim],
    o_proj: [heads * headDim, hidden],
    gate_proj: [hidden, ffn],
    up_proj: [hidden, ffn],
    down_proj: [ffn, hidden],
  }
}

const ggufParts: Record<LoraModule, string> = {
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  o_proj: 'attn_output',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  down_proj: 'ffn_down',
}

/** A GGUF file of this shape; its tensors exist only while they are read. */
export function shapeSource(shape: Shape, seed: number): ByteSource {
  const { hidden, vocab, layers } = shape
  const tensors: Pick<Planned, 'name' | 'type' | 'shape'>[] = [
    { name: 'token_embd.weight', type: 'Q4_0', shape: [hidden, vocab] },
    { name: 'output_norm.weight', type: 'F32', shape: [hidden] },
    ...(shape.tied ? [] : [{ name: 'output.weight', type: 'Q4_0' as const, shape: [hidden, vocab] }]),
  ]
  for (let layer = 0; layer < layers; layer++) {
    for (const norm of ['attn_norm', 'ffn_norm']) tensors.push({ name: `blk.${layer}.${norm}.weight`, type: 'F32', shape: [hidden] })
    for (const [module, size] of Object.entries(moduleShapes(shape))) {
      tensors.push({ name: `blk.${layer}.${ggufParts[module as LoraModule]}.weight`, type: 'Q4_0', shape: size })
    }
  }
  const { header, planned, bytes } = layOut(shape, tensors)
  return {
    bytes,
    async read(offset, length) {
      const out = new Uint8Array(length)
      out.set(header.subarray(Math.min(offset, header.length), Math.min(offset + length, header.length)))
      planned.forEach((tensor, index) => {
        const from = Math.max(offset, tensor.offset)
        const to = Math.min(offset + length, tensor.offset + tensor.bytes)
        if (from < to) fill(tensor, seed + index, from - tensor.offset, out.subarray(from - offset, to - offset))
      })
      return out
    },
  }
}

const align = (at: number) => Math.ceil(at / 32) * 32

function layOut(shape: Shape, tensors: Pick<Planned, 'name' | 'type' | 'shape'>[]) {
  const { layers, hidden, ffn, heads, kvHeads, headDim, contextTokens, ropeBase } = shape
  const head = writeGguf(
    {
      'general.architecture': 'llama',
      'general.name': 'seeded random weights',
      'llama.block_count': layers,
      'llama.context_length': contextTokens,
      'llama.embedding_length': hidden,
      'llama.feed_forward_length': ffn,
      'llama.attention.head_count': heads,
      'llama.attention.head_count_kv': kvHeads,
      'llama.attention.key_length': headDim,
      'llama.attention.layer_norm_rms_epsilon': 1e-5,
      'llama.rope.freq_base': ropeBase,
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'smollm',
      // Fewer than the vocabulary: ids beyond them are numbers without a text.
      'tokenizer.ggml.tokens': [...byteCharacters],
      'tokenizer.ggml.merges': [],
    },
    [],
    1,
  )
  const entries: Uint8Array[] = []
  const planned: Planned[] = []
  let relative = 0
  for (const tensor of tensors) {
    const bytes = typeBytes(
      tensor.type,
      tensor.shape.reduce((a, b) => a * b),
    )
    entries.push(entryOf(tensor, relative))
    planned.push({ ...tensor, offset: relative, bytes })
    relative = align(relative + bytes)
  }
  const unpadded = head.length + entries.reduce((sum, { length }) => sum + length, 0)
  const header = new Uint8Array(align(unpadded))
  header.set(head)
  new DataView(header.buffer).setBigUint64(8, BigInt(tensors.length), true)
  let at = head.length
  for (const entry of entries) {
    header.set(entry, at)
    at += entry.length
  }
  for (const tensor of planned) tensor.offset += header.length
  return { header, planned, bytes: header.length + relative }
}

/** A tensor's entry in the header: name, sizes, type, offset. */
function entryOf({ name, shape, type }: Pick<Planned, 'name' | 'type' | 'shape'>, offset: number): Uint8Array {
  const text = new TextEncoder().encode(name)
  const out = new Uint8Array(8 + text.length + 4 + 8 * shape.length + 4 + 8)
  const view = new DataView(out.buffer)
  view.setBigUint64(0, BigInt(text.length), true)
  out.set(text, 8)
  let at = 8 + text.length
  view.setUint32(at, shape.length, true)
  at += 4
  for (const size of shape) {
    view.setBigUint64(at, BigInt(size), true)
    at += 8
  }
  view.setUint32(at, tensorTypes[type].id, true)
  view.setBigUint64(at + 4, BigInt(offset), true)
  return out
}

/** A number of 32 bits for each index: multiplications and shifts of murmur3's finaliser. */
function hash(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/**
 * Every nibble 0 becomes 8: levels −7 .. 7, of mean 0. With −8 among them every row leans one way, and thirty layers of that
 * agree on one answer to everything.
 */
function centred(word: number): number {
  const zeros = ~(word | (word >>> 1) | (word >>> 2) | (word >>> 3)) & 0x11111111
  return word | (zeros << 3)
}

/** Bytes of a tensor from `start` on. A Q4_0 weight is d · (q − 8), d such that a row of them has about unit length. */
function fill({ type, shape }: Planned, seed: number, start: number, out: Uint8Array): void {
  const first = start >> 2
  const words = new Uint32Array(Math.ceil((start + out.length) / 4) - first)
  if (type === 'F32') words.fill(0x3f800000)
  else for (let i = 0; i < words.length; i++) words[i] = centred(hash((first + i) ^ Math.imul(seed, 0x9e3779b1)))
  const bytes = new Uint8Array(words.buffer)
  if (type === 'Q4_0') {
    const d = floatToHalf(1 / (4.6 * Math.sqrt(shape[0])))
    const begin = 4 * first
    for (let block = Math.floor(begin / 18) * 18; block < begin + bytes.length; block += 18) {
      if (block >= begin) bytes[block - begin] = d & 255
      if (block + 1 >= begin && block + 1 - begin < bytes.length) bytes[block + 1 - begin] = d >> 8
    }
  }
  out.set(bytes.subarray(start - 4 * first, start - 4 * first + out.length))
}

/** Weights of an adapter of this rank on all seven modules of every layer. */
export function adapterWeights(shape: Shape, rank: number): number {
  return shape.layers * Object.values(moduleShapes(shape)).reduce((sum, [inputs, outputs]) => sum + rank * (inputs + outputs), 0)
}

/** A PEFT folder on all seven modules, F16, every number of one magnitude a side, seeded. */
export function shapeAdapter(shape: Shape, rank: number, seed: number): AdapterFiles {
  const tensors: SafetensorsTensor[] = []
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const [module, [inputs, outputs]] of Object.entries(moduleShapes(shape))) {
      const part = /^(gate|up|down)/.test(module) ? 'mlp' : 'self_attn'
      const tensor = (side: 'A' | 'B', size: [number, number], exponent: number): SafetensorsTensor => {
        const name = `base_model.model.model.layers.${layer}.${part}.${module}.lora_${side}.weight`
        return { name, dtype: 'F16', shape: size, bytes: halves(size[0] * size[1], exponent, seed + tensors.length) }
      }
      tensors.push(tensor('A', [rank, inputs], Math.round(-Math.log2(inputs) / 2)))
      tensors.push(tensor('B', [outputs, rank], -4))
    }
  }
  const json = { peft_type: 'LORA', r: rank, lora_alpha: rank, bias: 'none', target_modules: loraModules }
  return { config: JSON.stringify(json), weights: writeSafetensors(tensors) }
}

/** ±[2^exponent, 2^(exponent + 1)) as halves: sign and mantissa by chance. */
function halves(count: number, exponent: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(count / 2))
  const exponents = ((exponent + 15) << 10) | ((exponent + 15) << 26)
  for (let i = 0; i < words.length; i++) words[i] = (hash(i ^ Math.imul(seed, 0x9e3779b1)) & 0x83ff83ff) | exponents
  return new Uint8Array(words.buffer, 0, 2 * count)
}

/** Seeded ids of a vocabulary. */
export function randomTokens(vocab: number, count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => (hash(i ^ Math.imul(seed + 1, 0x9e3779b1)) >>> 0) % vocab)
}
