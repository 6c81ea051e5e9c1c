// What becomes of a submit's logits: the dispatches behind the head, and the reading of what they chose. Per row a token drawn on
// the device (4 bytes come back), a token drawn here from logits that were read, or the logits themselves; rows of all kinds
// share a submit, and one copy brings everything.
// Where a barrier is dear (Forward.decodeVariant, chosen by timing it) the CPU draws what is not plainly greedy: on SwiftShader, a
// vocabulary of 49,152 at temperature 0.8 and top-p 0.9, sample.wgsl took 1.9 times as long as reading the logits and draw.ts
// (34 and 18 ms on two cores that others used too, one run, interleaved, 2026-11). Log probabilities are always told from logits
// that were read.
// Not a sampler's state: that is sampler.ts.
import type { Arena, Lease } from '../arena.ts'
import { argmax } from '../kernels/argmax.ts'
import type { Dispatch, Prepared, Programs } from '../kernels/kernel.ts'
import { editsOf, penalise } from '../kernels/penalise.ts'
import { drawRows, rowWords, sample } from '../kernels/sample.ts'
import type { Recorder } from '../recorder.ts'
import { type Draw, type Drawn, drawToken, greedy, isPlainGreedy } from './draw.ts'
import { mostPicks, type Scratch } from './scratch.ts'

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

export interface ChooserParts {
  arena: Arena<GPUBuffer>
  recorder: Recorder
  programs: Programs
  scratch: Scratch
  vocab: number
  /** Barriers are cheap here. */
  parallel: () => boolean
}

export class Chooser {
  #parts: ChooserParts
  #leases = new Map<string, Lease<GPUBuffer>>()
  #prepared = new Map<string, Promise<Prepared[]>>()
  #edits = 0

  constructor(parts: ChooserParts) {
    this.#parts = parts
  }

  /** The pipelines of a greedy step, so that the first answer waits for none. */
  async warm(): Promise<void> {
    await this.#argmax()
  }

  /** Uploads what the draws need; call it before the submit whose logits they are about, with nothing submitted in between. */
  async stage(wishes: readonly Wish[]): Promise<Choice> {
    const { parallel } = this.#parts
    const onDevice = wishes.map((wish) => wish !== null && (isPlainGreedy(wish) || (parallel() && wish.logprobs === null)))
    const kept = onDevice.every((here) => here)
    const collect = () => this.#collect(wishes, onDevice)
    if (!onDevice.includes(true)) return { work: [], onDevice: false, collect }
    const draws = wishes.map((wish, i) => (onDevice[i] ? wish! : greedy))
    if (draws.every(isPlainGreedy)) return { work: await this.#argmax(), onDevice: kept && parallel(), collect }
    return { work: await this.#sample(draws), onDevice: kept, collect }
  }

  dispose(): void {
    for (const lease of this.#leases.values()) lease.release()
    this.#leases.clear()
    this.#prepared.clear()
  }

  #argmax(): Promise<Prepared[]> {
    const { scratch, vocab, parallel } = this.#parts
    const { logits, chosen, tokens } = scratch
    return this.#kept('argmax', () => [argmax({ logits, token: chosen, tokens, vocab, threads: parallel() ? 256 : 1 })])
  }

  async #sample(draws: readonly Draw[]): Promise<Prepared[]> {
    const { recorder, scratch, vocab } = this.#parts
    const { logits, chosen, tokens } = scratch
    const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST
    const settings = await this.#buffer('sampler settings', mostPicks * rowWords, storage)
    recorder.upload(settings, 0, drawRows(draws))
    const masked = draws.some(({ allowed }) => allowed !== null)
    const words = Math.ceil(vocab / 32)
    // Nobody reads it where no row is masked, but a binding must be there.
    const allowed = masked ? await this.#buffer('sampler mask', mostPicks * words, storage) : settings
    draws.forEach((draw, i) => {
      if (draw.allowed !== null)
        recorder.upload(allowed, 4 * i * words, new Uint32Array(draw.allowed.buffer, draw.allowed.byteOffset, words))
    })
    const list = editsOf(draws)
    this.#edits = list.length / 4
    const work = await this.#kept(`sample ${masked}`, () => [sample({ logits, settings, allowed, chosen, tokens, vocab })])
    if (this.#edits === 0) return work
    const edits = await this.#buffer('sampler edits', list.length, storage)
    const count = await this.#buffer('sampler edit count', 4, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    recorder.upload(edits, 0, list)
    recorder.upload(count, 0, new Uint32Array([this.#edits, 0, 0, 0]))
    return [...(await this.#kept('penalise', () => [penalise({ edits, settings, count, logits, vocab }, () => this.#edits)])), ...work]
  }

  async #collect(wishes: readonly Wish[], onDevice: readonly boolean[]): Promise<Collected> {
    const { recorder, scratch, vocab } = this.#parts
    const rows = wishes.flatMap((_, i) => (onDevice[i] ? [] : [i]))
    const chosen = rows.length < wishes.length ? [{ buffer: scratch.chosen, offset: 0, bytes: 4 * wishes.length }] : []
    const logits = rows.map((row) => ({ buffer: scratch.logits, offset: 4 * row * vocab, bytes: 4 * vocab }))
    const { bytes } = await recorder.readRanges([...chosen, ...logits])
    const results = bytes.then((read) => {
      const ids = new Uint32Array(read, 0, chosen.length * wishes.length)
      return wishes.map((wish, i) => {
        if (onDevice[i]) return { id: ids[i] }
        const own = new Float32Array(read, 4 * ids.length + 4 * vocab * rows.indexOf(i), vocab)
        return wish === null ? own : drawToken(own, wish)
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
