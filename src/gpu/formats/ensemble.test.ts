import { expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { createTokenizer } from '../model/tokenizer.ts'
import { loadReference, referenceLogits } from '../reference/forward.ts'
import { maxDifference } from '../vectors.testing.ts'
import { memorySource } from './bytes.testing.ts'
import { ensemble } from './ensemble.ts'
import { readGguf } from './gguf.ts'
import { readPeft } from './peft.ts'

it('adds up to the sum of the deltas, whatever their ranks, scales and modules', async () => {
  const source = memorySource(tinyModel())
  const gguf = await readGguf(source)
  const model = await loadReference(gguf, source)
  const tokens = createTokenizer(gguf).encode('the state of the union')
  const parts = [
    tinyAdapter({ rank: 3, seed: 1, config: { lora_alpha: 5 } }),
    tinyAdapter({ rank: 2, seed: 2, modules: ['q_proj', 'up_proj'], layers: [1], config: { use_rslora: true } }),
  ]
  const deltas = parts.flatMap((files) => readPeft(files, model.config).deltas)
  const wanted = referenceLogits(model, tokens, { deltas })[0]
  const together = readPeft(ensemble(parts, model.config), model.config)
  expect(together.deltas.find(({ layer, module }) => layer === 1 && module === 'q_proj')?.rank).toBe(5)
  const got = referenceLogits(model, tokens, { deltas: together.deltas })[0]
  expect(maxDifference(got, wanted)).toBeLessThan(1e-4)
  expect(maxDifference(got, referenceLogits(model, tokens)[0])).toBeGreaterThan(0.1)
})
