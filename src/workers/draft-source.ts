// What the gpu worker asks the attribution worker while an answer runs: how these tokens go on in the chosen datanets.
// Not a proposer (datanet-proposer.ts). Nobody waits for an answer, and a wrong one costs time and never a word.
import type { Continuation } from '../attribution/draft-tokens.ts'

export interface DraftSource {
  /**
   * @param vocabulary of the ids, as {@link vocabularyMark} gives it: those of another model continue nothing
   * @param tokens the last tokens of a text @param most tokens wanted
   */
  continuation(vocabulary: string, tokens: number[], datanets: string[], most: number): Promise<Continuation>
}

/** Letters, digits, spaces and scripts that vocabularies cut in different ways. */
const PROBE = 'The 1,024 contributors’ quoted\n  sentences: 日本語, Überprüfung, проверка 🐝!'

/** Equal for models that cut words alike, other quantisations of one among them. */
export function vocabularyMark(encode: (text: string) => number[]): string {
  return encode(PROBE).join()
}
