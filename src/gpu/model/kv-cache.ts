// Keys and values of every position fed so far, in pages of 32 tokens shared by all sequences, and the table of what they hold.
// Not attention, and not a prompt store: it knows token ids only.
// Invariants: a page belongs to one sequence; a parked sequence is found again by its content alone, that is by the adapter's
// digest and the tokens, never by a name (three servers shipped that bug); live sequences are never evicted.
// f32 unless f16 is asked for, which halves the bytes: k and v rounded to f16 cost 1.3e-2 in a logit.
import { OpenChatError } from '../../errors.ts'
import type { Arena, Lease } from '../arena.ts'
import { type KvPrecision, kvBytes } from '../kernels/kv/precision.ts'
import type { Recorder } from '../recorder.ts'

export const pageTokens = 32
const parkedMost = 16

export interface Sequence {
  /** Digest of the adapter its keys were made under; '' for the backbone alone. */
  readonly adapter: string
  /** Whose keys and values are in the pages, or are being written by submitted work. */
  tokens: number[]
  pages: number[]
}

export interface KvShape {
  layers: number
  /** kvHeads · headDim */
  width: number
  contextTokens: number
  /** f32 when absent. */
  precision?: KvPrecision
}

export class KvCache {
  /** One buffer a layer, [pages · 32][k, v][width] of `precision`. Replaced when the pool grows: then `generation` moves. */
  buffers: GPUBuffer[] = []
  generation = 0
  #leases: Lease<GPUBuffer>[] = []
  #pages = 0
  #free: number[] = []
  #live = new Set<Sequence>()
  /** Least recently used first. */
  #parked: Sequence[] = []
  #arena: Arena<GPUBuffer>
  #recorder: Recorder
  #shape: KvShape

  constructor(arena: Arena<GPUBuffer>, recorder: Recorder, shape: KvShape) {
    this.#arena = arena
    this.#recorder = recorder
    this.#shape = shape
  }

  get precision(): KvPrecision {
    return this.#shape.precision ?? 'f32'
  }

