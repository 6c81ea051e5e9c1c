// Against sentencepiece itself (test/vectors/engine/spm.py): ids of awkward texts, as trained, without the space before a text, and
// with pieces marked unused. Then what a file says beside its pieces.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../formats/bytes.testing.ts'
import { type GgufValue, readGguf } from '../formats/gguf.ts'
import { writeGguf } from '../formats/gguf-writer.testing.ts'
import { createTokenizer, type Tokenizer } from './tokenizer.ts'

const folder = new URL('../../../test/vectors/engine/sentencepiece/', import.meta.url)
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as T
const vocabulary = read<{ tokens: string[]; scores: number[]; types: number[]; unused: number[] }>('vocabulary.json')
const vectors = read<{ text: string; prefix: number[]; bare: number[]; unused: number[] }[]>('vectors.json')

/** A file with this vocabulary and no weights. */
async function tokenizer(changes: Record<string, GgufValue | undefined> = {}): Promise<Tokenizer> {
  const metadata: Record<string, GgufValue | undefined> = {
    'general.architecture': 'llama',
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': vocabulary.tokens,
    'tokenizer.ggml.scores': Float32Array.from(vocabulary.scores),
    'tokenizer.ggml.token_type': Int32Array.from(vocabulary.types),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
    ...changes,
  }
  const given = Object.entries(metadata).filter((entry): entry is [string, GgufValue] => entry[1] !== undefined)
  return createTokenizer(await readGguf(memorySource(writeGguf(Object.fromEntries(given), []))))
}

const trained = await tokenizer()
const bare = await tokenizer({ 'tokenizer.ggml.add_space_prefix': false })
const types = Int32Array.from(vocabulary.types)
for (const id of vocabulary.unused) types[id] = 5

describe('SentencePiece BPE', () => {
  it(`gives the ids of sentencepiece for ${vectors.length} texts`, () => {
    expect(vectors.length).toBeGreaterThan(50)
    for (const { text, prefix } of vectors) expect([text, trained.encode(text)]).toEqual([text, prefix])
  })

  it('and without a space before the text', () => {
    for (const { text, bare: ids } of vectors) expect([text, bare.encode(text)]).toEqual([text, ids])
  })

  it('and with unused pieces, which are merged through and taken apart', async () => {
    const marked = await tokenizer({ 'tokenizer.ggml.token_type': types })
    for (const { text, unused } of vectors) expect([text, marked.encode(text)]).toEqual([text, unused])
    expect(vectors.filter(({ prefix, unused }) => String(prefix) !== String(unused)).length).toBeGreaterThan(10)
  })

  it('gives every text back, behind the space it was given', () => {
    for (const { text, bare: ids } of vectors) expect(bare.decode(ids)).toBe(text.replaceAll('\u2581', ' '))
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (text) => {
        const plain = text.replaceAll('\u2581', ' ')
        expect(bare.decode(bare.encode(text))).toBe(plain)
        expect(trained.decode(trained.encode(text))).toBe(` ${plain}`)
      }),
    )
  })

  it('takes a text of a hundred thousand characters', () => {
    expect(bare.decode(bare.encode('The engine '.repeat(10_000)))).toHaveLength(110_000)
  })
})

describe('what a file says beside its pieces', () => {
  it('control tokens are parsed only when asked, and a text behind one begins anew', () => {
    const hello = trained.encode('Hello')
    expect(trained.encode('<s>Hello</s>Hello', { parseSpecial: true })).toEqual([1, ...hello, 2, ...hello])
    expect(trained.encode('<s>')).not.toContain(1)
    expect(trained.decode([1, ...trained.encode('a'), 0, 2])).toBe(' a')
    expect(trained.encodePrompt('Hello')).toEqual([1, ...hello])
  })

  it('added tokens are found in any text, and stand for themselves', async () => {
    const tokens = [...vocabulary.tokens, '<|turn|>', '<|turn|>\n']
    const more = await tokenizer({
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.scores': Float32Array.from([...vocabulary.scores, -9, -9]),
      'tokenizer.ggml.token_type': Int32Array.from([...vocabulary.types, 4, 4]),
    })
    const [first, second] = [tokens.length - 2, tokens.length - 1]
    expect(more.encode('a<|turn|>\nb<|turn|>')).toEqual([...more.encode('a'), second, ...more.encode('b'), first])
    expect(more.decode([first, second])).toBe('<|turn|><|turn|>\n')
  })

  it.each([
    ['no scores', { 'tokenizer.ggml.scores': undefined }, 'gguf_invalid'],
    ['scores for other tokens', { 'tokenizer.ggml.scores': Float32Array.of(1) }, 'gguf_invalid'],
    ['a score that is no number', { 'tokenizer.ggml.scores': Float32Array.from(vocabulary.scores, () => Number.NaN) }, 'gguf_invalid'],
    ['no types, so no bytes', { 'tokenizer.ggml.token_type': undefined }, 'tokenizer_unsupported'],
    ['a table that rewrites characters', { 'tokenizer.ggml.precompiled_charsmap': Int32Array.of(1) }, 'tokenizer_unsupported'],
    ['dropped spaces', { 'tokenizer.ggml.remove_extra_whitespaces': true }, 'tokenizer_unsupported'],
  ])('refuses %s', async (_, changes, code) => {
    await expect(tokenizer(changes)).rejects.toMatchObject({ code })
  })
})
