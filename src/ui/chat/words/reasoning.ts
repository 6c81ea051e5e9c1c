// The reasoning that some models write before their answer, between <think> and </think>, told apart from the answer. Only
// at the beginning: later ones are words like any other. Pure; ranges, not copies, so that marks keep their places.
// Source: the chat template of DeepSeek-R1 distills, which opens the block itself, so that `<think>` may be absent.

const OPENING = /^\s*<think>[ \t]*\n?/
const CLOSING = /\n?<\/think>[ \t]*\n*/

export interface Reasoned {
  /** Range of the reasoning, null where there is none. */
  reasoning: { from: number; to: number } | null
  /** The reasoning has not ended yet. */
  open: boolean
  /** Where the answer begins. */
  answerFrom: number
}

export function reasonedParts(text: string): Reasoned {
  const opening = OPENING.exec(text)
  const closing = CLOSING.exec(text)
  const from = opening?.[0].length ?? 0
  if (closing !== null && (opening !== null || isLone(text, closing.index))) {
    const empty = text.slice(from, closing.index).trim() === ''
    return { reasoning: empty ? null : { from, to: closing.index }, open: false, answerFrom: closing.index + closing[0].length }
  }
  if (opening === null) return { reasoning: null, open: false, answerFrom: 0 }
  return { reasoning: { from, to: text.length }, open: true, answerFrom: text.length }
}

/** A closing tag that no opening one precedes ends reasoning, unless it stands in code. */
function isLone(text: string, closing: number): boolean {
  const before = text.slice(0, closing)
  return !before.includes('<think>') && (before.match(/`/g)?.length ?? 0) % 2 === 0
}
