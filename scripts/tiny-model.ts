// A seeded random llama, qwen2 or qwen3 of a few hundred kB, whole in every part: tokenizer, chat template, two layers. What tests run when
// the real model would cost minutes. Not a model that says anything: its answers are random printable letters, never an end.
//   node scripts/run.mjs scripts/tiny-model.ts OUT.gguf [TYPE] [SEED]
// Invariants: same arguments, same bytes; standard deviation of the logits ≥ 2; greedy text is printable ASCII.
import { writeFile } from 'node:fs/promises'
import { quantise, type WrittenTensor, writeGguf } from '../src/gpu/formats/gguf-writer.testing.ts'
import type { LoraModule } from '../src/gpu/formats/peft.ts'
import type { SupportedType } from '../src/gpu/formats/quant.ts'
import { writeSafetensors } from '../src/gpu/formats/safetensors.ts'
import { byteCharacters } from '../src/gpu/model/byte-level.ts'
import type { Architecture } from '../src/gpu/model/config.ts'
import type { AdapterFiles } from '../src/gpu/types.ts'

export interface TinyModelOptions {
  /** Storage of every matrix; norms are F32. */
  type?: SupportedType
  seed?: number
  contextTokens?: number
  architecture?: Architecture
}

const hidden = 64
const ffn = 96
const heads = 4
const kvHeads = 2
const headDim = 16
const layers = 2
const controls = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
/** Enough English for merges to matter: pairs in rank order, in the byte-level alphabet. */
const merges = ['Ġ t', 'h e', 'Ġ a', 'i n', 'r e', 'o n', 'Ġt he', 'e r', 'Ġ s', 'n d', 'a t', 'o u', 'Ġ w', 'e s', 'o r', 'i t']
  .concat(['i s', 'e n', 'in g', 'a n', 'Ġa nd', 'Ġ b', 'Ġ c', 'a l', 'Ġ f', 'Ġ p', 'e d', 'Ġ o', 'Ġo f', 'Ġ in', 'Ġ m', 'l e'])
  .concat(['a r', 'Ġ to', 't o', 's t', 'Ġ d', 'i c', 'Ġ h', 'ĠĠ ĠĠ', 'Ġ Ġ'])
const chatTemplate = [
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}",
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}',
].join('')

