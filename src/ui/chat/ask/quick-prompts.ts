// Which quick prompts fit what stands in the composer: `/` at the beginning asks for them, the letters after it narrow.
// A person's own come first, and replace a given one of the same name.
import type { QuickPrompt } from '../../state/preferences.svelte.ts'

/** @returns null when the words ask for no list. @example fitting('/su', [], [['summary', '…']]) // [{ name: 'summary', … }] */
export function fitting(text: string, own: readonly QuickPrompt[], given: readonly [string, string][]): QuickPrompt[] | null {
  const asked = /^\/(\S*)$/u.exec(text)
  if (asked === null) return null
  const names = new Set(own.map(({ name }) => name))
  const all = [...own, ...given.filter(([name]) => !names.has(name)).map(([name, words]) => ({ name, text: words }))]
  const part = asked[1].toLowerCase()
  const begins = ({ name }: QuickPrompt) => name.toLowerCase().startsWith(part)
  return [...all.filter(begins), ...all.filter((p) => !begins(p) && p.name.toLowerCase().includes(part))]
}
