// What a GGUF file says about its transformer, as numbers the engine computes with. Not the tokenizer, not the tensors' bytes.
// Invariants: all sizes are positive integers that fit each other; every tensor the forward pass will ask for is there with
// the shape it expects, so loading fails here, with a name, or not for this reason.
// Source: the `{arch}.*` keys of the GGUF specification.
import { OpenChatError } from '../../errors.ts'
import type { GgufFile, GgufTensor } from '../formats/gguf.ts'
import type { RopeScaling } from './rope-table.ts'
import { addsBos } from './special-tokens.ts'

/**
 * llama: also SmolLM, Mistral and R1-Distill-Llama; q and k stored for interleaved RoPE. qwen2: a bias on q, k and v, rows in plain
 * order. qwen3: no bias, plain order, and an RMS norm over each head of q and of k before RoPE.
 */
const architectures = {
  llama: { permutedQk: true, qkvBias: false, headNorm: false },
  qwen2: { permutedQk: false, qkvBias: true, headNorm: false },
  qwen3: { permutedQk: false, qkvBias: false, headNorm: true },
} as const
export type Architecture = keyof typeof architectures

export interface ModelConfig {
  architecture: Architecture
  name: string
  layers: number
  hidden: number
  ffn: number
  heads: number
  kvHeads: number
  headDim: number
  vocab: number
  /** Positions the model was made for. */
  contextTokens: number
  ropeBase: number
  /** Leading dimensions of a head that rotate; even. */
  ropeDimensions: number
  /** How angles change for contexts beyond those trained on, apart from `rope_freqs.weight`; null: not at all. See rope-table.ts. */
  ropeScaling: RopeScaling | null
  rmsEpsilon: number
  /** A token sees itself and the `slidingWindow − 1` before it; null: all. */
  slidingWindow: number | null
  /** The head is the embedding: the file has no `output.weight`. */
  tied: boolean
  /** q and k rows are stored for interleaved RoPE: see formats/permute.ts. */
  permutedQk: boolean
  /** q, k and v have a bias, added before RoPE. */
  qkvBias: boolean
  /** Each head of q and k is RMS-normalised, with a gain over the head's dimensions, before RoPE. */
  headNorm: boolean
  bosId: number | null
  /** Ids that end an answer; never printed. */
  eosIds: number[]
  addBos: boolean
}

export interface ConfigOptions {
  /** Of a model whose file lacks the key, as many of Mistral's do: what the catalogue says. The file's own key wins. */
  slidingWindow?: number
}

/**
 * @throws architecture_unsupported; model_part_missing; gguf_invalid naming the key or tensor that is missing or does not fit.
 */
export function modelConfig(gguf: GgufFile, options: ConfigOptions = {}): ModelConfig {
  ensureWhole(gguf)
  const architecture = gguf.metadata.get('general.architecture')
  if (!isArchitecture(architecture)) {
    throw new OpenChatError(
      'architecture_unsupported',
      `The model's architecture is ${shown(architecture)}; this engine runs ${Object.keys(architectures).join(', ')}.`,
      {
        meta: { architecture: shown(architecture) },
        action: 'Choose a Llama, SmolLM, Mistral, Qwen2 or Qwen3 file in GGUF form.',
      },
    )
  }
  const size = (key: string) => positiveInteger(gguf, `${architecture}.${key}`)
  const has = (key: string) => gguf.metadata.has(`${architecture}.${key}`)
  const hidden = size('embedding_length')
  const heads = size('attention.head_count')
  const headDim = has('attention.key_length') ? size('attention.key_length') : hidden / heads
  const window = has('attention.sliding_window')
    ? nonNegativeInteger(gguf, `${architecture}.attention.sliding_window`)
    : (options.slidingWindow ?? 0)
  const name = gguf.metadata.get('general.name')
  const config: ModelConfig = {
    architecture,
    name: typeof name === 'string' ? name : architecture,
    layers: size('block_count'),
    hidden,
    ffn: size('feed_forward_length'),
    heads,
    kvHeads: has('attention.head_count_kv') ? size('attention.head_count_kv') : heads,
    headDim,
    vocab: requireTensor(gguf, 'token_embd.weight').shape[1] ?? 0,
    contextTokens: size('context_length'),
    ropeBase: has('rope.freq_base') ? positive(gguf, `${architecture}.rope.freq_base`) : 10000,
    ropeDimensions: has('rope.dimension_count') ? size('rope.dimension_count') : headDim,
    ropeScaling: ropeScaling(gguf, architecture),
    rmsEpsilon: positive(gguf, `${architecture}.attention.layer_norm_rms_epsilon`),
    slidingWindow: window === 0 ? null : window,
    tied: !gguf.tensors.has('output.weight'),
    ...architectures[architecture],
    bosId: tokenId(gguf, 'tokenizer.ggml.bos_token_id'),
    eosIds: endIds(gguf),
    addBos: addsBos(gguf),
  }
  checkSizes(gguf, config)
  checkTensors(gguf, config)
  return config
}

