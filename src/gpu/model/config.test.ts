import { describe, expect, it } from 'vitest'
import { tinyModel } from '../../../scripts/tiny-model.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { type GgufFile, readGguf } from '../formats/gguf.ts'
import { modelConfig } from './config.ts'

const gguf = await readGguf(memorySource(tinyModel()))

function altered(key: string, value: number | string | undefined): GgufFile {
  const metadata = new Map(gguf.metadata)
  if (value === undefined) metadata.delete(key)
  else metadata.set(key, value)
  return { ...gguf, metadata }
}

describe('modelConfig', () => {
  it('reads the sizes and the rules', () => {
    expect(modelConfig(gguf)).toEqual({
      architecture: 'llama',
      name: 'tiny F32 1',
      layers: 2,
      hidden: 64,
      ffn: 96,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      vocab: 300,
      contextTokens: 2048,
      ropeBase: 10000,
      ropeDimensions: 16,
      ropeScaling: null,
      rmsEpsilon: Math.fround(1e-5),
      slidingWindow: null,
      tied: false,
      permutedQk: true,
      qkvBias: false,
      headNorm: false,
      bosId: 1,
      eosIds: [0, 2],
      addBos: false,
    })
  })

  it('takes a head’s width and a window from their keys', () => {
    expect(modelConfig(altered('llama.attention.sliding_window', 24)).slidingWindow).toBe(24)
    expect(modelConfig(altered('llama.attention.sliding_window', 24), { slidingWindow: 8 }).slidingWindow).toBe(24)
    expect(modelConfig(gguf, { slidingWindow: 8 }).slidingWindow).toBe(8)
    expect(modelConfig(altered('llama.rope.scale_linear', 4)).ropeScaling).toEqual({ type: 'linear', factor: 4 })
    expect(() => modelConfig(altered('llama.attention.key_length', 20))).toThrowError(
      expect.objectContaining({ code: 'gguf_invalid', meta: { tensor: 'blk.0.attn_q.weight' } }),
    )
  })

  it.each([
    ['general.architecture', 'mamba', 'architecture_unsupported'],
    ['general.architecture', undefined, 'architecture_unsupported'],
    ['llama.block_count', 1_000_000, 'gguf_invalid'],
    ['llama.block_count', 3, 'gguf_invalid'],
    ['llama.embedding_length', undefined, 'gguf_invalid'],
    ['llama.feed_forward_length', 'many', 'gguf_invalid'],
    ['llama.attention.head_count', 0, 'gguf_invalid'],
    ['llama.attention.head_count_kv', 3, 'gguf_invalid'],
    ['llama.rope.freq_base', -1, 'gguf_invalid'],
    ['llama.rope.dimension_count', 17, 'gguf_invalid'],
    ['llama.rope.scaling.type', 'longrope', 'architecture_unsupported'],
    ['llama.rope.scaling.type', 'linear', 'gguf_invalid'],
    ['split.count', 2, 'model_part_missing'],
    ['llama.attention.layer_norm_rms_epsilon', Number.NaN, 'gguf_invalid'],
  ])('refuses %s = %s', (key, value, code) => {
    expect(() => modelConfig(altered(key, value))).toThrowError(expect.objectContaining({ code }))
  })

  it('names a tensor that is missing', () => {
    const tensors = new Map(gguf.tensors)
    tensors.delete('blk.1.ffn_up.weight')
    expect(() => modelConfig({ ...gguf, tensors })).toThrowError(
      expect.objectContaining({ code: 'gguf_invalid', meta: { tensor: 'blk.1.ffn_up.weight' } }),
    )
  })
})
