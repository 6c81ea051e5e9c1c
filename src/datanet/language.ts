// The language of a text, guessed from the trigrams of a sample. Not translation, and no guess for texts too short to tell.
// Source: franc-min (82 languages); its scores are relative to the best, so the distance to the second is the confidence.
import { francAll } from 'franc-min'
import type { IntakeDocument } from './intake-types.ts'

const SAMPLE = 1_200
/** Letters below which trigrams say nothing. */
const LEAST_LETTERS = 60
/** Distance of the first to the second guess that is taken for certain. */
const CERTAIN = 0.15

export type Language = NonNullable<IntakeDocument['language']>

const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' })

/** Marks and digits say nothing of a language; masks are English words. */
const lettersOf = (text: string): string =>
  text
    .replace(/\[[A-Z ]+\]|https?:\/\/\S+/g, ' ')
    .replace(/[^\p{L}\p{M}'’\s]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()

/** @returns null when the sample is too short or no language fits */
export function languageOf(sample: string): Language | null {
  const letters = lettersOf(sample)
  if (letters.length < LEAST_LETTERS) return null
  const [first, second] = francAll(letters)
  if (first === undefined || first[0] === 'und') return null
  const confidence = Math.min(1, (first[1] - (second?.[1] ?? 0)) / CERTAIN)
  return { code: first[0], name: names.of(first[0]) ?? first[0], confidence: Math.round(confidence * 100) / 100 }
}

/** Samples from the start, the middle and near the end, each of at most SAMPLE units. */
export function samplesOf(text: string): string[] {
  if (text.length <= 2 * SAMPLE) return [text]
  return [0.02, 0.5, 0.9].map((place) => {
    const from = Math.floor((text.length - SAMPLE) * place)
    return text.slice(from, from + SAMPLE)
  })
}

/** The language of the whole, and those of its samples that are told with certainty. */
export function languagesIn(text: string): { language: Language | null; certain: Language[] } {
  const samples = samplesOf(text)
  const language = languageOf(samples.join(' '))
  const each = samples.length === 1 ? [] : samples.map(languageOf).filter((guess) => guess !== null && guess.confidence >= 0.8)
  return {
    language,
    certain: each.filter((guess) => guess !== null).filter((guess, i, all) => all.findIndex((other) => other?.code === guess.code) === i),
  }
}
