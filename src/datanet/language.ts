// The language of a text, guessed from the trigrams of several short samples that vote. Not translation, and no guess for
// texts too short to tell.
// Source: franc-min (82 languages). Its scores are relative to the best, and their distance shrinks with the sample's length:
// over 233 English speeches 0.17 at 300 units and 0.03 at 3,600 (median), so samples have one length.
import { francAll } from 'franc-min'
import type { IntakeDocument } from './intake-types.ts'

const SAMPLE = 300
const SAMPLES = 7
/** Letters below which trigrams say nothing. */
const LEAST_LETTERS = 60
/** Distance of the first to the second guess that is taken for certain: 19 of 20 of those speeches have 0.10, kin languages less. */
const CERTAIN = 0.05

export type Language = NonNullable<IntakeDocument['language']>

const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' })

/** Marks and digits say nothing of a language; masks are English words. */
const lettersOf = (text: string): string =>
  text
    .replace(/\[[A-Z ]+\]|https?:\/\/\S+/g, ' ')
    .replace(/[^\p{L}\p{M}'’\s]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()

/** Samples spread over the text; the whole when it is short. */
function samplesOf(text: string): string[] {
  if (text.length <= 2 * SAMPLE) return [text]
  const count = Math.min(SAMPLES, Math.floor(text.length / SAMPLE))
  // A little wider than needed, for what is no letter.
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor(((text.length - SAMPLE) * i) / Math.max(1, count - 1))
    return text.slice(from, from + SAMPLE + 60)
  })
}

/** The language of most samples, and all that at least two samples (or the only one) name with certainty. */
export function languagesIn(text: string): { language: Language | null; certain: Language[] } {
  const votes = new Map<string, { votes: number; certain: number; distance: number }>()
  let cast = 0
  for (const sample of samplesOf(text)) {
    const letters = lettersOf(sample).slice(0, SAMPLE)
    if (letters.length < LEAST_LETTERS) continue
    const [first, second] = francAll(letters)
    if (first === undefined || first[0] === 'und') continue
    cast++
    const distance = first[1] - (second?.[1] ?? 0)
    const vote = votes.get(first[0]) ?? { votes: 0, certain: 0, distance: 0 }
    votes.set(first[0], {
      votes: vote.votes + 1,
      certain: vote.certain + (distance >= CERTAIN ? 1 : 0),
      distance: vote.distance + distance,
    })
  }
  const ranked = [...votes].sort(([, a], [, b]) => b.votes - a.votes || b.distance - a.distance)
  const languages = ranked.map(([code, { votes: own, distance }]): Language => {
    const confidence = (own / cast) * Math.min(1, distance / own / CERTAIN)
    return { code, name: names.of(code) ?? code, confidence: Math.round(confidence * 100) / 100 }
  })
  return { language: languages[0] ?? null, certain: languages.filter((_, i) => ranked[i][1].certain >= Math.min(2, cast)) }
}
