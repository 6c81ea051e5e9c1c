// The boot self-test: the loaded model's first layer and head, on this GPU, with the engine's own pipelines, grids, weights and
// buffers, against the CPU. A driver that computes something else is found here and not in an answer.
// A prefill of more than one page and a decode step go through; after each stage its output is read back, and sampled rows of it
// are computed on the CPU from the stage's own input (self-test-oracle.ts), so that each finding names a kernel.
// Not a parity test: it says that kernels compute what they should, not that the model is the right one.
// Invariant: nothing of it stays in the cache.
import type { GgufFile } from './formats/gguf.ts'
import { halfToFloat } from './formats/half.ts'
import type { TileVariant } from './kernels/projection.ts'
import type { Chooser } from './model/chooser.ts'
import type { ModelConfig } from './model/config.ts'
import { argmax, greedy } from './model/draw.ts'
import type { Forward, Row } from './model/forward.ts'
import { type KvCache, pageTokens, type Sequence } from './model/kv-cache.ts'
import type { Scratch } from './model/scratch.ts'
import type { Weights } from './model/weights.ts'
import type { Recorder } from './recorder.ts'
import { SampledModel } from './self-test-oracle.ts'
import type { ByteSource } from './types.ts'

export interface SelfTestParts {
  forward: Forward
  chooser: Chooser
  recorder: Recorder
  cache: KvCache
  scratch: Scratch
  weights: Weights
  gguf: GgufFile
  source: ByteSource
  config: ModelConfig
}

export interface Finding {
  /** Name of the kernel, its format and variant, as in kernels/projection.ts. */
  kernel: string
  /** Largest difference of a sampled number, in parts of their root mean square. */
  error: number
}

/** Rounding of a long f32 sum stays below 1e-5 of the numbers' size; a lost block or a wrong nibble is above 1e-2. */
const bar = 1e-3
/** A page and a few rows of the next, an odd number; on a processor that plays a GPU, where a row costs 40 ms, only a few. */
export const prefillRows = { gpu: pageTokens + 5, software: 5 }

/** What the GPU held after the stages of layer 0, and at the end. */
interface Stages {
  names: readonly string[]
  embedded: Float32Array
  attended: Float32Array
  q: Float32Array
  kv: Float32Array
  o: Float32Array
  m: Float32Array
  fed: Float32Array
  last: Float32Array
  logits: Float32Array
  /** By arg max, and by a draw that only the likeliest token can win. */
  chosen: number
  drawn: number
}

/**
 * @param decode who computes a tile in decode: the engine decodes in it from then on
 * @param count rows of the prefill
 * @returns every kernel that was looked at, with its error; {@link failed} tells the wrong ones
 * @throws device_lost, gpu_fault, kernel_invalid
 */
export async function selfTest(parts: SelfTestParts, decode: 'lanes' | 'thread-1', count = prefillRows.gpu): Promise<Finding[]> {
  const { forward, cache, config } = parts
  forward.decodeIn(decode)
  // Its kernels follow the decode variant as well.
  parts.chooser.dispose()
  const oracle = new SampledModel(parts.gguf, parts.source, config, parts.weights.ropeDivisors)
  const sequence = cache.open('')
  try {
    const rowAt = (position: number): Row => ({ sequence, position, slot: 0, token: (position * 7919 + 13) % config.vocab })
    const rows = Array.from({ length: Math.min(count, forward.mostRows) }, (_, position) => rowAt(position))
    await cache.reserve(sequence, rows.length + 1)
    const findings: Finding[] = []
    for (const variant of new Set([forward.prefillVariant, 'thread-4'] as const)) {
      sequence.tokens.length = 0
      findings.push(...(await pass(parts, oracle, sequence, rows, variant)))
    }
    return [...findings, ...(await pass(parts, oracle, sequence, [rowAt(rows.length)], decode))]
  } finally {
    cache.drop(sequence)
  }
}

/** Of findings, those that are no rounding. */
export function failed(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ error }) => !(error <= bar))
}

