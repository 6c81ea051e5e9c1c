// Archives as files of the browser: written, saved, chosen, unpacked. What stands in them is chat/archive.ts's.
// A zip holds conversations.json, which is enough to bring everything back, and one Markdown file a conversation to read.
// Entries of a stranger's zip are judged before they are unpacked: their size, their number; and by name alone, since
// nothing is ever written to a path. fflate is loaded when the first zip is met.
import { archiveJson, archiveMarkdown, fileNameOf } from '../../../chat/archive.ts'
import { readArchive } from '../../../chat/archive-read.ts'
import type { Conversation } from '../../../chat/conversation.ts'
import { OpenChatError } from '../../../errors.ts'

const MOST_UNPACKED_BYTES = 256_000_000
const MOST_ENTRIES = 10_000
const encoder = new TextEncoder()
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

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
  const context = { now, newId: () => crypto.randomUUID() as string }
  if (file.size > MOST_UNPACKED_BYTES) throw tooLarge(`“${file.name}” has ${file.size} bytes; ${MOST_UNPACKED_BYTES} can be read.`)
  const bytes = new Uint8Array(await file.arrayBuffer())
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return (await unzipped(bytes)).flatMap((text) => readArchive(text, context))
  return readArchive(textOf(bytes), context)
}

/** The texts of the zip that can hold conversations: its JSON, or where there is none its Markdown. */
async function unzipped(bytes: Uint8Array): Promise<string[]> {
  const { unzipSync } = await import('fflate')
  let entries = 0
  let unpacked = 0
  const wanted = (name: string) => /\.(json|md)$/i.test(name) && isPlainName(name)
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (++entries > MOST_ENTRIES) throw tooLarge(`This zip holds more than ${MOST_ENTRIES} files.`)
        if (!wanted(name)) return false
        unpacked += originalSize
        if (unpacked > MOST_UNPACKED_BYTES) throw tooLarge(`This zip unpacks to more than ${MOST_UNPACKED_BYTES} bytes.`)
        return true
      },
    })
  } catch (cause) {
    if (cause instanceof OpenChatError) throw cause
    throw new OpenChatError('import_invalid', 'This zip is damaged or cut off.', {
      action: 'Nothing was changed. Download or export it again.',
      cause,
    })
  }
  const names = Object.keys(files).sort()
  const json = names.filter((name) => /(^|\/)conversations\.json$/i.test(name))
  const chosen = json.length > 0 ? json : names
  if (chosen.length === 0) {
    throw new OpenChatError('import_unknown', 'This zip holds no conversations: neither JSON nor Markdown.', {
      action: 'Choose a zip that was exported here, or the conversations.json inside it.',
    })
  }
  return chosen.map((name) => textOf(files[name]))
}

/** Names that would leave a folder were they ever written somewhere say that the file means harm. */
function isPlainName(name: string): boolean {
  if (/(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[a-z]:/i.test(name)) {
    throw new OpenChatError('import_invalid', `This zip names a file outside itself: “${name.slice(0, 80)}”.`, {
      action: 'Nothing was changed. Do not use this file.',
    })
  }
  return true
}

function tooLarge(sentence: string): OpenChatError {
  return new OpenChatError('import_too_large', sentence, { action: 'Nothing was changed. Import it in parts.' })
}
