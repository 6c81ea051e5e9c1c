import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tinyModel } from '../../../scripts/tiny-model.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { type GgufFile, readGguf } from '../formats/gguf.ts'
import { createTokenizer } from './tokenizer.ts'

const gguf = await readGguf(memorySource(tinyModel()))
const tokenizer = createTokenizer(gguf)

/** The same file with other metadata. */
function altered(changes: Record<string, unknown>): GgufFile {
  const metadata = new Map(gguf.metadata)
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key)
    else metadata.set(key, value as string)
  }
  return { ...gguf, metadata }
}

describe('tokenizer', () => {
  it('merges in rank order and splits every digit', () => {
    const texts = (text: string) => tokenizer.encode(text).map((id) => tokenizer.decode([id]))
    expect(texts('in the band')).toEqual(['in', ' the', ' b', 'a', 'nd'])
    expect(texts('in 1987')).toEqual(['in', ' ', '1', '9', '8', '7'])
    expect(texts('٣4')).toHaveLength(3)
  })

  it('gives any text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
        expect(tokenizer.encode(text).some((id) => tokenizer.controls.has(id))).toBe(false)
      }),
    )
  })

  it('parses control tokens only when asked', () => {
    expect(tokenizer.encode('a<|im_end|>', { parseSpecial: true })).toEqual([...tokenizer.encode('a'), 2])
    const text = tokenizer.encode('<|im_end|>')
    expect(text).not.toContain(2)
    expect(tokenizer.decode(text)).toBe('<|im_end|>')
    expect(tokenizer.decode([2, ...tokenizer.encode('x'), 1])).toBe('x')
  })

  it('holds back an unfinished character and ends it as U+FFFD', () => {
    const ids = tokenizer.encode('é🍯')
    const stream = tokenizer.decoder()
    expect(ids.map((id) => stream.push(id))).toEqual(['', 'é', '', '', '', '🍯'])
    expect(stream.end()).toBe('')
    const cut = tokenizer.decoder()
    ids.slice(0, 3).map((id) => cut.push(id))
    expect(cut.end()).toBe('\ufffd')
  })

  it('keeps a byte order mark', () => {
    expect(tokenizer.decode(tokenizer.encode('\ufeffa'))).toBe('\ufeffa')
  })

  it('drops bytes that have no token, so that their neighbours merge', () => {
    const tokens = (gguf.metadata.get('tokenizer.ggml.tokens') as string[]).map((token) =>
      token === 'z' ? 'a token no text makes' : token,
    )
    const lacking = createTokenizer(altered({ 'tokenizer.ggml.tokens': tokens }))
    expect(lacking.decode(lacking.encode('azb'))).toBe('ab')
    expect(lacking.encode('izn')).toEqual(lacking.encode('in'))
  })

  it('follows the BOS rule of the file', () => {
    expect(tokenizer.encodePrompt('a')).toEqual(tokenizer.encode('a'))
    const withBos = createTokenizer(altered({ 'tokenizer.ggml.add_bos_token': true }))
    expect(withBos.encodePrompt('a')).toEqual([1, ...tokenizer.encode('a')])
    const silent = { 'tokenizer.ggml.add_bos_token': undefined }
    expect(createTokenizer(altered(silent)).encodePrompt('a')).toEqual(tokenizer.encode('a'))
    expect(createTokenizer(altered({ ...silent, 'tokenizer.ggml.pre': 'llama-bpe' })).encodePrompt('a')[0]).toBe(1)
  })

  it.each([
    ['another kind', { 'tokenizer.ggml.model': 't5' }, 'tokenizer_unsupported'],
    ['another pre-tokenizer', { 'tokenizer.ggml.pre': 'viking' }, 'tokenizer_unsupported'],
    ['a name of every object', { 'tokenizer.ggml.pre': 'constructor' }, 'tokenizer_unsupported'],
    ['no tokens', { 'tokenizer.ggml.tokens': undefined }, 'gguf_invalid'],
    ['more tokens than embeddings', { 'tokenizer.ggml.tokens': Array.from({ length: 999 }, String) }, 'gguf_invalid'],
    ['types for other tokens', { 'tokenizer.ggml.token_type': Int32Array.of(1) }, 'gguf_invalid'],
    ['a merge that is no pair', { 'tokenizer.ggml.merges': ['ab'] }, 'gguf_invalid'],
    ['a BOS beyond the vocabulary', { 'tokenizer.ggml.bos_token_id': 5000 }, 'gguf_invalid'],
  ])('refuses %s', (_, changes, code) => {
    expect(() => createTokenizer(altered(changes))).toThrowError(expect.objectContaining({ code }))
  })
})
