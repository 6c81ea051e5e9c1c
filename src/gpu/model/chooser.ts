// What becomes of a submit's logits: the dispatches behind the head, and the reading of what they chose. Per row a token drawn on
// the device (4 bytes come back; with its log probability 8, and 8 more for each likely one that is told beside it), a token drawn
// here from logits that were read, or the logits themselves; rows of all kinds share a submit, and one copy brings everything.
// Where a barrier is dear (Forward.decodeVariant, chosen by timing it) the CPU draws what is not plainly greedy, and finds the
// likeliest that are told beside a token. On SwiftShader, a vocabulary of 49,152, the device against reading the logits and draw.ts,
// with the log probability of the drawn token: greedy 2.4 ms and 2.6, four rows 3.9 and 6.6; at temperature 0.8 and top-p 0.9, 28
// and 6.3, four rows 55 and 21 (medians of 20, two cores, one run, interleaved, 2026-11).
// Not a sampler's state: that is sampler.ts.
import type { Arena, Lease } from '../arena.ts'
import { argmax } from '../kernels/argmax.ts'
import type { Dispatch, Prepared, Programs } from '../kernels/kernel.ts'
import { logprobs, readTold, toldWords, wordsTold } from '../kernels/logprobs.ts'
import { editsOf, penalise } from '../kernels/penalise.ts'
import { drawRows, rowWords, sample } from '../kernels/sample.ts'
import type { Recorder } from '../recorder.ts'
import { type Draw, type Drawn, drawToken, greedy, isPlainGreedy } from './draw.ts'
import { mostPicks, type Scratch } from './scratch.ts'

/** Who draws: the CPU where a kernel that draws was found to be wrong here, as well as what the header says. */
export type Drawer = 'device' | 'cpu'

/** null: this row's logits are wanted as they are. */
export type Wish = Draw | null

export interface Choice {
  /** Behind the head, in the same submit. */
  work: Prepared[]
  /** Every row's token lies in `scratch.tokens`, where the next step's rows read theirs. */
  onDevice: boolean
  /** To be called once the work is submitted. When it resolves, what is submitted later cannot change the results. */
  collect(): Promise<Collected>
}

export interface Collected {
  /** By row; throws device_lost, gpu_fault. */
  results: Promise<(Drawn | Float32Array)[]>
}

/** What it takes to read or judge logits behind a pass: here, and in replay-reading.ts. */
export interface LogitParts {
  arena: Arena<GPUBuffer>
  recorder: Recorder
  programs: Programs
  scratch: Scratch
  vocab: number
  /** Barriers are cheap here. */
  parallel: () => boolean
}

const storage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST

export class Chooser {
  drawer: Drawer = 'device'
  #parts: LogitParts
  #leases = new Map<string, Lease<GPUBuffer>>()
  #prepared = new Map<string, Promise<Prepared[]>>()
  #edits = 0

  constructor(parts: LogitParts) {
    this.#parts = parts
  }

  /** The pipelines of a greedy step, so that the first answer waits for none. */
  async warm(): Promise<void> {
    await this.#argmax()
    await this.#logprobs(await this.#settings([]), [])
  }

  /** Whose pipelines draws may come to need; {@link warm} made some. */
  dispatches(): Dispatch[] {
    if (this.drawer === 'cpu') return []
    return this.#all().slice(0, this.#parts.parallel() ? 4 : 2)
  }

  /** Text of every kernel that draws, whoever does. */
  shaderTexts(): string[] {
    return this.#all().map(({ kernel }) => kernel.code)
  }

