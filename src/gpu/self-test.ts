// The boot self-test: the loaded model's first layer and head, on this GPU, with the engine's own pipelines, grids, weights and
// buffers, against the CPU. A driver that computes something else is found here and not in an answer.
// A prefill of more than one page and a decode step go through; after each stage its output is read back, and sampled rows of it
// are computed on the CPU from the stage's own input (self-test-oracle.ts), so that each finding names a kernel.
// Not a parity test: it says that kernels compute what they should, not that the model is the right one.
// Invariant: nothing of it stays in the cache.
import type { GgufFile } from './formats/gguf.ts'
import { halfToFloat } from './formats/half.ts'
import type { TileVariant } from './kernels/projection.ts'
import type { Chooser, LogitParts } from './model/chooser.ts'
import type { ModelConfig } from './model/config.ts'
import type { Forward, Row } from './model/forward.ts'
import { type KvCache, pageTokens, type Sequence } from './model/kv-cache.ts'
import type { Scratch } from './model/scratch.ts'
import type { Weights } from './model/weights.ts'
import type { Recorder } from './recorder.ts'
import { drawTest } from './self-test-draws.ts'
import { Comparison, type Finding } from './self-test-findings.ts'
import { SampledModel } from './self-test-oracle.ts'
import type { ByteSource } from './types.ts'

export interface SelfTestParts {
  forward: Forward
  chooser: Chooser
  /** As replay reads logits. */
  reading: LogitParts
  recorder: Recorder
  cache: KvCache
  scratch: Scratch
  weights: Weights
  gguf: GgufFile
  source: ByteSource
  config: ModelConfig
}

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
}

/**
 * In the variants that `forward` computes in.
 * @param count rows of the prefill
 * @returns every kernel that was looked at, with its error; {@link failed} tells the wrong ones
 * @throws device_lost, gpu_fault, kernel_invalid
 */
export async function selfTest(parts: SelfTestParts, count = prefillRows.gpu): Promise<Finding[]> {
  const { forward, cache, config } = parts
  // Its kernels follow the decode variant.
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
    findings.push(...(await pass(parts, oracle, sequence, [rowAt(rows.length)], forward.decodeVariant)))
    return [...findings, ...(await drawTest(parts))]
  } finally {
    cache.drop(sequence)
  }
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
  return compare.findings()
}

/** Runs the pass with a stop after each stage of layer 0. */
async function stagesOf(
  { forward, recorder, scratch, cache, config }: SelfTestParts,
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
    }
  })
  return stages as Stages
}
