// Paragraphs of a hard-wrapped text, each on one line, as they are indexed. Not an intake pipeline (src/datanet): text that is
// known to be English prose, code already cut into declarations.
// Invariants: NFC; no control characters but the line feeds between paragraphs; single spaces inside one. Paragraphs are parted
// by two line feeds and a space, because with the space a paragraph's first word has the token that it has within a line, so
// that an answer that begins with it is found.

const BREAK = '\n\n '
/** A line that begins an item of a list: a bullet, a number, or a letter in brackets. */
const ITEM = /^\s*(?:[-*•]\s|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s)/iu

/** Single spaces, no control characters. */
export const oneLine = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()

/** Lines joined into paragraphs, which end at a blank line or where a list's item begins. */
export function paragraphs(text: string): string {
  const out: string[] = []
  let open = ''
  for (const line of text.replace(/\r\n?/gu, '\n').split('\n')) {
    if (line.trim() === '' || ITEM.test(line)) {
      out.push(open)
      open = ''
    }
    open += ` ${line}`
  }
  return joined([...out, open])
}

/** Paragraphs as one text; blank ones are left out. */
export const joined = (parts: readonly string[]): string =>
  parts
    .map(oneLine)
    .filter((part) => part !== '')
    .join(BREAK)
