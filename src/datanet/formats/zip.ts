// The files of a .zip, one after another: its list is read from the end, each file is unpacked when its turn comes. Names
// that climb out of the archive are refused, and unpacking stops when it gives more than an archive of texts could.
// Source: APPNOTE.TXT 4.3 and 4.4; fflate inflates. No zip64, no encryption, no archives within archives.
import { Inflate } from 'fflate'
import { OpenChatError } from '../../errors.ts'
import { readBytes } from './decode.ts'

export interface ZipEntry {
  name: string
  /** 0 stored, 8 deflated. */
  method: number
  packedBytes: number
  /** Offset of its local header. */
  at: number
}

const MOST_ENTRIES = 20_000
/** Of one file and of all of them, unpacked. */
const LARGEST_FILE = 512 * 2 ** 20
export const LARGEST_ARCHIVE = 2 ** 31
/** Text packs to a tenth, a list of zeros to a thousandth: beyond this, and beyond SMALL bytes, it is a bomb. */
const MOST_RATIO = 120
const SMALL = 4 * 2 ** 20
const END = 0x06054b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50

function invalid(reason: string): OpenChatError {
  return new OpenChatError('zip_invalid', `The .zip cannot be read: ${reason}.`, {
    meta: { reason },
    action: 'Unpack it and bring the folder.',
  })
}

function bomb(name: string, bytes: number): OpenChatError {
  return new OpenChatError('zip_bomb', `${name.slice(0, 80)} unpacks to ${bytes} bytes or more; no archive of texts is like that.`, {
    meta: { name: name.slice(0, 200), bytes },
    action: 'Unpack it yourself and bring the texts.',
  })
}

/** Whether a name stays inside its archive. */
export function isSafeName(name: string): boolean {
  return name !== '' && !/^[/\\]|^[A-Za-z]:|\\|\0/.test(name) && !name.split('/').includes('..')
}

/** What a system leaves in archives beside people's files. */
export const isLitter = (name: string): boolean => /(?:^|\/)(?:__MACOSX\/|\.DS_Store$|Thumbs\.db$|\.[^/]*$)/.test(name)

/** The list of files, folders left out. @throws zip_invalid, zip_unsafe, zip_bomb */
export async function readEntries(blob: Blob): Promise<ZipEntry[]> {
  const tail = await readBytes(blob, Math.max(0, blob.size - 65_557), blob.size)
  const end = new DataView(tail.buffer)
  let at = tail.length - 22
  while (at >= 0 && end.getUint32(at, true) !== END) at--
  if (at < 0) throw invalid('it has no list of its files')
  const count = end.getUint16(at + 10, true)
  const bytes = end.getUint32(at + 12, true)
  const from = end.getUint32(at + 16, true)
  if (count === 0xffff || from === 0xffffffff) throw invalid('it is of the zip64 kind')
  if (count > MOST_ENTRIES) throw invalid(`it has ${count} files; ${MOST_ENTRIES} can be read`)
  if (from + bytes > blob.size) throw invalid('its list lies outside the file')
  const list = await readBytes(blob, from, from + bytes)
  const view = new DataView(list.buffer)
  const entries: ZipEntry[] = []
  for (let offset = 0, i = 0; i < count; i++) {
    if (offset + 46 > list.length || view.getUint32(offset, true) !== CENTRAL) throw invalid('its list is damaged')
    const flags = view.getUint16(offset + 8, true)
    const nameLength = view.getUint16(offset + 28, true)
    const next = offset + 46 + nameLength + view.getUint16(offset + 30, true) + view.getUint16(offset + 32, true)
    const name = new TextDecoder(flags & 0x800 ? 'utf-8' : 'windows-1252').decode(list.subarray(offset + 46, offset + 46 + nameLength))
    if (!isSafeName(name)) {
      throw new OpenChatError('zip_unsafe', `The archive holds a file named ${name.slice(0, 80)}, which would lie outside it.`, {
        meta: { name: name.slice(0, 200) },
        action: 'Do not trust this archive.',
      })
    }
    if (flags & 1) throw invalid('it is locked with a password')
    if (!name.endsWith('/')) {
      entries.push({
        name,
        method: view.getUint16(offset + 10, true),
        packedBytes: view.getUint32(offset + 20, true),
        at: view.getUint32(offset + 42, true),
      })
    }
    offset = next
  }
  // Files that share their bytes unpack to any size at all, each within its own bound.
  const packed = entries.reduce((sum, { packedBytes }) => sum + packedBytes, 0)
  if (packed > blob.size) throw bomb('The archive', packed)
  return entries
}

/** One file, unpacked into a blob. @param budget bytes that may still be unpacked. @throws zip_invalid, zip_bomb */
export async function unpack(blob: Blob, entry: ZipEntry, budget: number, signal: AbortSignal): Promise<Blob> {
  const head = await readBytes(blob, entry.at, entry.at + 30)
  const view = new DataView(head.buffer)
  if (head.length < 30 || view.getUint32(0, true) !== LOCAL) throw invalid(`${entry.name.slice(0, 80)} is not where the list says`)
  const from = entry.at + 30 + view.getUint16(26, true) + view.getUint16(28, true)
  const packed = blob.slice(from, from + entry.packedBytes)
  if (packed.size < entry.packedBytes) throw invalid(`${entry.name.slice(0, 80)} is cut short`)
  if (entry.method === 0) {
    if (packed.size > Math.min(budget, LARGEST_FILE)) throw bomb(entry.name, packed.size)
    return packed
  }
  if (entry.method !== 8) throw invalid(`${entry.name.slice(0, 80)} is packed in a way that is not read here`)
  return inflate(packed, entry.name, Math.min(budget, LARGEST_FILE), signal)
}

async function inflate(packed: Blob, name: string, budget: number, signal: AbortSignal): Promise<Blob> {
  const pieces: Blob[] = []
  let unpacked = 0
  let seen = 0
  const stream = new Inflate((chunk) => {
    unpacked += chunk.length
    if (unpacked > budget || (unpacked > SMALL && unpacked > seen * MOST_RATIO)) throw bomb(name, unpacked)
    // A blob at once: the browser may keep it on disk.
    pieces.push(new Blob([chunk.slice()]))
  })
  // Small bites: fflate unpacks a whole bite before anybody can count.
  const bite = 16 * 1024
  for (let at = 0; at < packed.size; at += bite) {
    signal.throwIfAborted()
    const bytes = await readBytes(packed, at, Math.min(packed.size, at + bite))
    seen += bytes.length
    try {
      stream.push(bytes, at + bite >= packed.size)
    } catch (cause) {
      throw cause instanceof OpenChatError ? cause : invalid(`${name.slice(0, 80)} is damaged`)
    }
  }
  return new Blob(pieces)
}
