// Reads a PEFT LoRA folder into one delta per adapted matrix. Not a merge: the engine applies `scale · B(A x)` in the activations.
// Invariants: every tensor of the file is used; every delta fits the model it was read for; ranks and scales are each module's own.
// What would change the answer and is not computed here is refused by name, never ignored.
// Source: PEFT 0.21 (lora/config.py, lora/layer.py, utils/other.py get_pattern_key).
import { OpenChatError } from '../../errors.ts'
import type { ModelConfig } from '../model/config.ts'
import type { AdapterFiles } from '../types.ts'
import { finiteHalves, floatsOf, type Halves } from './half.ts'
import { patternFor } from './peft-pattern.ts'
import { readSafetensors, type SafetensorsTensor, safetensorNumbers } from './safetensors.ts'

export const loraModules = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const
export type LoraModule = (typeof loraModules)[number]

export interface LoraDelta {
  layer: number
  module: LoraModule
  rank: number
  /** alpha / rank, or alpha / √rank with rsLoRA. */
  scale: number
  /** [rank, in], row-major; PEFT's own (unpermuted) order throughout. Halves where the file holds halves. */
  A: Float32Array<ArrayBuffer> | Halves
  /** [out, rank], row-major. */
  B: Float32Array<ArrayBuffer> | Halves
  /** Ranks of each contributor group, in order, adding up to `rank`; absent when the adapter names no groups. */
  groupRanks?: readonly number[]
  /** DoRA, as the file holds it, [out]: the norm of each row of W + s·B A after training. */
  magnitude?: Float32Array<ArrayBuffer>
  /** DoRA: what a row of W·x + s·B(A x) is multiplied by, [out]; lora/dora.ts works it out from the base. */
  gain?: Float32Array<ArrayBuffer>
}

/** One whose numbers can be reckoned with. */
export type FloatDelta = LoraDelta & { A: Float32Array<ArrayBuffer>; B: Float32Array<ArrayBuffer> }

export function floatDelta(delta: LoraDelta): FloatDelta {
  return { ...delta, A: floatsOf(delta.A), B: floatsOf(delta.B) }
}

export interface PeftAdapter {
  /** By layer, then in the order of `loraModules`; one per adapted matrix. */
  deltas: LoraDelta[]
  maxRank: number
  /** `open_chat.groups`: whose ranks are whose, so that a group can be left out when serving. Mostly empty. */
  groups: string[]
  /** sha256 (hex) of the model file it was trained against, when the config carries `open_chat.base_sha256`. */
  baseSha256: string | null
}

/** What of a model its adapters depend on. */
export type AdaptedShape = Pick<ModelConfig, 'layers' | 'hidden' | 'ffn' | 'heads' | 'kvHeads' | 'headDim'>

/** Input and output width of a module. */
export function moduleShape(config: AdaptedShape, module: LoraModule): { inputs: number; outputs: number } {
  const { hidden, ffn, heads, kvHeads, headDim } = config
  if (module === 'q_proj') return { inputs: hidden, outputs: heads * headDim }
  if (module === 'k_proj' || module === 'v_proj') return { inputs: hidden, outputs: kvHeads * headDim }
  if (module === 'o_proj') return { inputs: heads * headDim, outputs: hidden }
  if (module === 'down_proj') return { inputs: ffn, outputs: hidden }
  return { inputs: hidden, outputs: ffn }
}

type Json = Record<string, unknown>

const tensorName =
  /^base_model\.model\.(model\.layers\.(\d{1,6})\.(?:self_attn|mlp)\.([a-z]+_proj))\.lora_(?:(A|B)\.weight|(magnitude_vector)(?:\.weight)?)$/

/**
 * @param baseSha256 digest of the loaded model file; compared when the adapter names its own
 * @example readPeft({ config: text, weights: bytes }, modelConfig(gguf)).deltas
 * @throws adapter_invalid, adapter_unsupported, adapter_mismatch, safetensors_invalid, file_truncated
 */
export function readPeft(files: AdapterFiles, config: ModelConfig, baseSha256?: string): PeftAdapter {
  const json = parseConfig(files.config)
  const declared = readPeftConfig(files.config).baseSha256
  if (declared !== null && baseSha256 !== undefined && declared !== baseSha256.toLowerCase()) {
    throw new OpenChatError('adapter_mismatch', `The adapter was trained against model ${declared}, the loaded model is ${baseSha256}.`, {
      meta: { expected: declared, got: baseSha256 },
      action: 'Load the model it was trained against.',
    })
  }
  const pairs = pairTensors(readSafetensors(files.weights).tensors, config)
  const groups = readGroups(json)
  const deltas = [...pairs.values()].map((pair) => readDelta(pair, json, config, groups))
  if (deltas.length === 0) throw new OpenChatError('adapter_mismatch', 'The adapter holds no LoRA tensors.')
  deltas.sort((a, b) => a.layer - b.layer || loraModules.indexOf(a.module) - loraModules.indexOf(b.module))
  return { deltas, maxRank: Math.max(...deltas.map((delta) => delta.rank)), groups: groups.map(({ name }) => name), baseSha256: declared }
}

