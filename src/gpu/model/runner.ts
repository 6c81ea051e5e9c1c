// Feeds sequences through the forward pass: prefill in chunks, and decode steps of several sequences joined into one submit.
// Not a sampler and not a conversation. It alone holds the GPU's turn, so two answers at once interleave and never collide.
// Invariants: tokens join a sequence only when their pass was submitted; a cancelled prefill keeps the chunks that are done.
import { OpenChatError } from '../../errors.ts'
import type { Device } from '../device.ts'
import type { Recorder } from '../recorder.ts'
import { Turns } from '../turns.ts'
import { type Forward, mostPicks, type Row } from './forward.ts'
import { type KvCache, promptTooLong, type Sequence } from './kv-cache.ts'
import type { Scratch } from './scratch.ts'

export interface PrefillOptions {
  signal?: AbortSignal
  /** Tokens of this call in the cache, and all. */
  onProgress?: (done: number, total: number) => void
}

interface Waiting {
  sequence: Sequence
  token: number
  greedy: boolean
  resolve: (result: number | Float32Array) => void
  reject: (error: unknown) => void
}

/** A chunk should take about this long, so that cancel is felt at once and no driver's watchdog fires. */
const chunkMs = 1000
const firstChunk = 8

export interface RunnerParts {
  device: Device
  recorder: Recorder
  forward: Forward
  cache: KvCache
  scratch: Scratch
  vocab: number
  contextTokens: number
  /** Looked up at every submit: an adapter removed in the middle of an answer is an error, never another one in its slot. */
  slotOf: (digest: string) => number
}

export class Runner {
  readonly turns = new Turns()
  #parts: RunnerParts
  #waiting: Waiting[] = []
  #chunk = firstChunk
  #closed = false
  /** Dispatches of the last decode submit. */
  dispatchesPerDecode = 0

  constructor(parts: RunnerParts) {
    this.#parts = parts
  }