/** One part of a split model reads as a file that lacks tensors: then that is what is said. */
function ensureWhole({ metadata, tensors }: GgufFile): void {
  const [count, no, total] = ['count', 'no', 'tensors.count'].map((key) => metadata.get(`split.${key}`))
  if (typeof count !== 'number' || count < 2 || (typeof total === 'number' && tensors.size >= total)) return
  throw new OpenChatError('model_part_missing', `This file is part ${Number(no) + 1} of the ${count} of a model.`, {
    meta: { count },
    action: 'Choose all parts of the model together.',
  })
}

/** @throws architecture_unsupported for a kind of scaling that is not computed here */
function ropeScaling(gguf: GgufFile, architecture: Architecture): RopeScaling | null {
  const key = (name: string) => `${architecture}.rope.scaling.${name}`
  const number = (name: string, otherwise: number) => (gguf.metadata.has(key(name)) ? positive(gguf, key(name)) : otherwise)
  // What linear scaling was called before there were others.
  const old = `${architecture}.rope.scale_linear`
  if (gguf.metadata.has(old) && !gguf.metadata.has(key('type'))) return { type: 'linear', factor: positive(gguf, old) }
  const type = gguf.metadata.get(key('type')) ?? 'none'
  if (type === 'none') return null
  if (type === 'linear') return { type, factor: positive(gguf, key('factor')) }
  if (type === 'yarn') {
    return {
      type,
      factor: positive(gguf, key('factor')),
      originalTokens: number('original_context_length', positive(gguf, `${architecture}.context_length`)),
      betaFast: number('yarn_beta_fast', 32),
      betaSlow: number('yarn_beta_slow', 1),
      attentionFactor: number('attn_factor', 1),
    }
  }
  throw new OpenChatError('architecture_unsupported', `The model scales its positions by ${shown(type)}; linear and yarn are computed.`, {
    meta: { architecture, key: key('type'), scaling: shown(type) },
    action: 'Choose another model.',
  })
}

function isArchitecture(name: unknown): name is Architecture {
  return typeof name === 'string' && Object.hasOwn(architectures, name)
}

type LayerPart = 'attention_norm' | 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'ffn_norm' | 'gate_proj' | 'up_proj' | 'down_proj'

interface NamedTensor {
  name: string
  shape: number[]
}

/** Names and ggml shapes ([in, out]) of every tensor of one layer that each architecture has. */
export function layerTensors(config: ModelConfig, layer: number): Record<LayerPart, NamedTensor> {
  const { hidden, ffn, heads, kvHeads, headDim } = config
  const at = (part: string, shape: number[]) => ({ name: `blk.${layer}.${part}.weight`, shape })
  return {
    attention_norm: at('attn_norm', [hidden]),
    q_proj: at('attn_q', [hidden, heads * headDim]),
    k_proj: at('attn_k', [hidden, kvHeads * headDim]),
    v_proj: at('attn_v', [hidden, kvHeads * headDim]),
    o_proj: at('attn_output', [heads * headDim, hidden]),
    ffn_norm: at('ffn_norm', [hidden]),
    gate_proj: at('ffn_gate', [hidden, ffn]),
    up_proj: at('ffn_up', [hidden, ffn]),
    down_proj: at('ffn_down', [ffn, hidden]),
  }
}

/** What qwen2 and qwen3 have beside them: the biases of q, k and v, or the gains of the head norms of q and k. */
export function headTensors(config: ModelConfig, layer: number): { biases: NamedTensor[]; gains: NamedTensor[] } {
  const { heads, kvHeads, headDim, qkvBias, headNorm } = config
  const at = (part: string, size: number) => ({ name: `blk.${layer}.${part}`, shape: [size] })
  return {
    biases: qkvBias ? [at('attn_q.bias', heads * headDim), at('attn_k.bias', kvHeads * headDim), at('attn_v.bias', kvHeads * headDim)] : [],
    gains: headNorm ? [at('attn_q_norm.weight', headDim), at('attn_k_norm.weight', headDim)] : [],
  }
}

