// The settings by which words are chosen, under their names here and in a request, and which engine takes which of them.
// Not their meaning: src/gpu/reference/sampling.ts states it. A field that an engine does not take is not sent to it, and the
// page does not offer it there.
import type { ChatRequest, EngineKind } from './ports.ts'

export interface SamplingSettings {
  /** 0: always the likeliest. */
  temperature: number
  topP?: number
  topK?: number
  minP?: number
  /** 1: none. */
  repetitionPenalty?: number
  /** 0: none. */
  presencePenalty?: number
  frequencyPenalty?: number
}

/** Those that may be absent. */
export type SamplingField = Exclude<keyof SamplingSettings, 'temperature'>

const REQUEST_NAMES = {
  topP: 'top_p',
  topK: 'top_k',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
} as const satisfies Record<SamplingField, keyof ChatRequest>

export const SAMPLING_FIELDS = Object.keys(REQUEST_NAMES) as SamplingField[]

/**
 * Fields that are another engine's own business. web-llm's requests know neither; servers that speak OpenAI's protocol have two
 * names for a repetition penalty, and refuse the one they do not know.
 */
const NOT_TAKEN: Record<EngineKind, readonly SamplingField[]> = {
  local: [],
  cpu: [],
  'web-llm': ['topK', 'minP'],
  remote: ['repetitionPenalty'],
}

export function notTaken(engine: EngineKind): readonly SamplingField[] {
  return NOT_TAKEN[engine]
}

/** The fields that are present, and no others. */
export function samplingOf(settings: Partial<SamplingSettings>): Omit<SamplingSettings, 'temperature'> {
  return Object.fromEntries(SAMPLING_FIELDS.flatMap((field) => (settings[field] === undefined ? [] : [[field, settings[field]]])))
}

/** The fields that are present, under the names of a request. */
export function requestSampling(settings: Partial<SamplingSettings>): Pick<ChatRequest, (typeof REQUEST_NAMES)[SamplingField]> {
  return Object.fromEntries(Object.entries(samplingOf(settings)).map(([field, value]) => [REQUEST_NAMES[field as SamplingField], value]))
}