async function pass(
  parts: SelfTestParts,
  oracle: SampledModel,
  sequence: Sequence,
  rows: readonly Row[],
  variant: TileVariant,
): Promise<Finding[]> {
  const stages = await stagesOf(parts, rows, variant)
  sequence.tokens.push(...rows.map(({ token }) => token))
  const tokens = [...new Set([0, rows.length >> 1, rows.length - 1])]
  const name = (family: string) => stages.names.find((kernel) => kernel.startsWith(family)) ?? family
  const { config, scratch, cache } = parts
  const { heads, kvHeads, headDim, hidden, ffn, vocab } = config
  const at = (data: Float32Array, stride: number, t: number, width: number) =>
    Float64Array.from(data.subarray(t * stride, t * stride + width))
  const width = kvHeads * headDim
  const cached = (part: 'k' | 'v', position: number, head: number) => {
    const from = cache.place(sequence, position) * 2 * width + (part === 'v' ? width : 0) + head * headDim
    return Float64Array.from(stages.kv.subarray(from, from + headDim))
  }
  const compare = new Comparison()
  for (const t of tokens) {
    const { position, token } = rows[t]
    const [before, after] = [at(stages.embedded, scratch.hStride, t, hidden), at(stages.attended, scratch.hStride, t, hidden)]
    const [attentionInput, ffnInput] = [await oracle.normed('attention_norm', before), await oracle.normed('ffn_norm', after)]
    compare.all(name('embed'), before, await oracle.embedding(token))
    for (const head of oracle.ends(heads)) {
      const q = at(stages.q, heads * headDim, t, heads * headDim).subarray(head * headDim, (head + 1) * headDim)
      compare.all(name('project-qkv'), q, await oracle.head('q', head, attentionInput, position))
      const kv = Math.floor(head / (heads / kvHeads))
      const seen = Array.from({ length: position + 1 }, (_, p) => p)
      const expected = oracle.attended(
        q,
        seen.map((p) => cached('k', p, kv)),
        seen.map((p) => cached('v', p, kv)),
      )
      compare.all(
        name('attention'),
        at(stages.o, scratch.oStride, t, heads * headDim).subarray(head * headDim, (head + 1) * headDim),
        expected,
      )
    }
    for (const head of oracle.ends(kvHeads)) {
      for (const part of ['k', 'v'] as const)
        compare.all(name('project-qkv'), cached(part, position, head), await oracle.head(part, head, attentionInput, position))
    }
    const [o, m] = [at(stages.o, scratch.oStride, t, heads * headDim), at(stages.m, scratch.mStride, t, ffn)]
    const end = at(stages.fed, scratch.hStride, t, hidden)
    for (const row of oracle.spread(hidden)) {
      compare.one(name('project-residual'), after[row] - before[row], await oracle.added('o_proj', row, o))
      compare.one(`${name('project-residual')} (down)`, end[row] - after[row], await oracle.added('down_proj', row, m))
    }
    for (const row of oracle.spread(ffn)) compare.one(name('project-swiglu'), m[row], await oracle.gated(row, ffnInput))
  }
  const last = at(stages.last, scratch.hStride, rows.length - 1, hidden)
  for (const token of oracle.spread(vocab)) compare.one(name('project-logits'), stages.logits[token], await oracle.logit(token, last))
  const top = argmax(stages.logits)
  compare.one('argmax', stages.chosen === top ? 1 : 0, 1)
  compare.one('sample', stages.drawn === top ? 1 : 0, 1)
  return compare.findings()
}

/** Runs the pass with a stop after each stage of layer 0. */
async function stagesOf(
  { forward, chooser, recorder, scratch, cache, config }: SelfTestParts,
  rows: readonly Row[],
  variant: TileVariant,
): Promise<Stages> {
  const floats = async (buffer: GPUBuffer, count: number) => new Float32Array(await recorder.read(buffer, count * 4))
  const stream = () => floats(scratch.h, rows.length * scratch.hStride)
  const stages: Partial<Stages> = {}
  await forward.stepThrough(rows, [rows.length - 1], variant, async (index, names) => {
    stages.names = names
    const ends = (family: string, from = 0) => {
      const first = names.findIndex((name, i) => i >= from && name.startsWith(family))
      let end = first
      while (names[end + 1]?.startsWith(family)) end++
      return end
    }
    const gated = ends('project-swiglu')
    if (index === ends('embed')) stages.embedded = await stream()
    if (index === gated) {
      stages.attended = await stream()
      stages.q = await floats(scratch.q, rows.length * config.heads * config.headDim)
      const kv = await recorder.read(cache.buffers[0], cache.buffers[0].size)
      stages.kv = cache.precision === 'f32' ? new Float32Array(kv) : Float32Array.from(new Uint16Array(kv), halfToFloat)
      stages.o = await floats(scratch.o, rows.length * scratch.oStride)
      stages.m = await floats(scratch.m, rows.length * scratch.mStride)
    }
    if (index === ends('project-residual', gated)) stages.fed = await stream()
    if (index === names.length - 1) {
      stages.last = await stream()
      stages.logits = await floats(scratch.logits, config.vocab)
      const choose = async (wish: typeof greedy) => {
        const choice = await chooser.stage([wish])
        if (choice.work.length > 0) recorder.submit(choice.work, { rows: rows.length, picks: 1 })
        const { results } = await choice.collect()
        return ((await results)[0] as { id: number }).id
      }
      stages.chosen = await choose(greedy)
      stages.drawn = await choose({ ...greedy, temperature: 0.8, topK: 1, uniform: 0.3 })
    }
  })
  return stages as Stages
}

/** Pairs of numbers by kernel: the largest difference against the size of what was expected. */
export class Comparison {
  #kernels = new Map<string, { worst: number; squares: number; count: number }>()

  one(kernel: string, got: number, expected: number): void {
    const known = this.#kernels.get(kernel) ?? { worst: 0, squares: 0, count: 0 }
    const difference = Math.abs(got - expected)
    known.worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(known.worst, difference)
    known.squares += expected * expected
    known.count++
    this.#kernels.set(kernel, known)
  }

  all(kernel: string, got: Float64Array, expected: Float64Array): void {
    for (let i = 0; i < expected.length; i++) this.one(kernel, got[i], expected[i])
  }

  findings(): Finding[] {
    return [...this.#kernels].map(([kernel, { worst, squares, count }]) => ({ kernel, error: worst / (Math.sqrt(squares / count) || 1) }))
  }
}
