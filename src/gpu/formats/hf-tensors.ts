// Which tensor of a model folder is which of a GGUF file. Not their bytes.
// GGUF keeps the rows of q and k of arch `llama` (so also of Mistral) for interleaved RoPE; a folder has them in plain order, so
// they are reordered as they are read (permute.ts). qwen2 and qwen3 are alike in both.
// Source: convert_hf_to_gguf.py of llama.cpp; the modules' names in transformers.
import type { FolderPlan } from './hf-config.ts'

export interface NamedTensor {
  /** In the folder, and in a GGUF file. */
  from: string
  to: string
  /** Heads whose rows are reordered; null for none. */
  permuted: number | null
}

/** Tensors that the folder must hold: no fewer, and no others that matter. */
export function folderTensors({ architecture, layers, heads, kvHeads, tied }: FolderPlan): NamedTensor[] {
  const rows = (count: number) => (architecture === 'llama' ? count : null)
  const out: NamedTensor[] = [
    { from: 'model.embed_tokens.weight', to: 'token_embd.weight', permuted: null },
    { from: 'model.norm.weight', to: 'output_norm.weight', permuted: null },
  ]
  if (!tied) out.push({ from: 'lm_head.weight', to: 'output.weight', permuted: null })
  for (let layer = 0; layer < layers; layer++) {
    const add = (from: string, to: string, permuted: number | null = null) =>
      out.push({ from: `model.layers.${layer}.${from}`, to: `blk.${layer}.${to}`, permuted })
    add('input_layernorm.weight', 'attn_norm.weight')
    add('self_attn.q_proj.weight', 'attn_q.weight', rows(heads))
    add('self_attn.k_proj.weight', 'attn_k.weight', rows(kvHeads))
    add('self_attn.v_proj.weight', 'attn_v.weight')
    add('self_attn.o_proj.weight', 'attn_output.weight')
    add('post_attention_layernorm.weight', 'ffn_norm.weight')
    add('mlp.gate_proj.weight', 'ffn_gate.weight')
    add('mlp.up_proj.weight', 'ffn_up.weight')
    add('mlp.down_proj.weight', 'ffn_down.weight')
    if (architecture === 'qwen2') for (const part of ['q', 'k', 'v']) add(`self_attn.${part}_proj.bias`, `attn_${part}.bias`)
    if (architecture === 'qwen3') for (const part of ['q', 'k']) add(`self_attn.${part}_norm.weight`, `attn_${part}_norm.weight`)
  }
  return out
}

/** Tensors that some folders carry and nothing reads: angles are computed, and a tied head is the embedding. */
export function isIdle(name: string, { tied }: FolderPlan): boolean {
  return /\.rotary_emb\.inv_freq$/.test(name) || (tied && name === 'lm_head.weight')
}