/** @returns the bytes of a GGUF file */
export function tinyModel(options: TinyModelOptions = {}): Uint8Array<ArrayBuffer> {
  const { type = 'F32', seed = 1, contextTokens = 2048, architecture = 'llama' } = options
  const normal = gaussian(seed)
  const tokens = [...controls, ...byteCharacters, ...merges.map((pair) => pair.replace(' ', ''))]
  const matrix = (name: string, inputs: number, outputs: number, gain: number): WrittenTensor => {
    const values = Float32Array.from({ length: inputs * outputs }, () => (normal() * gain) / Math.sqrt(inputs))
    return { name, type, shape: [inputs, outputs], values }
  }
  const vector = (name: string, size: number, mean: number): WrittenTensor => {
    return { name, type: 'F32', shape: [size], values: Float32Array.from({ length: size }, () => mean + 0.2 * normal()) }
  }
  const norm = (name: string) => vector(name, hidden, 1)
  const output = matrix('output.weight', hidden, tokens.length, 3.3)
  tokens.forEach((token, id) => {
    // Unprintable tokens get the logit 0 and so never win.
    if (!/^[!-~Ġ]+$/.test(token) || id < controls.length) output.values.fill(0, id * hidden, (id + 1) * hidden)
  })
  const tensors = [matrix('token_embd.weight', hidden, tokens.length, Math.sqrt(hidden)), norm('output_norm.weight'), output]
  for (let layer = 0; layer < layers; layer++) {
    const at = (part: string) => `blk.${layer}.${part}.weight`
    tensors.push(norm(at('attn_norm')), norm(at('ffn_norm')))
    tensors.push(matrix(at('attn_q'), hidden, heads * headDim, 2), matrix(at('attn_k'), hidden, kvHeads * headDim, 2))
    tensors.push(matrix(at('attn_v'), hidden, kvHeads * headDim, 2), matrix(at('attn_output'), heads * headDim, hidden, 2))
    if (architecture === 'qwen2') {
      tensors.push(
        ...['q', 'k', 'v'].map((part, i) => vector(`blk.${layer}.attn_${part}.bias`, (i === 0 ? heads : kvHeads) * headDim, 0.5)),
      )
    }
    if (architecture === 'qwen3') tensors.push(vector(at('attn_q_norm'), headDim, 1), vector(at('attn_k_norm'), headDim, 1))
    tensors.push(matrix(at('ffn_gate'), hidden, ffn, 2), matrix(at('ffn_up'), hidden, ffn, 2), matrix(at('ffn_down'), ffn, hidden, 2))
  }
  return writeGguf(
    {
      'general.architecture': architecture,
      'general.name': `tiny ${type} ${seed}`,
      [`${architecture}.block_count`]: layers,
      [`${architecture}.context_length`]: contextTokens,
      [`${architecture}.embedding_length`]: hidden,
      [`${architecture}.feed_forward_length`]: ffn,
      [`${architecture}.attention.head_count`]: heads,
      [`${architecture}.attention.head_count_kv`]: kvHeads,
      [`${architecture}.attention.layer_norm_rms_epsilon`]: 1e-5,
      [`${architecture}.rope.freq_base`]: 10000,
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'smollm',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, id) => (id < controls.length ? 3 : 1)),
      'tokenizer.ggml.merges': merges,
      'tokenizer.ggml.bos_token_id': 1,
      'tokenizer.ggml.eos_token_id': 2,
      'tokenizer.ggml.add_bos_token': false,
      'tokenizer.chat_template': chatTemplate,
    },
    tensors,
  )
}

export interface TinyAdapterOptions {
  rank?: number
  seed?: number
  modules?: LoraModule[]
  layers?: number[]
  /** Added to adapter_config.json, over the defaults. */
  config?: Record<string, unknown>
}

/** A PEFT folder that fits {@link tinyModel}, stored as F16. */
export function tinyAdapter(options: TinyAdapterOptions = {}): AdapterFiles {
  const { rank = 4, seed = 7, modules = ['q_proj', 'v_proj', 'down_proj'], layers: adapted = [0, 1], config = {} } = options
  const normal = gaussian(seed)
  const kv = kvHeads * headDim
  const shapes: Record<LoraModule, [number, number]> = {
    q_proj: [hidden, heads * headDim],
    k_proj: [hidden, kv],
    v_proj: [hidden, kv],
    o_proj: [heads * headDim, hidden],
    gate_proj: [hidden, ffn],
    up_proj: [hidden, ffn],
    down_proj: [ffn, hidden],
  }
  const tensors = adapted.flatMap((layer) =>
    modules.flatMap((module) => {
      const part = /^(gate|up|down)/.test(module) ? 'mlp' : 'self_attn'
      const [inputs, outputs] = shapes[module]
      const tensor = (side: 'A' | 'B', shape: [number, number]) => {
        const values = Float32Array.from({ length: shape[0] * shape[1] }, () => normal() / Math.sqrt(shape[1]))
        const name = `base_model.model.model.layers.${layer}.${part}.${module}.lora_${side}.weight`
        return { name, dtype: 'F16', shape, bytes: quantise('F16', values) }
      }
      return [tensor('A', [rank, inputs]), tensor('B', [outputs, rank])]
    }),
  )
  const json = { peft_type: 'LORA', r: rank, lora_alpha: rank, bias: 'none', target_modules: modules, ...config }
  return { config: JSON.stringify(json), weights: writeSafetensors(tensors) }
}

/** Standard normal numbers: mulberry32 through Box–Muller. */
function gaussian(seed: number): () => number {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

export async function main([path, type = 'F32', seed = '1']: string[]): Promise<void> {
  await writeFile(path, tinyModel({ type: type as SupportedType, seed: Number(seed) }))
}
