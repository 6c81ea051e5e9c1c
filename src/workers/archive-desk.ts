// A chosen file as conversations: unpacked where it is a zip, read with distrust (chat/archive-read.ts), given out in parts. Runs in
// a worker: reading takes 10 ms a million characters. Not the writing of archives (archive-zip.ts).
// Entries of a stranger's zip are judged before they are unpacked: their size, their number; and by name alone, since nothing is
// ever written to a path. fflate is loaded when the first zip is met.
import { readArchive } from '../chat/archive-read.ts'
import type { Conversation } from '../chat/conversation.ts'
import { OpenChatError } from '../errors.ts'

const MOST_UNPACKED_BYTES = 256_000_000
const MOST_ENTRIES = 10_000
/** Characters and messages of one part: a few ms for the page to take up. */
const PART_CHARACTERS = 250_000
const PART_MESSAGES = 250

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** @throws import_invalid, import_too_large, import_unknown */
export async function* readFile(file: File, now: number): AsyncGenerator<Conversation[]> {
  const context = { now, newId: () => crypto.randomUUID() as string }
  if (file.size > MOST_UNPACKED_BYTES) throw tooLarge(`“${file.name}” has ${file.size} bytes; ${MOST_UNPACKED_BYTES} can be read.`)
  const bytes = new Uint8Array(await file.arrayBuffer())
  const zipped = bytes[0] === 0x50 && bytes[1] === 0x4b
  const texts = zipped ? await unzipped(bytes) : [textOf(bytes)]
  yield* parts(texts.flatMap((text) => readArchive(text, context)))
}

function* parts(conversations: readonly Conversation[]): Generator<Conversation[]> {
  let part: Conversation[] = []
  let [characters, messages] = [0, 0]
  for (const conversation of conversations) {
    part.push(conversation)
    characters += conversation.messages.reduce((sum, { text }) => sum + text.length, 0)
    messages += conversation.messages.length
    if (characters < PART_CHARACTERS && messages < PART_MESSAGES) continue
    yield part
    part = []
    characters = 0
    messages = 0
  }
  if (part.length > 0) yield part
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
