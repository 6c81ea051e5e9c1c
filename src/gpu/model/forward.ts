// One submit of the transformer over a batch of rows: embed, every layer, and the head for the rows whose logits are wanted.
// A row is a token with its own position, place in the cache, sequence and adapter, so prefill (many positions of one sequence)
// and decode (one position of many sequences, under different adapters) are the same code.
// Five dispatches a layer: q k v + RoPE + append | attention | output + residual | gate, up, SiLU | down + residual. One more where
// heads of q and k are normalised (qwen3). The norms cost none: who writes the residual stream leaves x = h ⊙ gain and sums of
// squares behind it, and a projection scales what it sums (tile/shared.wgsl).
// Adapters cost two more at most: o and down shrink as extra rows of their own matvec; norm-shrink joins their delta to the stream,
// prepares the norm and shrinks for q k v or gate up, which expand as they finish. Without one in the batch nothing of LoRA is encoded.
// Not a scheduler: one `run` at a time (engine.ts sees to it). Prepared dispatches are kept until a buffer they bind moves.
import type { Device } from '../device.ts'
import type { LoraModule } from '../formats/peft.ts'
import { attention } from '../kernels/attention.ts'
import { embed } from '../kernels/embed.ts'
import { headNorm } from '../kernels/head-norm.ts'
import type { Dispatch, Prepared, Programs } from '../kernels/kernel.ts'
import { loraShrink } from '../kernels/lora-shrink.ts'
import { normShrink } from '../kernels/norm-shrink.ts'
import { projectLogits } from '../kernels/project-logits.ts'
import { projectQkv } from '../kernels/project-qkv.ts'
import { type NextInput, projectResidual } from '../kernels/project-residual.ts'
import { projectSwiglu } from '../kernels/project-swiglu.ts'
import {
  columnsOfSum,
  type ExpandInput,
  halfVariant,
  type NormInput,
  nativeSubgroups,
  type PrefillVariant,
  type Segment,
  type ShrinkInput,
  type Subgroups,
  sharesOf,
  type TileVariant,
  tokensOf,
} from '../kernels/projection.ts'
import type { AdapterPool } from '../lora/adapter-pool.ts'
import { zRecord } from '../lora/face.ts'
import type { Recorder } from '../recorder.ts'
import type { ModelConfig } from './config.ts'
import { type KvCache, pageTokens, type Sequence } from './kv-cache.ts'
import { chooseDecode, choosePrefill, type DecodeVariant } from './probe.ts'
import { mostPicks, type Scratch, siteBytes, splitRows, splits } from './scratch.ts'
import type { PackedMatrix, Weights } from './weights.ts'

export interface Row {
  sequence: Sequence
  /** −1: what the last submit's sampler left in `scratch.tokens` for this row; then all rows are such. */
  token: number
  position: number
  /** Adapter slot; 0 for none. */
  slot: number
}

/** Modules that share an input, in the order of their parts; `index` is the first one's place among the seven. */
const sites: readonly { modules: readonly LoraModule[]; index: number }[] = [
  { modules: ['q_proj', 'k_proj', 'v_proj'], index: 0 },
  { modules: ['o_proj'], index: 3 },
  { modules: ['gate_proj', 'up_proj'], index: 4 },
  { modules: ['down_proj'], index: 6 },
]

export interface ForwardParts {
  device: Device
  recorder: Recorder
  programs: Programs
  config: ModelConfig
  weights: Weights
  scratch: Scratch
  cache: KvCache
  adapters: PassAdapters
}

/** Of a pool, what a pass reads. */
export type PassAdapters = Pick<AdapterPool, 'buffers' | 'touches' | 'gained' | 'precision' | 'generation'>

/** Who computes a tile when few rows are fed, and when many are. */
export interface Variants {
  decode: DecodeVariant
  prefill: PrefillVariant
  /** Lanes that share a tile sum by subgroups; else through workgroup memory. */
  subgroups: boolean
}

/** Those that are chosen beforehand. */
export type WantedVariants = { [K in keyof Variants]?: Variants[K] | undefined }

