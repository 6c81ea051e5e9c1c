// Feeds sequences through the forward pass: prefill in chunks, and decode steps of several sequences joined into one submit.
// Not a sampler and not a conversation. It alone holds the GPU's turn, so two answers at once interleave and never collide.
// A step whose token need not be known here is submitted before the step before it was read (two deep), where that is faster:
// see ahead.ts. Invariants: tokens join a sequence only when their pass was submitted; a cancelled prefill keeps the chunks that
// are done; what is drawn is the same with and without steps ahead.
import { OpenChatError } from '../../errors.ts'
import type { Device } from '../device.ts'
import type { Prepared } from '../kernels/kernel.ts'
import type { Recorder } from '../recorder.ts'
import { Turns } from '../turns.ts'
import { Ahead, unknown } from './ahead.ts'
import type { Chooser, Collected, Wish } from './chooser.ts'
import type { Draw, Drawn } from './draw.ts'
import { type Forward, mostPicks, type Row } from './forward.ts'
import { type KvCache, promptTooLong, type Sequence } from './kv-cache.ts'

export interface PrefillOptions {
  signal?: AbortSignal
  /** Tokens of this call in the cache, and all. */
  onProgress?: (done: number, total: number) => void
}

/** Whoever decides how a sequence's tokens are drawn; a Sampler is one. */
export interface DrawSource {
  /** The next token's draw, asked for once a token and in their order. */
  draw(): Draw
  /** Whether a draw can be asked for before the token before it is known. */
  readonly foresees: boolean
}

/** What becomes of a pass's logits; a chooser's Choice is one. */
export interface Staged<T> {
  /** Behind the head, in the same submit. */
  work: Prepared[]
  /** To be called once the work is submitted. @returns by row; throws device_lost, gpu_fault */
  collect(): Promise<{ results: Promise<T[]> }>
}

export interface Step {
  sequence: Sequence
  /** Fed now. */
  token: number
  draws: DrawSource
  /** A step after this one may follow. */
  more: boolean
}

interface Waiting extends Step {
  resolve: (result: Drawn) => void
  reject: (error: unknown) => void
}

/** A chunk should take about this long, so that cancel is felt at once and no driver's watchdog fires. */
const chunkMs = 1000
const firstChunk = 8
/** While others decode, a chunk is a quarter of that, and at most so many tokens: each of their steps waits for one. */
const sharedChunk = 32

export interface RunnerParts {
  device: Device
  recorder: Recorder
  forward: Forward
  cache: KvCache
  chooser: Chooser
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
  /** Who has decoded and has not ended. */
  #decoders = new Set<Sequence>()
  /** Prefills under way, and their chunks since the last decode: turns go round, so more chunks than prefills mean that none decodes. */
  #prefills = 0
  #sinceDecode = Number.POSITIVE_INFINITY
  #ahead = new Ahead()
  /** Whose tokens lie in `scratch.tokens`, in their order; null when the last submit left none. */
  #onDevice: readonly Sequence[] | null = null
  #closed = false
  /** Dispatches of the last decode submit. */
  dispatchesPerDecode = 0
  /** Steps submitted before the step before them was read. */
  stepsAhead = 0

  constructor(parts: RunnerParts) {
    this.#parts = parts
  }

