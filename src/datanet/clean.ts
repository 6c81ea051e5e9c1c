// What a pasted or opened text must be before it can join a datanet, and the one form in which it joins.
// Not language, personal data or near-duplicates (intake.ts), not the formats of files (formats/).
// Invariant: cleaning is idempotent, and says in words all that it changed.
import { OpenChatError } from '../errors.ts'
import { withoutInvisible } from './invisible.ts'

/** UTF-16 units of one contributed document: about 250,000 words. Longer texts are to be split by their author. */
export const LONGEST_TEXT = 1_500_000
/** Shortest text that could ever carry a paid span. */
const SHORTEST_WORDS = 8

export interface CleanText {
  text: string
  /** One sentence for each kind of change. */
  changes: string[]
}

const CONTROLS = /(?![\t\n\r])\p{Cc}/gu
const isControl = (code: number) => (code < 32 && code !== 9 && code !== 10 && code !== 13) || (code >= 127 && code < 160)

/** Bytes of a text file as text. @throws contribution_binary when they are no UTF-8 */
export function decodeTextFile(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new OpenChatError('contribution_binary', 'This file is not UTF-8 text.', {
      cause,
      meta: { bytes: bytes.length },
      action: 'Save it as plain text (UTF-8) and choose it again.',
    })
  }
}

/** Words with a letter or a digit in them, counted up to `enough`. */
function countWords(text: string, enough: number): number {
  let words = 0
  for (const _ of text.matchAll(/\S*[\p{L}\p{N}]\S*/gu)) if (++words === enough) break
  return words
}

/**
 * NFC, unix line ends, no control or invisible characters, no trailing blanks, at most one empty line in a row.
 * @throws contribution_empty, contribution_too_large, contribution_binary
 */
export function cleanText(raw: string): CleanText {
  if (raw.length > LONGEST_TEXT) {
    throw new OpenChatError('contribution_too_large', `The text has ${raw.length} characters; one document may have ${LONGEST_TEXT}.`, {
      meta: { characters: raw.length, limit: LONGEST_TEXT },
      action: 'Split it into several documents.',
    })
  }
  const changes: string[] = []
  const step = (text: string, next: string, sentence: string) => {
    if (next !== text) changes.push(sentence)
    return next
  }
  let controls = 0
  for (let i = 0; i < raw.length; i++) if (isControl(raw.charCodeAt(i))) controls++
  if (raw.includes('\0') || controls > 8 + raw.length / 100) {
    throw new OpenChatError('contribution_binary', `The text holds ${controls} control characters: it looks like a binary file.`, {
      meta: { controls },
      action: 'Choose a text file, or paste the words themselves.',
    })
  }
  let text = raw
  // A half of a surrogate pair has no UTF-8: published, it would come back as another text.
  text = step(text, text.toWellFormed(), 'Broken characters were replaced.')
  // Before NFC: what stood between a letter and its accent is gone by then.
  text = step(text, withoutInvisible(text), 'Invisible characters were removed.')
  text = step(text, text.normalize('NFC'), 'Characters were brought into one Unicode form (NFC).')
  text = step(text, text.replace(/\r\n?/g, '\n'), 'Line ends were made uniform.')
  text = step(text, controls === 0 ? text : text.replace(CONTROLS, ''), 'Control characters were removed.')
  text = step(
    text,
    text
      .replace(/[ \t]+$/gm, '')
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    'Blanks at line ends and empty lines were trimmed.',
  )
  const words = countWords(text, SHORTEST_WORDS)
  if (words < SHORTEST_WORDS) {
    throw new OpenChatError('contribution_empty', `The text has ${words} words; a passage that can be credited needs ${SHORTEST_WORDS}.`, {
      meta: { words },
      action: 'Add the text you want to contribute.',
    })
  }
  return { text, changes }
}
