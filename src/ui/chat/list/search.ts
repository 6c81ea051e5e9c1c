// Search over the words of all conversations: titles and messages of every branch, folded once and kept as plain strings
// while somebody searches. Plain search, no index: a thousand chats are some ten million characters, read in milliseconds.
// Pure; loading is ui/state/conversations.svelte.ts.
import type { Conversation } from '../../../chat/conversation.ts'

export interface SearchText {
  id: string
  changedAt: number
  title: string
  /** All messages, one line each. */
  body: string
  /** Title and body folded for comparing: of the same length, where the language allows it. */
  foldedTitle: string
  foldedBody: string
}

export interface Found {
  id: string
  title: string
  /** Words around the first hit; empty when only the title has it. */
  snippet: string
  /** UTF-16 range of the hit in the snippet. */
  from: number
  to: number
}

const BEFORE = 40
const SNIPPET = 140

/** Lower case, accents off; a character stays one character, so that places agree. */
export function folded(text: string): string {
  return text.toLowerCase().replace(/[^\s!-~]/g, (unit) => {
    const bare = unit.normalize('NFD')[0]
    return /\p{M}/u.test(bare) ? unit : bare
  })
}

export function searchText({ id, changedAt, title, messages }: Conversation): SearchText {
  const body = messages.map((message) => message.text.replace(/\s+/g, ' ')).join('\n')
  return { id, changedAt, title, body, foldedTitle: folded(title), foldedBody: folded(body) }
}

/** Conversations that hold every word of `query`, those with a hit in the title first, then the latest. */
export function search(texts: readonly SearchText[], query: string): Found[] {
  const words = folded(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return []
  const phrase = words.join(' ')
  const hits = texts.flatMap((text) => {
    if (!words.every((word) => text.foldedTitle.includes(word) || text.foldedBody.includes(word))) return []
    const whole = text.foldedBody.indexOf(phrase)
    const word = whole >= 0 ? phrase : (words.find((w) => text.foldedBody.includes(w)) ?? '')
    const at = whole >= 0 ? whole : word === '' ? -1 : text.foldedBody.indexOf(word)
    return [{ text, inTitle: words.every((w) => text.foldedTitle.includes(w)), at, length: word.length }]
  })
  hits.sort((a, b) => Number(b.inTitle) - Number(a.inTitle) || b.text.changedAt - a.text.changedAt)
  return hits.map(({ text: { id, title, body }, at, length }) => {
    if (at < 0) return { id, title, snippet: '', from: 0, to: 0 }
    const start = Math.max(0, at - BEFORE)
    const lead = start > 0 ? '…' : ''
    const snippet = `${lead}${body.slice(start, start + SNIPPET).replaceAll('\n', ' ')}${start + SNIPPET < body.length ? '…' : ''}`
    const from = at - start + lead.length
    return { id, title, snippet, from, to: from + length }
  })
}
