// A little-endian cursor over the head of a file that is read in pieces. Not a whole-file buffer: consumed pieces are dropped,
// so the peak is one piece (or one string) beside what the parser keeps.
// Invariant: no length read from the file is believed before it was compared with what the file still holds.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'

const pieceBytes = 1 << 16
/** The largest vocabularies in use make headers of some 20 MB; a hostile length must not make us hold a whole disk. */
const maxHeaderBytes = 1 << 27
const lenient = new TextDecoder()

export class HeaderReader {
  readonly #source: ByteSource
  #buffer = new Uint8Array(0)
  #view = new DataView(this.#buffer.buffer)
  /** File offset of #buffer[0], and the cursor within #buffer. */
  #base = 0
  #at = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  get offset(): number {
    return this.#base + this.#at
  }

  get remaining(): number {
    return this.#source.bytes - this.offset
  }

  /** True when the next `bytes` can be taken without waiting. */
  has(bytes: number): boolean {
    return this.#buffer.length - this.#at >= bytes
  }

  /** Makes the next `bytes` available. @throws file_truncated, naming what was being read. */
  async fill(bytes: number, what: string): Promise<void> {
    if (this.has(bytes)) return
    if (bytes > this.remaining) {
      throw new OpenChatError(
        'file_truncated',
        `The file ends inside ${what}: ${bytes} bytes are needed at ${this.offset}, ${this.remaining} are there.`,
        { meta: { what, offset: this.offset, needed: bytes, remaining: this.remaining }, action: 'Fetch the file again.' },
      )
    }
    if (this.offset + bytes > maxHeaderBytes) {
      throw new OpenChatError('gguf_invalid', `The header reaches past ${maxHeaderBytes} bytes inside ${what}.`, { meta: { what } })
    }
    const kept = this.#buffer.length - this.#at
    const wanted = Math.min(Math.max(bytes, pieceBytes), this.remaining)
    const fresh = await this.#source.read(this.offset + kept, wanted - kept)
    const joined = new Uint8Array(wanted)
    joined.set(this.#buffer.subarray(this.#at))
    joined.set(fresh, kept)
    this.#base = this.offset
    this.#at = 0
    this.#buffer = joined
    this.#view = new DataView(joined.buffer)
  }

  /** The next `bytes` as a view for the caller to read at once; the cursor moves past them. They must be filled. */
  take(bytes: number): DataView {
    const view = new DataView(this.#view.buffer, this.#view.byteOffset + this.#at, bytes)
    this.#at += bytes
    return view
  }

  async u32(what: string): Promise<number> {
    if (!this.has(4)) await this.fill(4, what)
    const value = this.#view.getUint32(this.#at, true)
    this.#at += 4
    return value
  }

  /** A u64 that counts or measures something in this file. @throws gguf_invalid when it is no safe integer. */
  async length(what: string): Promise<number> {
    if (!this.has(8)) await this.fill(8, what)
    return this.lengthNow(what)
  }

  /** {@link length} when 8 bytes are already there. */
  lengthNow(what: string): number {
    const value = this.#view.getBigUint64(this.#at, true)
    this.#at += 8
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new OpenChatError('gguf_invalid', `The length of ${what} is ${value}, more than any file holds.`, { meta: { what } })
    }
    return Number(value)
  }

  /** UTF-8 of `bytes` bytes, already filled. Invalid sequences become U+FFFD unless `decoder` is a fatal one. */
  textNow(bytes: number, decoder: TextDecoder = lenient): string {
    const text = decoder.decode(this.#buffer.subarray(this.#at, this.#at + bytes))
    this.#at += bytes
    return text
  }
}
