// Damaged files give typed errors and nothing else: 10,000 mutants each of GGUF and of safetensors, fewer of what is slower.
// `npm run fuzz:formats -- --seed N` runs all of them with another seed; the quick run takes a tenth.
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import { fuzz, largeSubjects, subjects } from './fuzz.testing.ts'

const share = process.env.OPEN_CHAT_QUICK === undefined ? 1 : 0.1
const mutants: Record<string, number> = {
  GGUF: 10_000 * share,
  safetensors: 10_000 * share,
  'PEFT config': 2_000 * share,
  folder: 1_000 * share,
  'split GGUF': 500 * share,
}

const [small, large] = [await subjects(), await largeSubjects()]

describe('mutants', () => {
  it.each(small)(
    '$what',
    async (subject) => {
      const { foreign, pastHeader, mostRead, mostReadInAll } = await fuzz(subject, mutants[subject.what], 1)
      expect(foreign).toEqual([])
      expect(pastHeader).toBeGreaterThan(0.2 * mutants[subject.what])
      expect(mostRead).toBeLessThanOrEqual(1)
      // A part's keys, and a tensor that is rewritten, are read twice.
      expect(mostReadInAll).toBeLessThanOrEqual(3)
      // Seven seconds on a quiet machine.
    },
    240_000,
  )

  it.each(large)('$what: no more than twice its bytes are alive at once', async (subject) => {
    const { foreign, whole, mostMemory, measured } = await fuzz(subject, 24, 1, true)
    expect(foreign).toEqual([])
    expect(whole).toBeGreaterThan(2)
    expect(measured).toBeGreaterThan(12)
    expect(mostMemory).toBeGreaterThan(0.5)
    expect(mostMemory).toBeLessThan(2)
  })
})
