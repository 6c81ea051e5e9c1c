// What the config.json of a model folder says, as the keys of a GGUF file. Not the weights, not the tokenizer.
// Invariant: what would change the computation and is not computed here is refused by name; absent keys mean what they mean in
// transformers.
// Source: LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config and modeling_rope_utils of transformers 4.57; the GGUF specification.
import { OpenChatError } from '../../errors.ts'
import type { Architecture } from '../model/config.ts'
import { type ConfigFile, shown } from './config-file.ts'
import type { TypedValue } from './gguf-header.ts'

export interface FolderPlan {
  architecture: Architecture
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  /** The head is the embedding. */
  tied: boolean
  keys: [string, TypedValue][]
  /** `rope_freqs.weight` of Llama 3's scaling, [headDim / 2]; null where angles are not scaled so. */
  ropeFreqs: Float32Array | null
}

const architectures: Readonly<Record<string, Architecture>> = { llama: 'llama', mistral: 'llama', qwen2: 'qwen2', qwen3: 'qwen3' }

/** @throws architecture_unsupported, model_config_invalid */
export function planFolder(config: ConfigFile, name: string | null): FolderPlan {
  const type = config.text('model_type') ?? ''
  const architecture = Object.hasOwn(architectures, type) ? architectures[type] : undefined
  if (architecture === undefined) throw unsupported(config, 'model_type', `this engine runs ${Object.keys(architectures).join(', ')}`)
  refuseOptions(config)
  const [layers, hidden, heads] = ['num_hidden_layers', 'hidden_size', 'num_attention_heads'].map((key) => config.integer(key, 1))
  const kvHeads = config.integer('num_key_value_heads', 1, heads)
  const headDim = config.integer('head_dim', 1, type === 'qwen3' ? 128 : hidden / heads)
  // No model's heads are wider; a table is made of half as many numbers.
  if (headDim > 1 << 14) throw config.fault('head_dim', `must be at most ${1 << 14}`)
  const rope = ropeKeys(config, headDim)
  const window = slidingWindow(config, type, layers)
  const at = (key: string) => `${architecture}.${key}`
  const keys: [string, TypedValue][] = [
    ['general.architecture', { text: architecture }],
    ['general.name', { text: name ?? type }],
    [at('block_count'), { u32: layers }],
    [at('context_length'), { u32: Math.max(config.integer('max_position_embeddings', 1), rope.contextTokens) }],
    [at('embedding_length'), { u32: hidden }],
    [at('feed_forward_length'), { u32: config.integer('intermediate_size', 1) }],
    [at('attention.head_count'), { u32: heads }],
    [at('attention.head_count_kv'), { u32: kvHeads }],
    [at('attention.key_length'), { u32: headDim }],
    [at('attention.value_length'), { u32: headDim }],
    [at('attention.layer_norm_rms_epsilon'), { f32: config.positive('rms_norm_eps', 1e-6) }],
    [at('rope.dimension_count'), { u32: headDim }],
    [at('vocab_size'), { u32: config.integer('vocab_size', 1) }],
    ...rope.keys.map(([key, value]): [string, TypedValue] => [at(key), value]),
  ]
  if (window !== null) keys.push([at('attention.sliding_window'), { u32: window }])
  return { architecture, layers, heads, kvHeads, headDim, tied: config.flag('tie_word_embeddings'), keys, ropeFreqs: rope.freqs }
}

/** Options that change the computation and are not computed. Biases beyond qwen2's own are found by their tensors. */
function refuseOptions(config: ConfigFile): void {
  const computed: [key: string, value: unknown][] = [
    ['hidden_act', 'silu'],
    ['quantization_config', undefined],
    ['partial_rotary_factor', 1],
    ['attention_bias', false],
    ['mlp_bias', false],
  ]
  for (const [key, value] of computed) {
    const got = config.raw(key)
    if (got !== undefined && got !== value) throw unsupported(config, key, `${shown(value)} is computed`)
  }
}

interface Rope {
  keys: [string, TypedValue][]
  freqs: Float32Array | null
  /** Positions that the scaling makes of the original ones; 0 where it does not say. */
  contextTokens: number
}

