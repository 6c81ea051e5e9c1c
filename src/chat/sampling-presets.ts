// Named ways of choosing words. A preset is a set of numbers and nothing else: choosing one writes them, and numbers that no
// preset has are `custom`.
// Source of the numbers: 0.7/0.9 is what this project's own benches sample with (bench/answers.ts); creative is the widest
// that this small a backbone still answers in sentences with; varied is balanced with the penalties that OpenAI's reference
// calls reasonable for less repetition.
import { SAMPLING_FIELDS, type SamplingSettings } from './sampling-fields.ts'

export type PresetName = 'precise' | 'balanced' | 'varied' | 'creative'

export const SAMPLING_PRESETS: Readonly<Record<PresetName, SamplingSettings>> = {
  precise: { temperature: 0 },
  balanced: { temperature: 0.7, topP: 0.9 },
  varied: { temperature: 0.7, topP: 0.9, presencePenalty: 0.5, frequencyPenalty: 0.5 },
  creative: { temperature: 1, topP: 0.95, topK: 100 },
}

/** @example presetOf({ temperature: 0.7, topP: 0.9 }) // 'balanced' */
export function presetOf(settings: SamplingSettings): PresetName | 'custom' {
  for (const [name, preset] of Object.entries(SAMPLING_PRESETS)) {
    const same = SAMPLING_FIELDS.every((field) => preset[field] === settings[field])
    if (same && preset.temperature === settings.temperature) return name as PresetName
  }
  return 'custom'
}
