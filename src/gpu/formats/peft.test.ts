import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { OpenChatError } from '../../errors.ts'
import { type ModelConfig, modelConfig } from '../model/config.ts'
import type { AdapterFiles } from '../types.ts'
import { memorySource } from './bytes.testing.ts'
import { readGguf } from './gguf.ts'
import { floatDelta, loraModules, readPeft } from './peft.ts'
import { patternFor } from './peft-pattern.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'

const config: ModelConfig = modelConfig(await readGguf(memorySource(tinyModel())))
const path = (layer: number, module: string) => `base_model.model.model.layers.${layer}.self_attn.${module}`

/** The adapter with its tensors renamed; null drops one. */
function renamed(files: AdapterFiles, rename: (name: string) => string | null): AdapterFiles {
  const tensors = [...readSafetensors(files.weights).tensors.values()].flatMap((tensor) => {
    const name = rename(tensor.name)
    return name === null ? [] : [{ ...tensor, name }]
  })
  return { ...files, weights: writeSafetensors(tensors) }
}

describe('readPeft', () => {
  it('reads every module of every layer, with its own shapes', () => {
    const { deltas, maxRank } = readPeft(tinyAdapter({ rank: 3, modules: [...loraModules] }), config)
    expect(deltas.map(({ layer, module }) => `${layer} ${module}`)).toEqual([0, 1].flatMap((l) => loraModules.map((m) => `${l} ${m}`)))
    expect(
      deltas
        .map(floatDelta)
        .map(({ A, B }) => [A.length, B.length])
        .slice(0, 7),
    ).toEqual([
      [3 * 64, 64 * 3],
      [3 * 64, 32 * 3],
      [3 * 64, 32 * 3],
      [3 * 64, 64 * 3],
      [3 * 64, 96 * 3],
      [3 * 64, 96 * 3],
      [3 * 96, 64 * 3],
    ])
    expect(maxRank).toBe(3)
    expect(deltas[0].scale).toBe(1)
  })

  it('scales by alpha over the module’s own rank, or its root with rsLoRA', () => {
    const scales = (extra: Record<string, unknown>) =>
      readPeft(tinyAdapter({ rank: 4, modules: ['q_proj', 'v_proj'], config: extra }), config).deltas.map(({ scale }) => scale)
    expect(scales({ lora_alpha: 8 })).toEqual([2, 2, 2, 2])
    expect(scales({ lora_alpha: 8, use_rslora: true })).toEqual([4, 4, 4, 4])
    expect(scales({ lora_alpha: 8, alpha_pattern: { '1.self_attn.v_proj': 6, v_proj: 2 } })).toEqual([2, 0.5, 2, 1.5])
    expect(scales({ r: 9, rank_pattern: { '.*_proj': 4 }, lora_alpha: 8 })).toEqual([2, 2, 2, 2])
    expect(scales({ fan_in_fan_out: true })).toEqual([1, 1, 1, 1])
  })

  it.each([
    ['trained biases', { bias: 'lora_only' }],
    ['modules_to_save', { modules_to_save: ['lm_head'] }],
    ['another PEFT type', { peft_type: 'IA3' }],
    ['an unknown variant', { use_something_new: true }],
    ['replicated layers', { layer_replication: [[0, 2]] }],
    ['an initialisation that alters the base', { init_lora_weights: 'pissa_niter_4' }],
    ['a pattern of exponential cost', { alpha_pattern: { '(a+)+': 4 } }],
    ['a pattern that is no expression', { rank_pattern: { '(q_proj': 4 } }],
  ])('refuses %s', (_, extra) => {
    expect(() => readPeft(tinyAdapter({ config: extra }), config)).toThrowError(expect.objectContaining({ code: 'adapter_unsupported' }))
  })

  it.each<[string, AdapterFiles]>([
    ['a tensor that matches nothing', renamed(tinyAdapter(), (name) => name.replace('down_proj', 'side_proj'))],
    ['a module in the wrong block', renamed(tinyAdapter(), (name) => name.replace('self_attn.q_proj', 'mlp.q_proj'))],
    ['a layer the model lacks', renamed(tinyAdapter(), (name) => name.replace('layers.1.', 'layers.2.'))],
    ['half a pair', renamed(tinyAdapter(), (name) => (name === `${path(0, 'q_proj')}.lora_B.weight` ? null : name))],
    ['shapes of another module', renamed(tinyAdapter({ modules: ['down_proj'] }), (name) => name.replace('down', 'up'))],
    ['a rank other than declared', tinyAdapter({ config: { r: 5 } })],
    ['DoRA without magnitudes', tinyAdapter({ config: { use_dora: true } })],
    ['no tensors', renamed(tinyAdapter(), () => null)],
    ['another base', tinyAdapter({ config: { open_chat: { base_sha256: 'b'.repeat(64) } } })],
  ])('refuses %s', (_, files) => {
    expect(() => readPeft(files, config, 'a'.repeat(64))).toThrowError(expect.objectContaining({ code: 'adapter_mismatch' }))
  })

  it.each<[string, AdapterFiles]>([
    ['a config that is no JSON', { ...tinyAdapter(), config: '{' }],
    ['a config without a rank', tinyAdapter({ config: { r: undefined } })],
    ['a rank of 0', tinyAdapter({ config: { r: 0 } })],
    ['a digest that is none', tinyAdapter({ config: { open_chat: { base_sha256: 'here' } } })],
  ])('refuses %s', (_, files) => {
    expect(() => readPeft(files, config)).toThrowError(expect.objectContaining({ code: 'adapter_invalid' }))
  })

  it('refuses a value that is not finite', () => {
    const files = tinyAdapter()
    const tensor = [...readSafetensors(files.weights).tensors.values()][0]
    tensor.bytes.set([0x00, 0x7e], 0)
    expect(() => readPeft(files, config)).toThrowError(expect.objectContaining({ code: 'adapter_invalid' }))
  })

  it('answers any config with an adapter or a typed error', () => {
    const keys = ['r', 'lora_alpha', 'rank_pattern', 'alpha_pattern', 'use_rslora', 'bias', 'open_chat', 'peft_type', 'init_lora_weights']
    const strange = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
    fc.assert(
      fc.property(strange, (extra) => {
        try {
          readPeft(tinyAdapter({ modules: ['k_proj'], layers: [0], config: extra }), config)
        } catch (error) {
          expect(error).toBeInstanceOf(OpenChatError)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('accepts the base it was trained against', () => {
    const files = tinyAdapter({ config: { open_chat: { base_sha256: 'AB'.repeat(32) } } })
    expect(readPeft(files, config, 'ab'.repeat(32)).baseSha256).toBe('ab'.repeat(32))
  })
})

describe('patternFor', () => {
  it('takes the first key, in the order of the file, that ends a dotted name', () => {
    const of = (layer: number) => `model.layers.${layer}.self_attn.v_proj`
    expect(patternFor(['8.self_attn.v_proj'], of(8))).toBe('8.self_attn.v_proj')
    expect(patternFor(['8.self_attn.v_proj'], of(18))).toBeNull()
    expect(patternFor(['v_proj', '8.self_attn.v_proj'], of(8))).toBe('v_proj')
    expect(patternFor(['proj'], of(8))).toBeNull()
    expect(patternFor(['layers\\.(8|9)\\.self_attn\\.[qv]_proj'], of(9))).toBe('layers\\.(8|9)\\.self_attn\\.[qv]_proj')
  })
})