/** Both sides of a site's adapters: what its shrink reads and writes, what its expand reads. */
type Lora = ShrinkInput & ExpandInput & { parts: number; batch: GPUBuffer }

/** Of each text of tile/ one: blocks of every size share theirs. */
const textVariants: readonly TileVariant[] = ['lanes', 'thread-1', 'thread-4', 'thread-8', 'staged-64x32', halfVariant]

/** Keys from which a row's attention is split: it costs a dispatch a layer. */
const splitKeys = 1024

/** Norms in the order of the pass: two a layer, then the last. */
type Norm = number

export class Forward {
  /** Who computes a tile when few rows are fed; chosen by {@link probe}. */
  decodeVariant: DecodeVariant = 'thread-1'
  /** And when many are; as many as fill half of its block. */
  prefillVariant: PrefillVariant = 'thread-4'
  /** How lanes that share a tile sum; null: through workgroup memory. Chosen with it, where subgroups give the same. */
  #subgroups: Subgroups | null = null
  #parts: ForwardParts
  #prepared = new Map<string, Promise<Prepared[]>>()
  #stamp = ''

  constructor(parts: ForwardParts) {
    this.#parts = parts
  }

  /** Rows of one submit. */
  get mostRows(): number {
    return this.#parts.scratch.mostRows
  }

  /**
   * Encodes and submits one pass; the cache must have room for every row. The logits of picked rows are then in
   * `scratch.logits`, in the order of `picks`.
   * @param picks rows (by index) whose logits are wanted; none in the middle of a prefill
   * @param after what becomes of the logits, in the same submit: model/chooser.ts
   */
  async run(rows: readonly Row[], picks: readonly number[], after: readonly Prepared[] = []): Promise<void> {
    this.#parts.device.check()
    const lora = rows.some(({ slot }) => slot !== 0)
    const work = await this.#bodyOf(this.#variant(rows.length), lora, this.#split(rows))
    const head = picks.length > 0 ? await this.#headOf(this.#variant(rows.length), this.#variant(picks.length)) : []
    this.#upload(rows, picks)
    this.#parts.recorder.submit([...work, ...head, ...after], { rows: rows.length, picks: picks.length })
  }

  /** Chooses the variants, and makes the pipelines of a prefill and of a step, so that the first answer waits for none. */
  async warm(only: WantedVariants = {}): Promise<void> {
    await this.probe(only)
    const { cache } = this.#parts
    const sequence = cache.open('')
    await cache.reserve(sequence, 1)
    cache.drop(sequence)
    const { decodeVariant: step } = this
    await Promise.all(this.#bodies.flatMap((body) => [this.#bodyOf(body, false, false), this.#headOf(body, step)]))
  }

  /** Every way a pass may be computed: the rows that are left of a prefill fill no block. */
  get #bodies(): TileVariant[] {
    return [...new Set<TileVariant>([this.prefillVariant, this.decodeVariant, 'thread-4'])]
  }