/** @throws gguf_invalid when the file lacks the tensor. */
export function requireTensor(gguf: GgufFile, name: string): GgufTensor {
  const tensor = gguf.tensors.get(name)
  if (tensor === undefined) throw fault(`The file has no tensor ${name}.`, { tensor: name })
  return tensor
}

function fault(sentence: string, meta: Record<string, string | number>): OpenChatError {
  return new OpenChatError('gguf_invalid', sentence, { meta, action: 'Choose another file.' })
}

function positive(gguf: GgufFile, key: string): number {
  const value = gguf.metadata.get(key)
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
    throw fault(`Metadata key ${key} must be a positive number, got ${shown(value)}.`, { key })
  }
  return value
}

function positiveInteger(gguf: GgufFile, key: string): number {
  const value = nonNegativeInteger(gguf, key)
  if (value === 0) throw fault(`Metadata key ${key} must not be 0.`, { key })
  return value
}

function nonNegativeInteger(gguf: GgufFile, key: string): number {
  const raw = gguf.metadata.get(key)
  const value = typeof raw === 'bigint' ? Number(raw) : raw
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 2 ** 31) {
    throw fault(`Metadata key ${key} must be a whole number below 2^31, got ${shown(raw)}.`, { key })
  }
  return value
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : typeof value === 'object' ? 'an array' : String(value).slice(0, 40)
}

function tokenId(gguf: GgufFile, key: string): number | null {
  return gguf.metadata.has(key) ? nonNegativeInteger(gguf, key) : null
}

/** The named end tokens, and the control tokens that end a turn in the families whose files name only one of them. */
function endIds(gguf: GgufFile): number[] {
  const ids = new Set<number>()
  for (const key of ['eos_token_id', 'eot_token_id', 'eom_token_id']) {
    const id = tokenId(gguf, `tokenizer.ggml.${key}`)
    if (id !== null) ids.add(id)
  }
  const tokens = gguf.metadata.get('tokenizer.ggml.tokens')
  const types = gguf.metadata.get('tokenizer.ggml.token_type')
  if (Array.isArray(tokens) && types instanceof Int32Array) {
    for (const text of ['<|im_end|>', '<|endoftext|>', '<|eot_id|>', '<|end_of_text|>', '</s>']) {
      const id = tokens.indexOf(text)
      // Type 3 is a control token; the same letters as an ordinary token end nothing.
      if (id >= 0 && types[id] === 3) ids.add(id)
    }
  }
  return [...ids].sort((a, b) => a - b)
}

function checkSizes(gguf: GgufFile, config: ModelConfig): void {
  const { heads, kvHeads, headDim, ropeDimensions, layers } = config
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) throw fault(`A head of ${headDim} dimensions cannot rotate in pairs.`, { headDim })
  if (heads % kvHeads !== 0) throw fault(`${heads} heads do not share ${kvHeads} key-value heads evenly.`, { heads, kvHeads })
  if (ropeDimensions > headDim || ropeDimensions % 2 !== 0)
    throw fault(`RoPE over ${ropeDimensions} of ${headDim} dimensions.`, { headDim })
  if (layers > gguf.tensors.size) throw fault(`${layers} layers are promised, ${gguf.tensors.size} tensors are there.`, { layers })
}

function checkTensors(gguf: GgufFile, config: ModelConfig): void {
  const expect = (name: string, shape: number[]) => {
    const got = requireTensor(gguf, name).shape
    if (got.length !== shape.length || got.some((size, i) => size !== shape[i])) {
      throw fault(`Tensor ${name} has the shape ${got.join('×')}, expected ${shape.join('×')}.`, { tensor: name })
    }
  }
  expect('token_embd.weight', [config.hidden, config.vocab])
  expect('output_norm.weight', [config.hidden])
  if (!config.tied) expect('output.weight', [config.hidden, config.vocab])
  if (gguf.tensors.has('rope_freqs.weight')) expect('rope_freqs.weight', [config.ropeDimensions / 2])
  for (let layer = 0; layer < config.layers; layer++) {
    const { biases, gains } = headTensors(config, layer)
    for (const { name, shape } of [...Object.values(layerTensors(config, layer)), ...biases, ...gains]) expect(name, shape)
  }
}
