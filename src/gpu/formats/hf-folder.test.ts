import { describe, expect, it } from 'vitest'
import { folderFiles, folderVectors } from '../folders.testing.ts'
import { createChatTemplate } from '../model/chat-template.ts'
import { modelConfig } from '../model/config.ts'
import { createTokenizer } from '../model/tokenizer.ts'
import { loadReference, referenceLogits } from '../reference/forward.ts'
import { maxDifference, vectorFloats } from '../vectors.testing.ts'
import { memorySource } from './bytes.testing.ts'
import { readGguf } from './gguf.ts'
import { isFolderFile } from './hf-folder.ts'
import { modelSource } from './model-source.ts'
import type { NamedSource } from './split-gguf.ts'

describe('a folder of transformers against transformers', () => {
  it.each(folderVectors)('$folder: the same ids and logits', async ({ folder, cases, chat, pre, strings }) => {
    const source = await modelSource(folderFiles(folder), folder)
    const gguf = await readGguf(source)
    expect(gguf.metadata.get('tokenizer.ggml.pre')).toBe(pre)
    expect(modelConfig(gguf)).toMatchObject({ name: folder, eosIds: [0, 2] })
    const tokenizer = createTokenizer(gguf)
    for (const { text, tokens } of strings) expect(tokenizer.encodePrompt(text), JSON.stringify(text)).toEqual(tokens)
    expect(createChatTemplate(gguf, tokenizer).encode(chat.messages)).toEqual(chat.tokens)
    const model = await loadReference(gguf, source)
    for (const { tokens, text, logits } of cases) {
      if (text !== undefined) expect(tokenizer.encodePrompt(text)).toEqual(tokens)
      expect(maxDifference(referenceLogits(model, tokens)[0], vectorFloats('folders', logits))).toBeLessThan(3e-5)
    }
  })

  it('gives the same bytes again, whichever way they are read', async () => {
    const [one, two] = [await modelSource(folderFiles(folderVectors[2].folder)), await modelSource(folderFiles(folderVectors[2].folder))]
    const whole = await one.read(0, one.bytes)
    const pieces = new Uint8Array(two.bytes)
    for (let at = 0; at < pieces.length; at += 777) pieces.set(await two.read(at, Math.min(777, pieces.length - at)), at)
    expect(Buffer.from(pieces).equals(whole)).toBe(true)
    await expect(one.read(one.bytes - 1, 2)).rejects.toMatchObject({ code: 'file_truncated' })
  })
})

const sharded = folderFiles('llama-rope3-sharded-f32')
const single = folderFiles('qwen2-yarn-bf16')
const named = (name: string) => (file: NamedSource) => file.name.endsWith(`/${name}`)
const without = (files: NamedSource[], name: string) => files.filter((file) => !named(name)(file))

/** The folder with a JSON file changed. */
async function changed(files: NamedSource[], name: string, change: (json: Record<string, unknown>) => void): Promise<NamedSource[]> {
  const { source } = files.find(named(name))!
  const json = JSON.parse(new TextDecoder().decode(await source.read(0, source.bytes))) as Record<string, unknown>
  change(json)
  return [...without(files, name), { name: `x/${name}`, source: memorySource(new TextEncoder().encode(JSON.stringify(json))) }]
}
const config = (change: Record<string, unknown>) => changed(single, 'config.json', (json) => Object.assign(json, change))
const tokenizer = (change: (json: Record<string, unknown>) => void) => changed(single, 'tokenizer.json', change)
const first = { name: 'x/model-00001-of-00003.safetensors', source: sharded.find(named('model-00002-of-00003.safetensors'))!.source }

