import { expect, it } from 'vitest'
import { memorySource } from '../src/gpu/formats/bytes.testing.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'
import { loadReference, referenceLogits } from '../src/gpu/reference/forward.ts'
import { argmax } from '../src/gpu/reference/sampling.ts'
import { tinyModel } from './tiny-model.ts'

it('gives the same bytes for the same seed, others for another', () => {
  expect(tinyModel({ type: 'Q8_0', seed: 5 })).toEqual(tinyModel({ type: 'Q8_0', seed: 5 }))
  expect(tinyModel({ type: 'Q8_0', seed: 5 })).not.toEqual(tinyModel({ type: 'Q8_0', seed: 6 }))
})

it.each(['F32', 'Q8_0', 'Q4_0', 'Q4_1'] as const)('%s has spread logits and greedy text in printable letters', async (type) => {
  const source = memorySource(tinyModel({ type }))
  const gguf = await readGguf(source)
  const model = await loadReference(gguf, source)
  const tokenizer = createTokenizer(gguf)
  const tokens = tokenizer.encode('The state of the union is strong.')
  const logits = referenceLogits(model, tokens)[0]
  const mean = logits.reduce((a, b) => a + b, 0) / logits.length
  expect(Math.sqrt(logits.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / logits.length)).toBeGreaterThan(2)
  const answer: number[] = []
  while (answer.length < 8) answer.push(argmax(referenceLogits(model, [...tokens, ...answer])[0]))
  expect(tokenizer.decode(answer)).toMatch(/^[ -~]{8,}$/)
  expect(new Set(answer).size).toBeGreaterThan(3)
})
