// Archives as files of the browser: written, saved, chosen. What stands in them is chat/archive.ts's. All conversations are packed,
// and a chosen file is unpacked and read, by a worker (workers/archive-zip.ts, archive-desk.ts): a year of chats is tens of megabytes.
import { archiveJson, archiveMarkdown, fileNameOf } from '../../../chat/archive.ts'
import type { Conversation } from '../../../chat/conversation.ts'
import type { ArchiveWorker } from '../../../workers/archive-api.ts'
import { openWorker, streamOf } from '../../../workers/rpc.ts'

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

/** Pulled one by one by the worker that packs them. */
export async function allAsZip(conversations: AsyncIterable<Conversation>, now: number): Promise<SavedFile> {
  const { api, close } = openArchiveWorker()
  try {
    return { name: `open-chat-${new Date(now).toISOString().slice(0, 10)}.zip`, blob: await api.zip(conversations, now) }
  } finally {
    close()
  }
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
  const { api, close } = openArchiveWorker()
  try {
    const conversations: Conversation[] = []
    for await (const part of streamOf(api.read(file, now))) conversations.push(...part)
    return conversations
  } finally {
    close()
  }
}

const openArchiveWorker = () =>
  openWorker<ArchiveWorker>(new Worker(new URL('../../../workers/archive.worker.ts', import.meta.url), { type: 'module' }))