describe('a folder that is refused', () => {
  it.each([
    ['no config', without(single, 'config.json'), 'model_part_missing', 'config.json'],
    ['no tokenizer', without(single, 'tokenizer.json'), 'model_part_missing', 'tokenizer.json'],
    ['no weights', without(single, 'model.safetensors'), 'model_part_missing', 'model.safetensors'],
    ['a missing shard', without(sharded, 'model-00002-of-00003.safetensors'), 'model_part_missing', 'model-00002-of-00003.safetensors'],
    ['a shard twice under two names', [...without(sharded, 'model-00001-of-00003.safetensors'), first], 'model_parts_mixed', '00002'],
    ['no index for its shards', without(sharded, 'model.safetensors.index.json'), 'model_part_missing', 'model.safetensors'],
    ['another architecture', config({ model_type: 'mamba' }), 'architecture_unsupported', 'mamba'],
    ['another activation', config({ hidden_act: 'gelu' }), 'architecture_unsupported', 'hidden_act'],
    ['a quantisation of its own', config({ quantization_config: { bits: 4 } }), 'architecture_unsupported', 'quantization_config'],
    [
      'a window over some layers',
      config({ use_sliding_window: true, max_window_layers: 2, layer_types: null }),
      'architecture_unsupported',
      'max_window_layers',
    ],
    ['another scaling', config({ rope_scaling: { rope_type: 'longrope', factor: 4 } }), 'architecture_unsupported', 'longrope'],
    ['weights it should not have', config({ num_hidden_layers: 2 }), 'architecture_unsupported', 'model.layers.2'],
    ['weights it should have', config({ num_hidden_layers: 4 }), 'model_part_missing', 'model.layers.3'],
    ['a head of its own that is not there', config({ tie_word_embeddings: false }), 'model_part_missing', 'lm_head'],
    ['a size that is none', config({ hidden_size: -1 }), 'model_config_invalid', 'hidden_size'],
    [
      'an end beyond the vocabulary',
      changed(single, 'generation_config.json', (json) => Object.assign(json, { eos_token_id: 9999 })),
      'model_config_invalid',
      'eos_token_id',
    ],
    [
      'another cut',
      tokenizer((json) => Object.assign(json, { pre_tokenizer: { type: 'Whitespace' } })),
      'tokenizer_unsupported',
      'Whitespace',
    ],
    ['an unknown expression', tokenizer((json) => Object.assign(json, { normalizer: null })), 'tokenizer_unsupported', 'pre_tokenizer'],
    [
      'a lower-casing',
      tokenizer((json) => Object.assign(json, { normalizer: { type: 'Lowercase' } })),
      'tokenizer_unsupported',
      'Lowercase',
    ],
    ['unigrams', tokenizer((json) => Object.assign(json, { model: { type: 'Unigram' } })), 'tokenizer_unsupported', 'Unigram'],
  ])('%s', async (_, files, code, word) => {
    const error = await modelSource(await files).then(
      () => null,
      (thrown: unknown) => thrown as { code: string; message: string; meta: unknown },
    )
    expect(error).toMatchObject({ code })
    expect(`${error?.message} ${JSON.stringify(error?.meta)}`).toContain(word)
  })

  it('what a size or shape contradicts is named by the tensor', async () => {
    const gguf = await readGguf(await modelSource(await config({ num_key_value_heads: 4 })))
    expect(() => modelConfig(gguf)).toThrowError(expect.objectContaining({ code: 'gguf_invalid', meta: { tensor: 'blk.0.attn_k.weight' } }))
  })
})

describe('a folder', () => {
  it('takes a window over all layers, and none where the layers are few', async () => {
    const windowOf = async (change: Record<string, unknown>) =>
      modelConfig(await readGguf(await modelSource(await config(change)))).slidingWindow
    expect(await windowOf({ use_sliding_window: true, sliding_window: 8, max_window_layers: 0, layer_types: null })).toBe(8)
    expect(await windowOf({ use_sliding_window: true, sliding_window: 8, max_window_layers: 3, layer_types: null })).toBeNull()
    expect(await windowOf({ use_sliding_window: false, sliding_window: 8, max_window_layers: 0, layer_types: null })).toBeNull()
  })

  it('is told from other files by their names', () => {
    expect(['config.json', 'a/tokenizer.json', 'model-00001-of-00002.safetensors', 'chat_template.jinja'].every(isFolderFile)).toBe(true)
    expect(['README.md', 'model.gguf', 'pytorch_model.bin', 'vocab.json'].some(isFolderFile)).toBe(false)
  })
})
