// A tokenizer.json of SentencePiece's BPE, as the tokenizers library writes it: the ids are sentencepiece's (spm.py).
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createTokenizer } from '../model/tokenizer.ts'
import { memorySource } from './bytes.testing.ts'
import { ConfigFile, type Json } from './config-file.ts'
import { readGguf } from './gguf.ts'
import { ggufHeader, keyBytes } from './gguf-header.ts'
import { tokenizerKeys } from './hf-tokenizer.ts'

const folder = new URL('../../../test/vectors/engine/sentencepiece/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const vectors = JSON.parse(read('vectors.json')) as { text: string; prefix: number[]; bare: number[] }[]

interface TokenizerJson extends Json {
  normalizer: { normalizers: unknown[] }
  model: Json & { merges: [string, string][]; vocab: Record<string, number> }
}

async function tokenizer(change: (json: TokenizerJson) => void = () => {}) {
  const json = JSON.parse(read('tokenizer.json')) as TokenizerJson
  change(json)
  const keys = tokenizerKeys({
    ...{ settings: null, chatTemplate: null, generation: null },
    tokenizer: new ConfigFile('tokenizer.json', json),
    config: new ConfigFile('config.json', { vocab_size: 1200, eos_token_id: 2 }),
  })
  const { bytes } = ggufHeader(
    [keyBytes('general.architecture', { text: 'llama' }), ...keys.map(([key, value]) => keyBytes(key, value))],
    [],
  )
  return createTokenizer(await readGguf(memorySource(bytes)))
}

/** A merge that makes what the one before it makes. */
const secondWay = (merges: [string, string][]) => merges.findIndex((merge, i) => i > 0 && merge.join('') === merges[i - 1]!.join(''))

describe("SentencePiece's BPE in a folder", () => {
  it('gives the ids of sentencepiece', async () => {
    const { encode, encodePrompt } = await tokenizer()
    for (const { text, prefix } of vectors) expect([text, encode(text)]).toEqual([text, prefix])
    expect(encodePrompt('a')).toEqual([1, ...encode('a')])
  })

  it('by the order of the merges, not of the ids', async () => {
    // Behind control tokens and bytes.
    const turned = (id: number) => (id < 259 ? id : 259 + 1199 - id)
    const { encode } = await tokenizer(({ model }) => {
      model.vocab = Object.fromEntries(Object.entries(model.vocab).map(([piece, id]) => [piece, turned(id)]))
    })
    for (const { text, prefix } of vectors) expect([text, encode(text)]).toEqual([text, prefix.map(turned)])
  })

  it('and without a space before the text', async () => {
    const { encode } = await tokenizer(({ normalizer }) => normalizer.normalizers.shift())
    for (const { text, bare } of vectors) expect([text, encode(text)]).toEqual([text, bare])
  })

  it.each<[string, (json: TokenizerJson) => void]>([
    ['no ▁ for a space', (json) => Object.assign(json, { normalizer: null })],
    ['a cut', (json) => Object.assign(json, { pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' } })],
    ['merges that are ignored', ({ model }) => Object.assign(model, { ignore_merges: true })],
    ['a merge too few', ({ model }) => model.merges.splice(700, 1)],
    ['ways to one piece that stand apart', ({ model: { merges } }) => merges.push(...merges.splice(secondWay(merges), 1))],
    ['a byte without a token', ({ model }) => delete model.vocab['<0x41>']],
  ])('refuses %s', async (_, change) => {
    await expect(tokenizer(change)).rejects.toMatchObject({ code: 'tokenizer_unsupported' })
  })

  it('refuses a merge that makes no token', async () => {
    await expect(tokenizer(({ model }) => model.merges.push(['zz', 'qq']))).rejects.toMatchObject({ code: 'model_config_invalid' })
  })
})