  get bytes(): number {
    return this.#leases.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Memory for one full context at once, so that an answer which began with room does not run out of it. @throws gpu_out_of_memory */
  async fill(): Promise<void> {
    const pages = Math.ceil(this.#shape.contextTokens / pageTokens)
    if (pages > this.#pages) await this.#grow(pages)
  }

  open(adapter: string): Sequence {
    const sequence: Sequence = { adapter, tokens: [], pages: [] }
    this.#live.add(sequence)
    return sequence
  }

  /**
   * A live sequence that already holds the longest known beginning of `tokens` under this adapter, but never all of them: the
   * last token is left to be fed, as its logits are wanted.
   */
  async resume(adapter: string, tokens: readonly number[]): Promise<Sequence> {
    let best: Sequence | null = null
    let shared = 0
    for (const known of [...this.#parked, ...this.#live]) {
      if (known.adapter !== adapter) continue
      const same = commonPrefix(known.tokens, tokens.slice(0, -1))
      if (same > shared) [best, shared] = [known, same]
    }
    if (best === null) return this.open(adapter)
    const parked = this.#parked.indexOf(best)
    // Most of it is wanted: take it over. Else copy, so that the other conversation keeps its own.
    if (parked >= 0 && shared * 2 >= best.tokens.length) {
      this.#parked.splice(parked, 1)
      this.#live.add(best)
      this.truncate(best, shared)
      return best
    }
    return this.copy(best, shared)
  }

  /** Ends a sequence but remembers it. */
  park(sequence: Sequence): void {
    if (!this.#live.delete(sequence)) return
    if (sequence.tokens.length === 0) this.#release(sequence)
    else this.#parked.push(sequence)
    while (this.#parked.length > parkedMost) this.#release(this.#parked.shift()!)
  }

  /** Ends a sequence and forgets it. */
  drop(sequence: Sequence): void {
    if (this.#live.delete(sequence)) this.#release(sequence)
  }

  truncate(sequence: Sequence, tokens: number): void {
    sequence.tokens.length = Math.min(sequence.tokens.length, tokens)
    this.#free.push(...sequence.pages.splice(Math.ceil(sequence.tokens.length / pageTokens)))
  }

  /** A new live sequence with the first `tokens` of another, in pages of its own. */
  async copy(from: Sequence, tokens: number): Promise<Sequence> {
    const to = this.open(from.adapter)
    // Reserving may grow the pool or evict what is parked, so the source must be live while its pages are read.
    const parked = this.#parked.indexOf(from)
    if (parked >= 0) this.#parked.splice(parked, 1)
    try {
      await this.reserve(to, tokens)
      await this.#copyPages(from.pages, to.pages)
      to.tokens = from.tokens.slice(0, tokens)
      return to
    } catch (error) {
      this.drop(to)
      throw error
    } finally {
      if (parked >= 0) this.#parked.push(from)
    }
  }

  /**
   * Makes room for a sequence of `tokens` tokens in all.
   * @throws session_disposed; prompt_too_long; gpu_out_of_memory when nothing parked is left to give up
   */
  async reserve(sequence: Sequence, tokens: number): Promise<void> {
    const { contextTokens } = this.#shape
    if (!this.#live.has(sequence)) throw ended()
    if (tokens > contextTokens) throw promptTooLong(tokens, contextTokens)
    const missing = Math.ceil(tokens / pageTokens) - sequence.pages.length
    if (missing <= 0) return
    if (this.#free.length < missing) await this.#makeRoom(missing)
    sequence.pages.push(...this.#free.splice(-missing))
  }

  /** Place of a position in the pool, as the kernels count. */
  place(sequence: Sequence, position: number): number {
    return sequence.pages[Math.floor(position / pageTokens)] * pageTokens + (position % pageTokens)
  }

  dispose(): void {
    for (const lease of this.#leases.splice(0)) lease.release()
    this.buffers = []
    this.#free = []
    this.#pages = 0
    this.#parked = []
    this.#live.clear()
  }

  #release(sequence: Sequence): void {
    this.#free.push(...sequence.pages.splice(0))
    sequence.tokens = []
  }

  /** Up to one full context the pool grows; beyond it, what is parked goes first. */
  async #makeRoom(missing: number): Promise<void> {
    while (this.#free.length < missing && this.#pages * pageTokens >= this.#shape.contextTokens && this.#parked.length > 0) {
      this.#release(this.#parked.shift()!)
    }
    if (this.#free.length >= missing) return
    try {
      await this.#growAbout(Math.max(this.#pages * 2, this.#pages + missing, 32), this.#pages + missing)
    } catch (error) {
      while (this.#free.length < missing && this.#parked.length > 0) this.#release(this.#parked.shift()!)
      if (this.#free.length < missing) throw error
    }
  }

  /** What was wished for, or, where memory is short, what is needed. */
  async #growAbout(wished: number, needed: number): Promise<void> {
    try {
      await this.#grow(wished)
    } catch (error) {
      if (needed === wished) throw error
      await this.#grow(needed)
    }
  }

  async #grow(pages: number): Promise<void> {
    const { layers } = this.#shape
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const grown: Lease<GPUBuffer>[] = []
    try {
      for (let layer = 0; layer < layers; layer++) {
        grown.push(await this.#arena.allocate(pages * this.#pageBytes, usage, `kv.${layer}`, { exact: true }))
      }
    } catch (error) {
      for (const lease of grown) lease.release()
      throw error
    }
    if (this.#pages > 0) {
      const bytes = this.#pages * this.#pageBytes
      this.#recorder.copy(grown.map((lease, layer) => ({ from: this.buffers[layer], fromOffset: 0, to: lease.buffer, toOffset: 0, bytes })))
    }
    for (const lease of this.#leases) lease.release()
    this.#leases = grown
    this.buffers = grown.map(({ buffer }) => buffer)
    for (let page = this.#pages; page < pages; page++) this.#free.push(page)
    this.#pages = pages
    this.generation++
  }

  get #pageBytes(): number {
    return pageTokens * 2 * this.#shape.width * kvBytes[this.precision]
  }

  /** Through a scratch buffer: WebGPU copies nothing within one buffer. */
  async #copyPages(from: readonly number[], to: readonly number[]): Promise<void> {
    if (to.length === 0) return
    const bytes = this.#pageBytes
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const scratch = await this.#arena.allocate(to.length * bytes, usage, 'kv copy')
    for (const kv of this.buffers) {
      const there = to.map((_, i) => ({ from: kv, fromOffset: from[i] * bytes, to: scratch.buffer, toOffset: i * bytes, bytes }))
      const back = to.map((page, i) => ({ from: scratch.buffer, fromOffset: i * bytes, to: kv, toOffset: page * bytes, bytes }))
      this.#recorder.copy([...there, ...back])
    }
    scratch.release()
  }
}

export function promptTooLong(tokens: number, contextTokens: number): OpenChatError {
  return new OpenChatError('prompt_too_long', `The prompt has ${tokens} tokens; this model's context holds ${contextTokens}.`, {
    meta: { tokens, contextTokens },
    action: 'Shorten the question, or begin a new conversation.',
  })
}

/** Work that goes on after its sequence was given up must not write into pages that may be another's now. */
function ended(): OpenChatError {
  return new OpenChatError('session_disposed', 'This session was disposed while it was fed.', { action: 'Open a new session.' })
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length)
  let i = 0
  while (i < end && a[i] === b[i]) i++
  return i
}
