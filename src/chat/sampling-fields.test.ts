import { expect, test } from 'vitest'
import { notTaken, requestSampling, SAMPLING_FIELDS, samplingOf } from './sampling-fields.ts'

test('what is present goes on, under the names of a request, and nothing else does', () => {
  const settings = { temperature: 0.7, topP: 0.9, presencePenalty: -0.5, maxTokens: 4 }
  expect(samplingOf(settings)).toEqual({ topP: 0.9, presencePenalty: -0.5 })
  expect(requestSampling(settings)).toEqual({ top_p: 0.9, presence_penalty: -0.5 })
  expect(requestSampling({ topK: 3, minP: 0.1, repetitionPenalty: 1.1, frequencyPenalty: 1 })).toEqual({
    ...{ top_k: 3, min_p: 0.1, repetition_penalty: 1.1, frequency_penalty: 1 },
  })
})

test('the local engine takes every field; no engine is said to lack one that there is not', () => {
  expect(notTaken('local')).toEqual([])
  for (const engine of ['cpu', 'web-llm', 'remote'] as const) {
    for (const field of notTaken(engine)) expect(SAMPLING_FIELDS).toContain(field)
  }
})
