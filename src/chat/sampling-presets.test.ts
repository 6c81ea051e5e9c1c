import { expect, test } from 'vitest'
import { presetOf, SAMPLING_PRESETS } from './sampling-presets.ts'

test('a preset is known by its numbers, and any other numbers are custom', () => {
  for (const [name, preset] of Object.entries(SAMPLING_PRESETS)) expect(presetOf(preset)).toBe(name)
  expect(presetOf({ temperature: 0.7 })).toBe('custom')
  expect(presetOf({ temperature: 0, topK: 3 })).toBe('custom')
})
