import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memorySource } from '../formats/bytes.testing.ts'
import { readGguf } from '../formats/gguf.ts'
import { createTokenizer } from '../model/tokenizer.ts'
import { maxDifference, type TinyVector, vectorFloats, vectorJson, vectorsFolder } from '../vectors.testing.ts'
import { loadReference, referenceLogits } from './forward.ts'

const { files } = vectorJson<{ files: TinyVector[] }>('tiny', 'manifest.json')

describe('the forward pass in f64 against PyTorch', () => {
  it.each(files)('$file', async ({ file, cases }) => {
    const source = memorySource(readFileSync(join(vectorsFolder, 'tiny', file)))
    const gguf = await readGguf(source)
    const model = await loadReference(gguf, source)
    const tokenizer = createTokenizer(gguf)
    for (const { tokens, text, logits } of cases) {
      if (text !== undefined) expect(tokenizer.encodePrompt(text)).toEqual(tokens)
      const got = referenceLogits(model, tokens)[0]
      expect(maxDifference(got, vectorFloats('tiny', logits))).toBeLessThan(2e-5)
    }
  })

  it('gives a prefix the logits it has alone', async () => {
    const source = memorySource(readFileSync(join(vectorsFolder, 'tiny', files[2].file)))
    const model = await loadReference(await readGguf(source), source)
    const { tokens } = files[2].cases[2]
    const all = referenceLogits(model, tokens.slice(0, 40), { positions: 'all' })
    expect(maxDifference(all[29], referenceLogits(model, tokens.slice(0, 30))[0])).toBe(0)
  })
})
