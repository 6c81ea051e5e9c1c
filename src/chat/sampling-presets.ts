// Named ways of choosing words. A preset is a set of numbers and nothing else: choosing one writes them, and numbers that no
// preset has are `custom`.
// Source of the numbers: 0.7/0.9 is what this project's own benches sample with (bench/answers.ts); creative is the widest
// that this small a backbone still answers in sentences with.
import type { ConversationOptions } from './conversation.ts'

export type PresetName = 'precise' | 'balanced' | 'creative'

type Sampling = Pick<ConversationOptions, 'temperature' | 'topP' | 'topK'>

export const SAMPLING_PRESETS: Readonly<Record<PresetName, Sampling>> = {
  precise: { temperature: 0 },
  balanced: { temperature: 0.7, topP: 0.9 },
  creative: { temperature: 1, topP: 0.95, topK: 100 },
}

/** @example presetOf({ temperature: 0.7, topP: 0.9 }) // 'balanced' */
export function presetOf({ temperature, topP, topK }: Sampling): PresetName | 'custom' {
  for (const [name, preset] of Object.entries(SAMPLING_PRESETS)) {
    if (preset.temperature === temperature && preset.topP === topP && preset.topK === topK) return name as PresetName
  }
  return 'custom'
}