/**
 * What adapter_config.json says alone, so that weights which cannot be used need not be fetched.
 * @throws adapter_invalid, adapter_unsupported
 */
export function readPeftConfig(text: string): { rank: number | null; baseSha256: string | null } {
  const json = parseConfig(text)
  refuseUnsupported(json)
  return { rank: typeof json.r === 'number' ? json.r : null, baseSha256: declaredBase(json) }
}

function invalid(sentence: string, cause?: unknown): OpenChatError {
  return new OpenChatError('adapter_invalid', sentence, { action: 'Export the adapter again with PEFT.', cause })
}

function parseConfig(text: string): Json {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw invalid('adapter_config.json is no JSON text.', cause)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('adapter_config.json is no JSON object.')
  return json as Json
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function unsupported(feature: string, action: string): OpenChatError {
  return new OpenChatError('adapter_unsupported', `The adapter uses ${feature}, which this engine does not compute.`, {
    meta: { feature },
    action,
  })
}

/** Initialisations that move weight from the base into the adapter: it is then no adapter of the published base. */
const changesBase = /^(pissa|olora|loftq|corda|lora_ga)/

function refuseUnsupported(json: Json): void {
  if (json.peft_type !== 'LORA') throw unsupported(`the PEFT type ${String(json.peft_type).slice(0, 40)}`, 'Export a LoRA adapter.')
  if (json.bias !== undefined && json.bias !== 'none')
    throw unsupported(`trained biases (bias = ${String(json.bias)})`, 'Train with bias "none".')
  const features = ['modules_to_save', 'lora_bias', 'layer_replication', 'target_parameters', 'trainable_token_indices']
  const variants = ['alora_invocation_tokens', 'arrow_config', 'kasa_config', 'monteclora_config', 'velora_config']
  for (const key of [...features, ...variants]) {
    if (!isEmpty(json[key])) throw unsupported(key, `Train without ${key}.`)
  }
  for (const [key, value] of Object.entries(json)) {
    if (key.startsWith('use_') && key !== 'use_rslora' && key !== 'use_dora' && value === true)
      throw unsupported(key, `Train with ${key} = false.`)
  }
  if (typeof json.init_lora_weights === 'string' && changesBase.test(json.init_lora_weights)) {
    throw unsupported(`the initialisation ${json.init_lora_weights}, which alters the base`, 'Convert it to plain LoRA when saving.')
  }
}

function declaredBase(json: Json): string | null {
  const ours = json.open_chat
  const digest = typeof ours === 'object' && ours !== null && 'base_sha256' in ours ? ours.base_sha256 : json['open_chat.base_sha256']
  if (digest === undefined || digest === null) return null
  if (typeof digest !== 'string' || !/^(0x)?[0-9a-fA-F]{64}$/.test(digest))
    throw invalid('open_chat.base_sha256 is no sha256 in hexadecimal.')
  return digest.replace(/^0x/, '').toLowerCase()
}

interface Pair {
  /** PEFT's name of the module, what patterns are matched against. */
  path: string
  layer: number
  module: LoraModule
  A?: SafetensorsTensor
  B?: SafetensorsTensor
  magnitude?: SafetensorsTensor
}

function mismatch(sentence: string, tensor: string): OpenChatError {
  return new OpenChatError('adapter_mismatch', sentence, { meta: { tensor }, action: 'Load the model it was trained against.' })
}

function pairTensors(tensors: Map<string, SafetensorsTensor>, config: ModelConfig): Map<string, Pair> {
  const pairs = new Map<string, Pair>()
  for (const tensor of tensors.values()) {
    const [, path, index, module, side] = tensorName.exec(tensor.name) ?? []
    if (path === undefined || !isLoraModule(module) || path.includes('.mlp.') !== /^(gate|up|down)/.test(module)) {
      throw mismatch(`Adapter tensor ${tensor.name} matches nothing in the model.`, tensor.name)
    }
    const layer = Number(index)
    if (layer >= config.layers) {
      throw mismatch(`Adapter tensor ${tensor.name} is for layer ${layer}; the model has ${config.layers}.`, tensor.name)
    }
    const pair = pairs.get(path) ?? { path, layer, module }
    pair[side === undefined ? 'magnitude' : (side as 'A' | 'B')] = tensor
    pairs.set(path, pair)
  }
  return pairs
}

function isLoraModule(module: string): module is LoraModule {
  return (loraModules as readonly string[]).includes(module)
}

function readDelta({ path, layer, module, A, B, magnitude }: Pair, json: Json, config: ModelConfig, groups: readonly Group[]): LoraDelta {
  if (A === undefined || B === undefined) throw mismatch(`The adapter has only one of lora_A and lora_B for ${path}.`, path)
  const rank = moduleNumber(json, 'rank_pattern', 'r', path)
  const alpha = moduleNumber(json, 'alpha_pattern', 'lora_alpha', path)
  if (!Number.isInteger(rank) || rank < 1) throw invalid(`The rank of ${path} is ${rank}, expected a positive whole number.`)
  const { inputs, outputs } = moduleShape(config, module)
  const fits = (tensor: SafetensorsTensor, shape: number[]) => {
    if (tensor.shape.join() === shape.join()) return
    throw mismatch(`Adapter tensor ${tensor.name} has the shape ${tensor.shape.join('×')}, expected ${shape.join('×')}.`, tensor.name)
  }
  fits(A, [rank, inputs])
  fits(B, [outputs, rank])
  const scale = alpha / (json.use_rslora === true ? Math.sqrt(rank) : rank)
  const delta = { layer, module, rank, scale, A: finite(A), B: finite(B) }
  if ((magnitude === undefined) === (json.use_dora === true)) {
    throw mismatch(`The adapter says use_dora = ${json.use_dora === true}, which the tensors of ${path} belie.`, path)
  }
  if (magnitude !== undefined) {
    if (groups.length > 0) throw unsupported('DoRA with contributor groups', 'Train with use_dora = false, or without groups.')
    fits(magnitude, [outputs])
    return { ...delta, magnitude: floatsOf(finite(magnitude)) }
  }
  return groups.length === 0 ? delta : { ...delta, groupRanks: groupRanks(groups, path, rank) }
}

interface Group {
  name: string
  json: Json
}

/** `open_chat.groups`: [{ name, rank, rank_pattern? }], in the order in which their ranks stand. */
function readGroups(json: Json): Group[] {
  const ours = json.open_chat
  const groups = typeof ours === 'object' && ours !== null && 'groups' in ours ? ours.groups : []
  if (!Array.isArray(groups)) throw invalid('open_chat.groups is no list.')
  const read = groups.map((group: unknown): Group => {
    if (typeof group !== 'object' || group === null || !('name' in group) || typeof group.name !== 'string' || group.name === '') {
      throw invalid('A group in open_chat.groups has no name.')
    }
    return { name: group.name, json: group as Json }
  })
  if (new Set(read.map(({ name }) => name)).size !== read.length) throw invalid('Two groups in open_chat.groups have the same name.')
  return read
}

function groupRanks(groups: readonly Group[], path: string, rank: number): number[] {
  const ranks = groups.map(({ json }) => moduleNumber(json, 'rank_pattern', 'rank', path))
  const sum = ranks.reduce((total, one) => total + one, 0)
  if (ranks.every((one) => Number.isInteger(one) && one >= 0) && sum === rank) return ranks
  throw invalid(`The groups of ${path} have the ranks ${ranks.join(' + ')}; the module has rank ${rank}.`)
}

/** The module's own number where a pattern names it, else the config's. `fan_in_fan_out` concerns the base's layout, not A and B. */
function moduleNumber(json: Json, patterns: string, fallback: string, path: string): number {
  const table = json[patterns] ?? {}
  if (typeof table !== 'object' || table === null) throw invalid(`${patterns} is no object.`)
  const key = patternFor(Object.keys(table), path)
  const value = key === null ? json[fallback] : (table as Json)[key]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`${key === null ? fallback : `${patterns}.${key}`} is no number.`)
  return value
}

function finite(tensor: SafetensorsTensor): Float32Array<ArrayBuffer> | Halves {
  const numbers = safetensorNumbers(tensor)
  if (numbers instanceof Float32Array ? numbers.every(Number.isFinite) : finiteHalves(numbers)) return numbers
  // One NaN here would become a NaN in every logit: say where it came from instead.
  throw invalid(`Adapter tensor ${tensor.name} holds a value that is not finite.`)
}