  /**
   * Appends `tokens` (at least one) to a sequence.
   * @param draws how what follows the last is drawn; false: its logits [vocab] are wanted; null: nothing is
   * @throws prompt_too_long, cancelled, device_lost, gpu_fault, gpu_out_of_memory
   */
  async prefill(sequence: Sequence, tokens: readonly number[], draws: DrawSource, options?: PrefillOptions): Promise<Drawn>
  async prefill(sequence: Sequence, tokens: readonly number[], draws: false, options?: PrefillOptions): Promise<Float32Array>
  async prefill(sequence: Sequence, tokens: readonly number[], draws: null, options?: PrefillOptions): Promise<null>
  async prefill(
    sequence: Sequence,
    tokens: readonly number[],
    draws: DrawSource | false | null,
    options: PrefillOptions = {},
  ): Promise<Drawn | Float32Array | null> {
    const { contextTokens } = this.#parts
    this.#checkTokens(tokens)
    const length = sequence.tokens.length + tokens.length
    if (length > contextTokens) throw promptTooLong(length, contextTokens)
    for (let done = 0; done < tokens.length; ) {
      this.#prefills++
      const turn = this.turns.take(async () => {
        throwIfCancelled(options.signal)
        const chunk = tokens.slice(done, done + this.#fairChunk())
        const final = draws !== null && done + chunk.length === tokens.length
        const begin = performance.now()
        const wishes = final ? [draws ? draws.draw() : null] : []
        const read = await this.#feed(sequence, chunk, final ? [chunk.length - 1] : [], () => this.#parts.chooser.stage(wishes))
        const answer = read === null ? await this.#parts.recorder.idle() : await read.results
        this.#adapt(chunk.length, performance.now() - begin)
        done += chunk.length
        return answer
      })
      const last = await turn.finally(() => {
        this.#prefills--
        this.#sinceDecode++
      })
      options.onProgress?.(done, tokens.length)
      if (last) return last[0]
    }
    if (draws === null && tokens.length > 0) return null
    throw promptEmpty()
  }

  /** One more token of a sequence. Calls made while the GPU is busy, or in the same task, share one submit. @returns what follows it */
  step(step: Step): Promise<Drawn> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...step, resolve, reject })
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
      const read = this.turns.take(async () => (await this.#together(part, () => part.map(() => null))).results)
      out.push(...((await read) as Float32Array[]))
    }
    return out
  }

  /**
   * Logits of every position, a chunk at a time.
   * @param visit receives the chunk's first position and [positions][vocab]
   */
  scan(
    sequence: Sequence,
    tokens: readonly number[],
    visit: (first: number, logits: Float32Array[]) => void,
    options: PrefillOptions = {},
  ): Promise<void> {
    const stage = (_: number, count: number) => this.#parts.chooser.stage(Array.from({ length: count }, () => null))
    return this.scanWith(sequence, tokens, stage as (first: number, count: number) => Promise<Staged<Float32Array>>, visit, options)
  }

  /**
   * What somebody reads of every position's logits, a chunk at a time.
   * @param stage asked within the chunk's turn, which lasts until its results are here
   * @param visit receives the chunk's first position and what was read
   */
  async scanWith<T>(
    sequence: Sequence,
    tokens: readonly number[],
    stage: (first: number, count: number) => Promise<Staged<T>>,
    visit: (first: number, read: T[]) => void,
    options: PrefillOptions = {},
  ): Promise<void> {
    this.#checkTokens(tokens)
    const length = sequence.tokens.length + tokens.length
    if (length > this.#parts.contextTokens) throw promptTooLong(length, this.#parts.contextTokens)
    for (let at = 0; at < tokens.length; at += mostPicks) {
      const chunk = tokens.slice(at, at + mostPicks)
      const results = await this.turns.take(async () => {
        throwIfCancelled(options.signal)
        const read = await this.#feed(sequence, chunk, [...chunk.keys()], () => stage(at, chunk.length))
        return read!.results
      })
      visit(at, results)
      options.onProgress?.(at + chunk.length, tokens.length)
    }
  }

  /** Gives the GPU's turn to `work` that writes into the scratch buffers itself: tokens that the last submit left there are gone. */
  lend<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.take(async () => {
      this.#checkOpen()
      this.#onDevice = null
      return work()
    })
  }

  /** Nothing is fed after this: what waits ends with `engine_disposed`. */
  close(): void {
    this.#closed = true
  }

  /** Runs `work`, which gives a sequence up, at once or after what is under way; a step ahead of it is thrown away. */
  end(work: () => void, sequence?: Sequence): void {
    const all = () => {
      if (sequence !== undefined) {
        this.#ahead.leave(sequence, this.#parts.cache)
        this.#decoders.delete(sequence)
      }
      work()
    }
    if (this.turns.free) all()
    else void this.turns.take(async () => all())
  }

  async #decode(): Promise<void> {
    this.#sinceDecode = 0
    const asked = this.#waiting.splice(0, mostPicks)
    for (const { sequence } of asked) this.#decoders.add(sequence)
    if (this.#waiting.length > 0) void this.turns.take(() => this.#decode())
    try {
      this.#checkOpen()
      const results = new Map<Sequence, Promise<Drawn>>()
      for (const { sequence, token } of asked) {
        const drawn = this.#ahead.take(sequence, token)
        if (drawn !== undefined) results.set(sequence, drawn)
      }
      const fresh = asked.filter(({ sequence }) => !results.has(sequence))
      if (fresh.length > 0) {
        const drawn = await this.#together(fresh, () => fresh.map(({ draws }) => draws.draw()))
        for (const [i, { sequence }] of fresh.entries()) {
          const own = (drawn.results as Promise<Drawn[]>).then((all) => all[i])
          own.catch(() => undefined)
          results.set(sequence, own)
        }
      }
      await this.#goAhead(asked)
      for (const { sequence, resolve } of asked) {
        const result = await results.get(sequence)!
        this.#ahead.know(sequence, result.id)
        resolve(result)
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  /** Submits the step after this one, if all that it feeds is on the device and nobody waits for anything else. */
  async #goAhead(asked: readonly Waiting[]): Promise<void> {
    const { cache, contextTokens, slotOf } = this.#parts
    const here = this.#onDevice
    if (here === null || here.length !== asked.length || this.#waiting.length > 0) return
    const follows = ({ sequence, draws, more }: Waiting, i: number) =>
      more && draws.foresees && sequence === here[i] && sequence.tokens.length < contextTokens
    if (!asked.every(follows)) return
    try {
      for (const { sequence } of asked) {
        slotOf(sequence.adapter)
        await cache.reserve(sequence, sequence.tokens.length + 1)
      }
    } catch {
      // No room, or the adapter is gone: the step itself will say so when it is asked for, if it is.
      return
    }
    const sequences = asked.map(({ sequence }) => sequence)
    const rows = sequences.map((sequence) => ({ sequence, token: unknown }))
    const { results } = await this.#together(rows, () => asked.map(({ draws }) => draws.draw()))
    this.stepsAhead++
    this.#ahead.put(sequences, results as Promise<Drawn[]>)
  }

  /** @param wishes asked for when the rows have their room */
  async #together(batch: readonly { sequence: Sequence; token: number }[], wishes: () => readonly Wish[]): Promise<Collected> {
    const { cache, forward, recorder, chooser, slotOf } = this.#parts
    this.#checkOpen()
    const rows: Row[] = []
    for (const { sequence, token } of batch) {
      await cache.reserve(sequence, sequence.tokens.length + 1)
      rows.push({ sequence, slot: slotOf(sequence.adapter), token, position: sequence.tokens.length })
    }
    const { work, onDevice, collect } = await chooser.stage(wishes())
    const before = recorder.counts.dispatches
    await forward.run(rows, [...rows.keys()], work)
    this.dispatchesPerDecode = recorder.counts.dispatches - before
    for (const { sequence, token } of rows) sequence.tokens.push(token)
    this.#onDevice = onDevice ? rows.map(({ sequence }) => sequence) : null
    return collect()
  }

  async #feed<T>(
    sequence: Sequence,
    tokens: readonly number[],
    picks: readonly number[],
    stage: () => Promise<Staged<T>>,
  ): Promise<{ results: Promise<T[]> } | null> {
    const { cache, forward, slotOf } = this.#parts
    this.#checkOpen()
    const first = sequence.tokens.length
    await cache.reserve(sequence, first + tokens.length)
    const slot = slotOf(sequence.adapter)
    const rows = tokens.map((token, i) => ({ sequence, slot, token, position: first + i }))
    const { work, collect } = await stage()
    await forward.run(rows, picks, work)
    sequence.tokens.push(...tokens)
    this.#onDevice = null
    return picks.length === 0 ? null : collect()
  }

  /**
   * Feeds a token and guesses of what follows it in one submit of its own, and keeps of them what was guessed right.
   * @param draws of what follows the token, and of what follows each guess
   * @returns what was drawn after the token and after every right guess: at least one, and one more than were right
   */
  guess(sequence: Sequence, token: number, guesses: readonly number[], draws: readonly Draw[]): Promise<Drawn[]> {
    const fed = [token, ...guesses]
    return this.turns.take(async () => {
      this.#sinceDecode = 0
      this.#decoders.add(sequence)
      const before = sequence.tokens.length
      const read = await this.#feed(sequence, fed, [...fed.keys()], () => this.#parts.chooser.stage(draws))
      const drawn = (await read!.results) as Drawn[]
      let right = 0
      while (right < guesses.length && drawn[right].id === guesses[right]) right++
      this.#parts.cache.truncate(sequence, before + 1 + right)
      return drawn.slice(0, right + 1)
    })
  }

  #fairChunk(): number {
    if (this.#decoders.size === 0 || this.#sinceDecode > this.#prefills) return this.#chunk
    return Math.max(firstChunk, Math.min(sharedChunk, Math.floor(this.#chunk / 32) * 8))
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
