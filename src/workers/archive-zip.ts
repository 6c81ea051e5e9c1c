// All conversations as one zip: conversations.json, which is enough to bring everything back, and one Markdown file a conversation
// to read. Runs in a worker: a year of chats is tens of megabytes to write and to pack. What stands in the files is chat/archive.ts's.
import { archiveJson, archiveMarkdown, fileNameOf } from '../chat/archive.ts'
import type { Conversation } from '../chat/conversation.ts'

const encoder = new TextEncoder()

/** @param now ms since the epoch */
export async function zipOf(conversations: AsyncIterable<Conversation>, now: number): Promise<Blob> {
  const all: Conversation[] = []
  for await (const conversation of conversations) all.push(conversation)
  const entries: Record<string, Uint8Array> = { 'conversations.json': encoder.encode(archiveJson(all, now)) }
  for (const [i, conversation] of all.entries()) {
    const name = `markdown/${String(i + 1).padStart(4, '0')}-${fileNameOf(conversation.title)}.md`
    entries[name] = encoder.encode(archiveMarkdown(conversation))
  }
  const { zipSync } = await import('fflate')
  return new Blob([new Uint8Array(zipSync(entries, { level: 6 }))])
}
