// Bytes of a text file as text, piece by piece: UTF-8, UTF-16 of either order, or Windows-1252 (which holds Latin-1), told by
// its mark, by its zeros, or by whether it is UTF-8 at all. Not the guess of any other old code page.
// Invariants: the pieces joined are the decoded whole, and no piece ends inside a character; a byte order mark is not text.
// Source: WHATWG Encoding Standard.
import { OpenChatError } from '../../errors.ts'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

/** Bytes read at a time. */
const PIECE_BYTES = 512 * 1024
const SAMPLE_BYTES = 64 * 1024

export const readBytes = async (blob: Blob, from: number, to: number): Promise<Uint8Array> =>
  new Uint8Array(await blob.slice(from, to).arrayBuffer())

function isUtf8(bytes: Uint8Array, wholeStart: boolean): boolean {
  // A sample from the middle may begin inside a character, and any sample may end inside one.
  let start = 0
  if (!wholeStart) while (start < 3 && (bytes[start] & 0xc0) === 0x80) start++
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start), { stream: true })
    return true
  } catch {
    return false
  }
}

/** The order of UTF-16 without a mark: Latin letters leave every other byte zero. */
function zeroSide(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  let even = 0
  let odd = 0
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 0) i % 2 === 0 ? even++ : odd++
  const half = bytes.length / 2
  if (odd > half * 0.4 && even < half * 0.02) return 'utf-16le'
  if (even > half * 0.4 && odd < half * 0.02) return 'utf-16be'
  return null
}

/** @throws contribution_empty, contribution_binary */
export async function sniffEncoding(blob: Blob): Promise<Encoding> {
  if (blob.size === 0) {
    throw new OpenChatError('contribution_empty', 'The file is empty.', { meta: { bytes: 0 }, action: 'Choose a file with text in it.' })
  }
  const head = await readBytes(blob, 0, SAMPLE_BYTES)
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  const side = zeroSide(head)
  if (side !== null) return side
  let controls = 0
  for (const byte of head) if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && byte !== 12) controls++
  if (head.includes(0) || controls > 8 + head.length / 100) {
    throw new OpenChatError('contribution_binary', `The file holds ${controls} control characters at its start: it is not text.`, {
      meta: { controls, bytes: blob.size },
      action: 'Choose a text file, or save it as text first.',
    })
  }
  const middle = Math.floor(blob.size / 2)
  const samples = [
    head,
    await readBytes(blob, middle, middle + SAMPLE_BYTES),
    await readBytes(blob, Math.max(0, blob.size - SAMPLE_BYTES), blob.size),
  ]
  return samples.every((sample, i) => isUtf8(sample, i === 0)) ? 'utf-8' : 'windows-1252'
}

export interface TextPiece {
  text: string
  /** Bytes of the file read so far. */
  doneBytes: number
}

/** The file's text in pieces of about half a megabyte. */
export async function* decodePieces(blob: Blob, encoding: Encoding, signal: AbortSignal): AsyncGenerator<TextPiece> {
  const decoder = new TextDecoder(encoding)
  for (let from = 0; from < blob.size; from += PIECE_BYTES) {
    signal.throwIfAborted()
    const to = Math.min(blob.size, from + PIECE_BYTES)
    const text = decoder.decode(await readBytes(blob, from, to), { stream: to < blob.size })
    if (text !== '') yield { text, doneBytes: to }
  }
}

/** How the encoding is told to people, or null where there is nothing to tell. */
export const encodingNote = (encoding: Encoding): string | null =>
  encoding === 'utf-8'
    ? null
    : `The file was read as ${encoding === 'windows-1252' ? 'Windows-1252 (Latin-1)' : 'UTF-16'} and brought to UTF-8.`
