// What a screen reader is told while an answer streams: whole sentences, each once. Pure.

const END = /[.!?…:][)"”’»\]]*(?=\s)|\n/g

/** @returns how many characters of `text` end in a whole sentence; never fewer than `said`. */
export function saidUpTo(text: string, said: number): number {
  let end = said
  END.lastIndex = said
  for (let match = END.exec(text); match !== null; match = END.exec(text)) end = match.index + match[0].length
  return end
}

/** Words without the signs of markdown, which are noise when read out. */
export function spoken(markdown: string): string {
  return markdown
    .replace(/^[ \t]*(?:[-*+]|#{1,6}|>|\|)[ \t]*/gm, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_`|]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