  /**
   * Appends `tokens` (at least one) to a sequence.
   * @returns what follows the last: its logits [vocab], or with `greedy` their arg max
   * @throws prompt_too_long, cancelled, device_lost, gpu_fault, gpu_out_of_memory
   */
  async prefill(sequence: Sequence, tokens: readonly number[], greedy: true, options?: PrefillOptions): Promise<number>
  async prefill(sequence: Sequence, tokens: readonly number[], greedy: false, options?: PrefillOptions): Promise<Float32Array>
  async prefill(
    sequence: Sequence,
    tokens: readonly number[],
    greedy: boolean,
    options: PrefillOptions = {},
  ): Promise<number | Float32Array> {
    const { contextTokens } = this.#parts
    this.#checkTokens(tokens)
    const length = sequence.tokens.length + tokens.length
    if (length > contextTokens) throw promptTooLong(length, contextTokens)
    for (let done = 0; done < tokens.length; ) {
      const last = await this.turns.take(async () => {
        throwIfCancelled(options.signal)
        const chunk = tokens.slice(done, done + this.#chunk)
        const final = done + chunk.length === tokens.length
        const begin = performance.now()
        await this.#feed(sequence, chunk, final ? [chunk.length - 1] : [], greedy)
        const answer = final ? await this.#answers(1, greedy) : await this.#parts.recorder.idle()
        this.#adapt(chunk.length, performance.now() - begin)
        done += chunk.length
        return answer
      })
      options.onProgress?.(done, tokens.length)
      if (last) return last[0]
    }
    throw promptEmpty()
  }

  /**
   * One more token of a sequence. Calls made while the GPU is busy, or in the same task, share one submit.
   * @returns logits [vocab], or with `greedy` their arg max
   */
  step(sequence: Sequence, token: number, greedy: boolean): Promise<number | Float32Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sequence, token, greedy, resolve, reject })
      if (this.#waiting.length > 1) return
      // A macrotask later, so that answers resumed by the same readback are all here; then whoever came while waiting for the turn.
      setTimeout(() => void this.turns.take(() => this.#decode()), 0)
    })
  }

  /** Several rows in one submit, in their order. @returns logits [rows][vocab] */
  async stepRows(rows: readonly { sequence: Sequence; token: number }[]): Promise<Float32Array[]> {
    this.#checkTokens(rows.map(({ token }) => token))
    if (new Set(rows.map(({ sequence }) => sequence)).size !== rows.length) {
      throw new OpenChatError('step_invalid', 'Two rows of one step belong to the same session.', { action: 'Fork the session first.' })
    }
    const out: Float32Array[] = []
    for (let at = 0; at < rows.length; at += mostPicks) {
      const part = rows.slice(at, at + mostPicks)
      out.push(...((await this.turns.take(() => this.#together(part, false))) as Float32Array[]))
    }
    return out
  }

  /**
   * Logits of every position, a chunk at a time.
   * @param visit receives the chunk's first position and [positions][vocab]
   */
  async scan(
    sequence: Sequence,
    tokens: readonly number[],
    visit: (first: number, logits: Float32Array[]) => void,
    options: PrefillOptions = {},
  ): Promise<void> {
    this.#checkTokens(tokens)
    const length = sequence.tokens.length + tokens.length
    if (length > this.#parts.contextTokens) throw promptTooLong(length, this.#parts.contextTokens)
    for (let at = 0; at < tokens.length; at += mostPicks) {
      const chunk = tokens.slice(at, at + mostPicks)
      const logits = await this.turns.take(async () => {
        throwIfCancelled(options.signal)
        await this.#feed(sequence, chunk, [...chunk.keys()], false)
        return (await this.#answers(chunk.length, false)) as Float32Array[]
      })
      visit(at, logits)
      options.onProgress?.(at + chunk.length, tokens.length)
    }
  }

  /** Nothing is fed after this: what waits ends with `engine_disposed`. */
  close(): void {
    this.#closed = true
  }

  /** Runs `work`, which gives a sequence up, at once or after what is under way. */
  end(work: () => void): void {
    if (this.turns.free) work()
    else void this.turns.take(async () => work())
  }

  async #decode(): Promise<void> {
    // Rows that want only the arg max are not mixed with rows that want logits: their readback is 4 bytes.
    const { greedy } = this.#waiting[0]
    const batch = this.#waiting.filter((waiting) => waiting.greedy === greedy).slice(0, mostPicks)
    this.#waiting = this.#waiting.filter((waiting) => !batch.includes(waiting))
    if (this.#waiting.length > 0) void this.turns.take(() => this.#decode())
    try {
      const results = await this.#together(batch, greedy)
      batch.forEach(({ resolve }, i) => {
        resolve(results[i])
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async #together(batch: readonly { sequence: Sequence; token: number }[], greedy: boolean): Promise<number[] | Float32Array[]> {
    const { cache, forward, recorder, slotOf } = this.#parts
    this.#checkOpen()
    const rows: Row[] = []
    for (const { sequence, token } of batch) {
      await cache.reserve(sequence, sequence.tokens.length + 1)
      rows.push({ sequence, slot: slotOf(sequence.adapter), token, position: sequence.tokens.length })
    }
    const before = recorder.counts.dispatches
    await forward.run(rows, [...rows.keys()], greedy)
    this.dispatchesPerDecode = recorder.counts.dispatches - before
    for (const { sequence, token } of rows) sequence.tokens.push(token)
    return this.#answers(rows.length, greedy)
  }

  async #feed(sequence: Sequence, tokens: readonly number[], picks: readonly number[], greedy: boolean): Promise<void> {
    const { cache, forward, slotOf } = this.#parts
    this.#checkOpen()
    const first = sequence.tokens.length
    await cache.reserve(sequence, first + tokens.length)
    const slot = slotOf(sequence.adapter)
    const rows = tokens.map((token, i) => ({ sequence, slot, token, position: first + i }))
    await forward.run(rows, picks, greedy)
    sequence.tokens.push(...tokens)
  }

  async #answers(picks: number, greedy: boolean): Promise<number[] | Float32Array[]> {
    const { recorder, scratch, vocab } = this.#parts
    if (greedy) return [...new Uint32Array(await recorder.read(scratch.chosen, picks * 4))]
    const bytes = await recorder.read(scratch.logits, picks * vocab * 4)
    return Array.from({ length: picks }, (_, i) => new Float32Array(bytes, i * vocab * 4, vocab))
  }

  #adapt(tokens: number, ms: number): void {
    if (tokens < this.#chunk) return
    const fitting = Math.floor((tokens * chunkMs) / Math.max(ms, 1) / 8) * 8
    this.#chunk = Math.max(8, Math.min(this.#parts.forward.mostRows, this.#chunk * 4, fitting))
  }

  #checkOpen(): void {
    if (this.#closed) throw new OpenChatError('engine_disposed', 'The engine was disposed.', { action: 'Load the model again.' })
  }

  #checkTokens(tokens: readonly number[]): void {
    const { vocab } = this.#parts
    const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocab)
    if (wrong === undefined) return
    throw new OpenChatError('token_invalid', `Token ${wrong} is not in the vocabulary of ${vocab}.`, { meta: { token: wrong, vocab } })
  }
}

export function promptEmpty(): OpenChatError {
  return new OpenChatError('prompt_empty', 'The prompt has no tokens.', { action: 'Write something.' })
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new OpenChatError('cancelled', 'The work was cancelled.')
}
