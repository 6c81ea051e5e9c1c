// Archives as files of the browser: written, saved, chosen. What stands in them is chat/archive.ts's; a chosen file is unpacked and
// read by a worker (workers/archive-desk.ts), since a year of chats is tens of megabytes.
// A zip holds conversations.json, which is enough to bring everything back, and one Markdown file a conversation to read.
import { archiveJson, archiveMarkdown, fileNameOf } from '../../../chat/archive.ts'
import type { Conversation } from '../../../chat/conversation.ts'
import type { ArchiveWorker } from '../../../workers/archive-api.ts'
import { openWorker, streamOf } from '../../../workers/rpc.ts'

const encoder = new TextEncoder()

export interface SavedFile {
  name: string
  blob: Blob
}

export function oneAsJson(conversation: Conversation, now: number): SavedFile {
  return {
    name: `${fileNameOf(conversation.title)}.json`,
    blob: new Blob([archiveJson([conversation], now)], { type: 'application/json' }),
  }
}

export function oneAsMarkdown(conversation: Conversation): SavedFile {
  return { name: `${fileNameOf(conversation.title)}.md`, blob: new Blob([archiveMarkdown(conversation)], { type: 'text/markdown' }) }
}

export async function allAsZip(conversations: readonly Conversation[], now: number): Promise<SavedFile> {
  const entries: Record<string, Uint8Array> = { 'conversations.json': encoder.encode(archiveJson(conversations, now)) }
  conversations.forEach((conversation, i) => {
    entries[`markdown/${String(i + 1).padStart(4, '0')}-${fileNameOf(conversation.title)}.md`] = encoder.encode(
      archiveMarkdown(conversation),
    )
  })
  const { zipSync } = await import('fflate')
  const day = new Date(now).toISOString().slice(0, 10)
  return { name: `open-chat-${day}.zip`, blob: new Blob([new Uint8Array(zipSync(entries, { level: 6 }))]) }
}

/** Hands a file to the browser's own saving. */
export function save({ name, blob }: SavedFile): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // The browser reads the address after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** @throws import_invalid, import_too_large, import_unknown */
export async function readFile(file: File, now: number): Promise<Conversation[]> {
  const { api, close } = openWorker<ArchiveWorker>(
    new Worker(new URL('../../../workers/archive.worker.ts', import.meta.url), { type: 'module' }),
  )
  try {
    const conversations: Conversation[] = []
    for await (const part of streamOf(api.read(file, now))) conversations.push(...part)
    return conversations
  } finally {
    close()
  }
}