function ropeKeys(config: ConfigFile, headDim: number): Rope {
  // `rope_parameters` is what later versions of transformers write, with the base inside.
  const scaling = config.object('rope_scaling') ?? config.object('rope_parameters')
  const base = config.positive('rope_theta', scaling?.raw('rope_theta') === undefined ? 10000 : scaling.positive('rope_theta'))
  const keys: Rope['keys'] = [['rope.freq_base', { f32: base }]]
  const type = scaling?.text('rope_type') ?? scaling?.text('type') ?? 'default'
  if (scaling === null || type === 'default') return { keys, freqs: null, contextTokens: 0 }
  const factor = scaling.positive('factor')
  if (type === 'llama3') return { keys, freqs: llama3Freqs(scaling, factor, base, headDim), contextTokens: 0 }
  keys.push(['rope.scaling.type', { text: type }], ['rope.scaling.factor', { f32: factor }])
  if (type === 'linear') return { keys, freqs: null, contextTokens: 0 }
  if (type !== 'yarn') throw unsupported(scaling, 'rope_type', 'default, linear, llama3 and yarn are computed')
  if (scaling.raw('truncate') === false) throw unsupported(scaling, 'truncate', 'true is computed')
  const original = scaling.integer('original_max_position_embeddings', 1, config.integer('max_position_embeddings', 1))
  keys.push(
    ['rope.scaling.original_context_length', { u32: original }],
    ['rope.scaling.attn_factor', { f32: yarnAttention(scaling, factor) }],
    ['rope.scaling.yarn_beta_fast', { f32: scaling.positive('beta_fast', 32) }],
    ['rope.scaling.yarn_beta_slow', { f32: scaling.positive('beta_slow', 1) }],
  )
  return { keys, freqs: null, contextTokens: Math.min(2 ** 31 - 1, Math.floor(original * factor)) }
}

/** The amplitude of rotated vectors over 0.1 ln(factor) + 1, as GGUF tells it. */
function yarnAttention(scaling: ConfigFile, factor: number): number {
  const amplitude = (scale: number) => (factor > 1 ? 0.1 * scale * Math.log(factor) + 1 : 1)
  if (scaling.raw('attention_factor') !== undefined) return scaling.positive('attention_factor') / amplitude(1)
  if (!scaling.raw('mscale') || !scaling.raw('mscale_all_dim')) return 1
  return amplitude(scaling.positive('mscale')) / amplitude(scaling.positive('mscale_all_dim')) / amplitude(1)
}

/** Fast pairs stay, slow ones are divided by `factor`, those between by a blend of both. */
function llama3Freqs(scaling: ConfigFile, factor: number, base: number, headDim: number): Float32Array {
  const [low, high] = [scaling.positive('low_freq_factor'), scaling.positive('high_freq_factor')]
  const original = scaling.integer('original_max_position_embeddings', 1)
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const turns = original / (2 * Math.PI * base ** ((2 * i) / headDim))
    if (turns > high) return 1
    if (turns < low) return factor
    const kept = (turns - low) / (high - low)
    return 1 / ((1 - kept) / factor + kept)
  })
}

/** Of every layer alike, or none: a model whose layers differ is refused. */
function slidingWindow(config: ConfigFile, type: string, layers: number): number | null {
  if (type === 'llama') return null
  if (type === 'mistral') {
    // An absent key means 4096 there, null means none; `raw` does not tell them apart.
    const written = config.entries().some(([key, value]) => key === 'sliding_window' && value === null)
    return written ? null : config.integer('sliding_window', 1, 4096)
  }
  if (!config.flag('use_sliding_window')) return null
  const kinds = config.list('layer_types')
  const first = config.integer('max_window_layers', 0, 28)
  const sliding = kinds === null ? Math.max(0, layers - first) : kinds.filter((kind) => kind === 'sliding_attention').length
  if (sliding === 0) return null
  if (sliding === layers) return config.integer('sliding_window', 1, 4096)
  throw unsupported(config, kinds === null ? 'max_window_layers' : 'layer_types', 'a window over all layers or over none is computed')
}

function unsupported(config: ConfigFile, key: string, computed: string): OpenChatError {
  return new OpenChatError('architecture_unsupported', `${key} in ${config.file} is ${shown(config.raw(key))}; ${computed}.`, {
    meta: { file: config.file, key, architecture: shown(config.raw(key)) },
    action: 'Choose a Llama, Mistral, Qwen2 or Qwen3 model, or its GGUF file.',
  })
}
