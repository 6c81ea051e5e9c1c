// What a detector of personal or secret words returns, and the two looks at the surroundings that all of them share.
// Invariant: `from` < `to` are UTF-16 offsets of the text that was given.
import type { PiiKind } from '../intake-types.ts'

export interface Finding {
  kind: PiiKind
  from: number
  to: number
}

export type Detector = (text: string) => Finding[]

/** UTF-16 units before a number in which words tell what it is. */
const BEFORE = 40

/** Whether the words just before `at` match, on its own line or the one above. */
export const precededBy = (text: string, at: number, words: RegExp, units = BEFORE): boolean =>
  words.test(text.slice(Math.max(0, at - units), at))

export const digitsOf = (text: string): string => text.replace(/\D/g, '')