  #all(): Dispatch[] {
    const { scratch, vocab } = this.#parts
    const { logits, chosen, tokens } = scratch
    // To be made and not to be bound: any buffer will do.
    const [settings, allowed, edits, count, told] = Array<GPUBuffer>(5).fill(logits)
    const threads = this.#threads
    return [
      argmax({ logits, token: chosen, tokens, vocab, threads }),
      logprobs({ logits, settings, edits, count, chosen, told, vocab, threads }),
      // Where barriers are dear the CPU does the rest.
      sample({ logits, settings, allowed, chosen, tokens, vocab }),
      penalise({ edits, settings, count, logits, vocab }, () => 0),
    ]
  }

  /** Uploads what the draws need; call it before the submit whose logits they are about, with nothing submitted in between. */
  async stage(wishes: readonly Wish[]): Promise<Choice> {
    const onDevice = wishes.map((wish) => wish !== null && this.#drawsOnDevice(wish))
    const kept = onDevice.every((here) => here) && this.#parts.parallel()
    const collect = () => this.#collect(wishes, onDevice)
    if (!onDevice.includes(true)) return { work: [], onDevice: false, collect }
    const draws = wishes.map((wish, i) => (onDevice[i] ? wish! : greedy))
    const greedily = draws.every(isPlainGreedy)
    const told = draws.some(({ logprobs }) => logprobs !== null)
    if (greedily && !told) return { work: await this.#argmax(), onDevice: kept, collect }
    const settings = await this.#settings(draws)
    const edits = editsOf(draws)
    this.#edits = edits.length / 4
    const drawing = greedily ? await this.#argmax() : await this.#sample(settings, draws, edits)
    const telling = told ? await this.#logprobs(settings, edits) : []
    return { work: [...drawing, ...telling], onDevice: kept, collect }
  }

  dispose(): void {
    for (const lease of this.#leases.values()) lease.release()
    this.#leases.clear()
    this.#prepared.clear()
  }

  #argmax(): Promise<Prepared[]> {
    const { scratch, vocab } = this.#parts
    const { logits, chosen, tokens } = scratch
    return this.#kept('argmax', () => [argmax({ logits, token: chosen, tokens, vocab, threads: this.#threads })])
  }

  /** Each of the likeliest costs a pass over the logits, which the CPU finds in one. */
  #drawsOnDevice(draw: Draw): boolean {
    if (this.drawer === 'cpu') return false
    return this.#parts.parallel() || (isPlainGreedy(draw) && (draw.logprobs ?? 0) === 0)
  }

  get #threads(): 256 | 16 {
    return this.#parts.parallel() ? 256 : 16
  }

  async #settings(draws: readonly Draw[]): Promise<GPUBuffer> {
    const settings = await this.#buffer('sampler settings', mostPicks * rowWords, storage())
    this.#parts.recorder.upload(settings, 0, drawRows(draws))
    return settings
  }

  async #sample(settings: GPUBuffer, draws: readonly Draw[], list: Uint32Array): Promise<Prepared[]> {
    const { recorder, scratch, vocab } = this.#parts
    const { logits, chosen, tokens } = scratch
    const masked = draws.some(({ allowed }) => allowed !== null)
    const words = Math.ceil(vocab / 32)
    // Nobody reads it where no row is masked, but a binding must be there.
    const allowed = masked ? await this.#buffer('sampler mask', mostPicks * words, storage()) : settings
    draws.forEach((draw, i) => {
      if (draw.allowed !== null)
        recorder.upload(allowed, 4 * i * words, new Uint32Array(draw.allowed.buffer, draw.allowed.byteOffset, words))
    })
    const work = await this.#kept(`sample ${masked}`, () => [sample({ logits, settings, allowed, chosen, tokens, vocab })])
    if (list.length === 0) return work
    const edits = await this.#buffer('sampler edits', list.length, storage())
    const count = await this.#editCount()
    recorder.upload(edits, 0, list)
    return [...(await this.#kept('penalise', () => [penalise({ edits, settings, count, logits, vocab }, () => this.#edits)])), ...work]
  }

  async #logprobs(settings: GPUBuffer, list: ArrayLike<number>): Promise<Prepared[]> {
    const { scratch, vocab } = this.#parts
    const { logits, chosen } = scratch
    const edited = list.length > 0
    // Nobody reads them where there are none, but a binding must be there.
    const edits = edited ? await this.#buffer('sampler edits', list.length, storage()) : settings
    const [count, told] = [await this.#editCount(), await this.#told()]
    const threads = this.#threads
    return this.#kept(`logprobs ${edited}`, () => [logprobs({ logits, settings, edits, count, chosen, told, vocab, threads })])
  }

  async #editCount(): Promise<GPUBuffer> {
    const count = await this.#buffer('sampler edit count', 4, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    this.#parts.recorder.upload(count, 0, new Uint32Array([this.#edits, 0, 0, 0]))
    return count
  }

  #told(): Promise<GPUBuffer> {
    return this.#buffer('log probabilities', mostPicks * toldWords, storage() | GPUBufferUsage.COPY_SRC)
  }

  /** What comes back: every row's id in one piece, and of each row beside it its log probabilities, its logits, or nothing more. */
  async #collect(wishes: readonly Wish[], onDevice: readonly boolean[]): Promise<Collected> {
    const { recorder, scratch, vocab } = this.#parts
    const ids = { buffer: scratch.chosen, offset: 0, bytes: onDevice.includes(true) ? 4 * wishes.length : 0 }
    const told = await this.#told()
    const rows = wishes.map((wish, row) => {
      if (!onDevice[row]) return { buffer: scratch.logits, offset: 4 * row * vocab, bytes: 4 * vocab }
      const likeliest = wish?.logprobs ?? null
      return { buffer: told, offset: 4 * row * toldWords, bytes: likeliest === null ? 0 : 4 * wordsTold(likeliest, vocab) }
    })
    const { bytes } = await recorder.readRanges([ids, ...rows].filter((range) => range.bytes > 0))
    const results = bytes.then((read) => {
      const chosen = new Uint32Array(read, 0, ids.bytes / 4)
      let at = ids.bytes
      return wishes.map((wish, row): Drawn | Float32Array => {
        const own = at
        at += rows[row].bytes
        if (onDevice[row]) {
          const id = chosen[row]
          return rows[row].bytes === 0 ? { id } : { id, logprobs: readTold(new Uint32Array(read, own, rows[row].bytes / 4)) }
        }
        const logits = new Float32Array(read, own, vocab)
        return wish === null ? logits : drawToken(logits, wish)
      })
    })
    // Whoever waits for them is told; a step that is thrown away may fail unseen.
    results.catch(() => undefined)
    return { results }
  }

  /** At least so large; dispatches that bound a smaller one are made anew. */
  async #buffer(label: string, words: number, usage: number): Promise<GPUBuffer> {
    const known = this.#leases.get(label)
    if (known !== undefined && known.bytes >= 4 * words) return known.buffer
    const grown = await this.#parts.arena.allocate(4 * words, usage, label)
    known?.release()
    this.#leases.set(label, grown)
    this.#prepared.clear()
    return grown.buffer
  }

  #kept(key: string, make: () => Dispatch[]): Promise<Prepared[]> {
    const known = this.#prepared.get(key)
    if (known) return known
    const made = this.#parts.programs.prepare(make())
    this.#prepared.set(key, made)
    made.catch(() => this.#prepared.delete(key))
    return made
  }
}