  /** Whose pipelines passes without adapters may come to need, whatever their rows, picks and keys; {@link warm} made the first ones. */
  *bare(): Generator<Dispatch> {
    for (const body of this.#bodies) yield* [...this.#body(body, false), ...this.#head(body, this.decodeVariant)]
    // Where all rows' logits are wanted: guesses, answers that share a step, replay.
    for (const body of this.#bodies) yield* this.#head(body, body)
    yield* this.#attention(0, true)
  }

  /** The same of passes under the adapters that there were so far. */
  *underAdapters(): Generator<Dispatch> {
    if (this.#parts.adapters.buffers !== null) for (const body of this.#bodies) yield* this.#body(body, true)
  }

  /** The same under any adapters, whichever modules those change; before the first one is there as well. */
  *underAnyAdapters(): Generator<Dispatch> {
    const { adapters, scratch } = this.#parts
    // To be made and not to be bound: any buffer will do.
    const buffers = adapters.buffers ?? { a: scratch.z, b: scratch.z, table: scratch.z }
    const { gained, precision, generation } = adapters
    const every = this.withAdapters({ buffers, touches: () => true, gained, precision, generation })
    for (const body of this.#bodies) yield* every.#body(body, true)
    for (const body of this.#bodies) {
      const [, output, gateUp] = sites.map((_, site) => every.#lora(0, site, body))
      yield* [...every.#adapt(1, body, null, gateUp), ...every.#adapt(1, body, output, null)]
    }
  }

  /**
   * Chooses who computes a tile, by timing on the loaded weights what is not chosen beforehand: probe.ts. Where single threads
   * decode faster, barriers are dear and it is a processor that computes: prefill goes by thread-8, untimed.
   */
  async probe(only: WantedVariants = {}): Promise<void> {
    const { device, recorder, programs, scratch, config, cache } = this.#parts
    const work = (variant: TileVariant, subgroups: Subgroups | null) => {
      this.#subgroups = subgroups
      return { gateUp: this.#gateUp(0, variant, null), down: this.#down(0, variant, null) }
    }
    const parts = { recorder, programs, scratch, config, work }
    const decode = await chooseDecode(parts, device.gpu.features.has('subgroups'), only)
    this.decodeVariant = decode.variant
    const timed = only.decode === undefined && decode.variant === 'lanes'
    const untimed = decode.variant === 'thread-1' ? 'thread-8' : 'thread-4'
    this.prefillVariant = only.prefill ?? (timed ? await choosePrefill(parts, cache.precision === 'f16') : untimed)
    this.#subgroups = decode.subgroups
    this.#prepared.clear()
  }

  /**
   * One pass with a stop after every dispatch, for whoever looks at what each wrote (self-test.ts).
   * @param after is given the dispatch's index and the kernels of them all
   */
  async stepThrough(
    rows: readonly Row[],
    picks: readonly number[],
    variant: TileVariant,
    after: (index: number, kernels: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const { programs, recorder } = this.#parts
    const work = [...this.#body(variant, false), ...this.#head(variant, this.#variant(picks.length))]
    const prepared = await programs.prepare(work)
    const kernels = work.map(({ kernel }) => kernel.name)
    this.#upload(rows, picks)
    for (const [index, dispatch] of prepared.entries()) {
      recorder.submit([dispatch], { rows: rows.length, picks: picks.length })
      await after(index, kernels)
    }
  }

  /**
   * The first layer under adapters with a stop after each stage: embed, shrink, q k v, attention, o, join and shrink, gate up, down,
   * then down's delta joined with what the next layer shrinks, and once more with nothing to shrink, as before the head.
   * @param after is given the stage's kernel
   */
  async stepAdapted(rows: readonly Row[], variant: TileVariant, after: (kernel: string) => Promise<void>): Promise<void> {
    const { programs, recorder } = this.#parts
    const stages = this.#adapted(variant)
    const prepared = await Promise.all(stages.map((work) => programs.prepare(work)))
    this.#upload(rows, [])
    for (const [index, work] of prepared.entries()) {
      recorder.submit(work, { rows: rows.length, picks: 0 })
      await after(stages[index][0].kernel.name)
    }
  }

  /** The same weights, scratch and variants over other adapters, so that a test leaves those of the answers alone. */
  withAdapters(adapters: PassAdapters): Forward {
    const other = new Forward({ ...this.#parts, adapters })
    other.decodeVariant = this.decodeVariant
    other.prefillVariant = this.prefillVariant
    other.#subgroups = this.#subgroups
    return other
  }

  /** Text of every kernel of the first layer under adapters, in all variants, whichever are chosen. */
  adaptedTexts(): string[] {
    return this.#textsOf((forward, variant) => forward.#adapted(variant).flat())
  }

  get variants(): Variants {
    return { decode: this.decodeVariant, prefill: this.prefillVariant, subgroups: this.#subgroups !== null }
  }

  /** Changes who computes a tile; what was prepared for others is let go. */
  computeIn({ decode, prefill, subgroups }: Variants): void {
    this.decodeVariant = decode
    this.prefillVariant = prefill
    this.#subgroups = subgroups ? nativeSubgroups : null
    this.#prepared.clear()
  }

  /** Text of every kernel of a pass without adapters, in all variants, whichever are chosen. */
  shaderTexts(): string[] {
    return this.#textsOf((forward, variant) => [...forward.#body(variant, false, true), ...forward.#head(variant, variant)])
  }

  #textsOf(work: (forward: Forward, variant: TileVariant) => Dispatch[]): string[] {
    const choices = [
      ['lanes', null],
      ['lanes', nativeSubgroups],
      ['thread-1', null],
    ] as const
    const kernels = choices.flatMap(([decode, subgroups]) => {
      const other = this.withAdapters(this.#parts.adapters)
      other.decodeVariant = decode
      other.#subgroups = subgroups
      return textVariants.flatMap((variant) => work(other, variant))
    })
    return [...new Set(kernels.map(({ kernel }) => kernel.code))]
  }

  #bodyOf(variant: TileVariant, lora: boolean, split: boolean): Promise<Prepared[]> {
    return this.#kept(`body ${variant} ${lora} ${split}`, () => this.#body(variant, lora, split))
  }

  /** @param body the variant that wrote what the head reads */
  #headOf(body: TileVariant, variant: TileVariant): Promise<Prepared[]> {
    return this.#kept(`head ${body} ${variant}`, () => this.#head(body, variant))
  }

  /** Barriers are dear here: what the probe of the projections found holds for the other kernels too. */
  get #alone(): boolean {
    return this.decodeVariant === 'thread-1'
  }

  /** A projection's segment and how it is computed. */
  #ways(segment: Segment, variant: TileVariant) {
    const workgroup: 8 | 32 = this.#alone ? 8 : 32
    return { segment, variant, workgroup, subgroups: this.#subgroups }
  }

  /** Whether few rows see many keys: then a row and head alone would leave most of the machine idle. */
  #split(rows: readonly Row[]): boolean {
    const window = this.#parts.config.slidingWindow ?? Number.POSITIVE_INFINITY
    return rows.length <= splitRows && rows.some(({ position }) => Math.min(position + 1, window) >= splitKeys)
  }

  #variant(rows: number): TileVariant {
    if (rows === 1 || (this.decodeVariant === 'lanes' && rows <= 8)) return this.decodeVariant
    return rows <= 4 || 2 * rows < tokensOf(this.prefillVariant) ? 'thread-4' : this.prefillVariant
  }

  #kept(key: string, make: () => Dispatch[]): Promise<Prepared[]> {
    const stamp = `${this.#parts.cache.generation} ${this.#parts.adapters.generation}`
    if (stamp !== this.#stamp) this.#prepared.clear()
    this.#stamp = stamp
    const known = this.#prepared.get(key)
    if (known) return known
    const made = this.#parts.programs.prepare(make())
    this.#prepared.set(key, made)
    made.catch(() => this.#prepared.delete(key))
    return made
  }

  #upload(rows: readonly Row[], picks: readonly number[]): void {
    const { recorder, scratch, cache } = this.#parts
    const sequences = [...new Set(rows.map(({ sequence }) => sequence))]
    const records = new Uint32Array(rows.length * 4)
    rows.forEach(({ sequence, position, slot }, i) => {
      records.set([position, cache.place(sequence, position), slot, sequences.indexOf(sequence)], 4 * i)
    })
    const pages = new Uint32Array(sequences.length * scratch.pageStride)
    sequences.forEach((sequence, i) => {
      pages.set(sequence.pages, i * scratch.pageStride)
    })
    recorder.upload(scratch.batch, 0, new Uint32Array([rows.length, picks.length]))
    const tokens = rows.map(({ token }) => token)
    if (tokens.every((token) => token >= 0)) recorder.upload(scratch.tokens, 0, Uint32Array.from(tokens))
    recorder.upload(scratch.rows, 0, records)
    recorder.upload(scratch.pages, 0, pages)
    if (picks.length > 0) recorder.upload(scratch.picks, 0, Uint32Array.from(picks))
  }

  #body(variant: TileVariant, lora: boolean, split = false): Dispatch[] {
    const { config } = this.#parts
    const work = this.#embed(variant)
    // Whether z holds a delta that the residual stream still lacks.
    let open: Lora | null = null
    for (let layer = 0; layer < config.layers; layer++) {
      const [qkv, output, gateUp, down] = sites.map((_, site) => (lora ? this.#lora(layer, site, variant) : null))
      work.push(...this.#adapt(2 * layer, variant, open, qkv))
      work.push(...this.#qkv(layer, variant, qkv), ...this.#attention(layer, split), ...this.#output(layer, variant, output))
      work.push(...this.#adapt(2 * layer + 1, variant, output, gateUp))
      work.push(...this.#gateUp(layer, variant, gateUp), ...this.#down(layer, variant, down))
      open = down
    }
    return [...work, ...this.#adapt(2 * config.layers, variant, open, null)]
  }

  #adapted(variant: TileVariant): Dispatch[][] {
    const [qkv, output, gateUp, down] = sites.map((_, site) => this.#lora(0, site, variant))
    const next = this.#parts.config.layers > 1 ? this.#lora(1, 0, variant) : null
    return [
      ...[this.#embed(variant), this.#adapt(0, variant, null, qkv), this.#qkv(0, variant, qkv), this.#attention(0, false)],
      ...[this.#output(0, variant, output), this.#adapt(1, variant, output, gateUp), this.#gateUp(0, variant, gateUp)],
      ...[this.#down(0, variant, down), this.#adapt(2, variant, down, next), this.#adapt(2, variant, down, null)],
    ]
  }

  #embed(variant: TileVariant): Dispatch[] {
    const { config, weights, scratch } = this.#parts
    const { batch, tokens, h, hStride } = scratch
    const { columns } = this.#norm(0, variant)
    return weights.embedding.map((segment) =>
      embed({ ...this.#next(0), segment, batch, tokens, h, hStride, width: config.hidden, columns }),
    )
  }

  #head(body: TileVariant, variant: TileVariant): Dispatch[] {
    const { config, weights, scratch } = this.#parts
    const { batch, picks, x, xStride, logits } = scratch
    const norm = this.#norm(2 * config.layers, body)
    const work = weights.head.map((segment) =>
      projectLogits({ ...this.#ways(segment, variant), x, xStride, norm, batch, picks, logits, vocab: config.vocab }),
    )
    return work
  }

  /** What an adapter needs done at a norm: its delta joined to the stream, and its next modules shrunk. */
  #adapt(at: Norm, variant: TileVariant, before: Lora | null, after: Lora | null): Dispatch[] {
    const { scratch } = this.#parts
    const { h, hStride, x } = scratch
    const norm = this.#norm(at, variant)
    const together = tokensOf(variant) === 1 ? 1 : 4
    if (before === null) return after === null ? [] : [loraShrink({ ...after, x, norm, together })]
    const threads = this.#alone ? 4 : 128
    return [normShrink({ ...(after ?? before), ...this.#next(at), h, hStride, norm, parts: after?.parts ?? 0, threads })]
  }

  /** Of who writes the stream before this norm: down, or o. */
  #norm(at: Norm, variant: TileVariant): NormInput {
    const { hidden, ffn, heads, headDim, rmsEpsilon } = this.#parts.config
    const inputs = at % 2 === 0 ? ffn : heads * headDim
    return { width: hidden, epsilon: rmsEpsilon, columns: columnsOfSum(variant, Math.ceil(inputs / 32)) }
  }

  #next(at: Norm): NextInput {
    const { weights, scratch } = this.#parts
    const layer = weights.layers[at >> 1]
    const gain = layer === undefined ? weights.outputNorm : at % 2 === 0 ? layer.attentionNorm : layer.ffnNorm
    return { gain, next: scratch.x, nextStride: scratch.xStride }
  }

  #qkv(layer: number, variant: TileVariant, expand: Lora | null): Dispatch[] {
    const { config, weights, scratch, cache } = this.#parts
    const { heads, kvHeads, headDim } = config
    const { x, xStride, batch, rows, rope, q } = scratch
    const { qkv, headGains } = weights.layers[layer]
    const kv = cache.buffers[layer]
    const { precision } = cache
    const work = qkv.map((segment) =>
      projectQkv({
        ...{ ...this.#ways(segment, variant), expand, x, xStride, norm: this.#norm(2 * layer, variant) },
        ...{ batch, rows, rope, q, kv, precision, heads, kvHeads, headDim, rotated: headGains === null },
      }),
    )
    if (headGains === null) return work
    return [
      ...work,
      headNorm({ batch, rows, rope, gains: headGains, q, kv, precision, heads, kvHeads, headDim, epsilon: config.rmsEpsilon }),
    ]
  }

  #attention(layer: number, split: boolean): Dispatch[] {
    const { config, scratch, cache } = this.#parts
    const { heads, kvHeads, headDim, slidingWindow } = config
    const { q, rows, pages, pageStride, parts, o, oStride } = scratch
    return attention({
      ...{ heads, kvHeads, headDim, slidingWindow, page: pageTokens, pageStride },
      ...{
        variant: this.#alone ? 'thread' : 'workgroup',
        batch: scratch.batch,
        q,
        kv: cache.buffers[layer],
        rows,
        pages,
        o,
        oStride,
        precision: cache.precision,
        split: split ? { count: splits, parts } : null,
      },
    })
  }

  #output(layer: number, variant: TileVariant, shrink: Lora | null): Dispatch[] {
    const { o, oStride } = this.#parts.scratch
    const { output } = this.#parts.weights.layers[layer]
    return this.#residual({ segments: output, x: o, xStride: oStride, to: 2 * layer + 1, variant, shrink })
  }

  #gateUp(layer: number, variant: TileVariant, expand: Lora | null): Dispatch[] {
    const { config, weights, scratch } = this.#parts
    const { x, xStride, batch, m, mStride } = scratch
    const norm = this.#norm(2 * layer + 1, variant)
    return weights.layers[layer].gateUp.map((segment) =>
      projectSwiglu({ ...this.#ways(segment, variant), expand, x, xStride, norm, batch, m, mStride, ffn: config.ffn }),
    )
  }

  #down(layer: number, variant: TileVariant, shrink: Lora | null): Dispatch[] {
    const { m, mStride } = this.#parts.scratch
    const { down } = this.#parts.weights.layers[layer]
    return this.#residual({ segments: down, x: m, xStride: mStride, to: 2 * layer + 2, variant, shrink })
  }

  #residual(of: {
    segments: PackedMatrix
    x: GPUBuffer
    xStride: number
    /** The norm it prepares. */
    to: Norm
    variant: TileVariant
    shrink: Lora | null
  }): Dispatch[] {
    const { segments, x, xStride, to, variant, shrink } = of
    const { batch, h, hStride } = this.#parts.scratch
    const width = this.#parts.config.hidden
    return segments.map((segment) =>
      projectResidual({ ...this.#next(to), ...this.#ways(segment, variant), shrink, x, xStride, batch, h, hStride, width }),
    )
  }

  /** What shrinks and expands at a site, or nothing when no loaded adapter touches its modules. */
  #lora(layer: number, site: number, variant: TileVariant): Lora | null {
    const { config, scratch, adapters, recorder } = this.#parts
    const { modules, index } = sites[site]
    const pools = adapters.buffers
    if (pools === null || !adapters.touches(layer, modules)) return null
    const width = [config.hidden, config.heads * config.headDim, config.hidden, config.ffn][site]
    const { batch, rows, z, sites: buffer, xStride } = scratch
    const parts = modules.length
    const offset = (layer * sites.length + site) * siteBytes
    recorder.upload(buffer, offset, new Uint32Array([layer, index, parts, Math.ceil(width / 4), xStride / 4]))
    return {
      ...{ rows, z, ...pools, batch, parts, layers: config.layers, record: zRecord },
      ...{ gained: adapters.gained, precision: adapters.precision },
      ...{ site: { buffer, offset, size: siteBytes }, shares: sharesOf(variant) },
    }
  }
}

export { mostPicks }
