// Several adapters as one: their ranks side by side, so that one pass adds all their deltas. Not an average, and not a merge
// into the weights. Exact but for one rounding to f32, where a scale is folded into B.
// Source: Σ s_i B_i A_i = [s_1 B_1 … s_n B_n] [A_1; …; A_n].
import { OpenChatError } from '../../errors.ts'
import type { ModelConfig } from '../model/config.ts'
import type { AdapterFiles } from '../types.ts'
import { type FloatDelta, floatDelta, moduleShape, readPeft } from './peft.ts'
import { type SafetensorsTensor, writeSafetensors } from './safetensors.ts'

/**
 * @param adapters PEFT folders for one model, at least one
 * @returns a PEFT folder whose delta is the sum of theirs
 * @throws what `readPeft` throws for any of them
 */
export function ensemble(adapters: readonly AdapterFiles[], config: ModelConfig, baseSha256?: string): AdapterFiles {
  const groups = new Map<string, FloatDelta[]>()
  for (const files of adapters) {
    for (const delta of readPeft(files, config, baseSha256).deltas) {
      if (delta.magnitude !== undefined) {
        throw new OpenChatError('adapter_unsupported', 'A DoRA adapter does not add up with others: its magnitudes are of its own sum.', {
          action: 'Leave it out of the ensemble.',
        })
      }
      const part = /^(gate|up|down)/.test(delta.module) ? 'mlp' : 'self_attn'
      const path = `model.layers.${delta.layer}.${part}.${delta.module}`
      groups.set(path, [...(groups.get(path) ?? []), floatDelta(delta)])
    }
  }
  const ranks: Record<string, number> = {}
  const tensors: SafetensorsTensor[] = []
  for (const [path, deltas] of groups) {
    const { inputs, outputs } = moduleShape(config, deltas[0].module)
    const rank = deltas.reduce((sum, delta) => sum + delta.rank, 0)
    ranks[path] = rank
    const A = new Float32Array(rank * inputs)
    const B = new Float32Array(outputs * rank)
    let from = 0
    for (const delta of deltas) {
      A.set(delta.A, from * inputs)
      for (let o = 0; o < outputs; o++) {
        for (let r = 0; r < delta.rank; r++) B[o * rank + from + r] = delta.scale * delta.B[o * delta.rank + r]
      }
      from += delta.rank
    }
    const tensor = (side: string, shape: number[], values: Float32Array<ArrayBuffer>) => ({
      name: `base_model.model.${path}.lora_${side}.weight`,
      dtype: 'F32',
      shape,
      bytes: new Uint8Array(values.buffer),
    })
    tensors.push(tensor('A', [rank, inputs], A), tensor('B', [outputs, rank], B))
  }
  // rank and alpha patterns are equal, so every scale is 1.
  const json = { peft_type: 'LORA', r: 1, lora_alpha: 1, bias: 'none', rank_pattern: ranks, alpha_pattern: ranks }
  return { config: JSON.stringify(json), weights: writeSafetensors(tensors) }
}
