// The self-test of what adapters add: shrink, expand, join, at the loaded model's own dimensions, with its weights and pipelines, under
// seeded adapters in a pool of their own (lora/trial-adapters.ts). Rows of several faces and of none share a batch, in prefill and in
// decode; after each stage of the first layer its buffers are read, and sampled numbers are computed in f64 from the stage's own input.
// Not the base's self-test (self-test.ts): embedding, attention and head are taken as they come.
// Invariant: nothing of it stays in the cache; whoever made the pool disposes of it.
import { halfToFloat } from './formats/half.ts'
import { type LoraModule, loraModules } from './formats/peft.ts'
import { kvBytes } from './kernels/kv/precision.ts'
import { wholeZ } from './kernels/lora-shrink.ts'
import { columnsOfSum, sharedRows, sharesOf, sumsAt, type TileVariant, zParts } from './kernels/projection.ts'
import { zRecord } from './lora/face.ts'
import type { TrialAdapters } from './lora/trial-adapters.ts'
import type { Forward, Row } from './model/forward.ts'
import { pageTokens, type Sequence } from './model/kv-cache.ts'
import type { SelfTestParts } from './self-test.ts'
import { Comparison, type Finding } from './self-test-findings.ts'
import type { RowChange, SampledModel } from './self-test-oracle.ts'

/** Four under one face read A together, four of a mix one by one, and one is left over. The rows that are looked at: one of each kind. */
const prefill = { slots: [1, 1, 1, 1, 2, 0, 2, 1, 1], looked: [0, 2, 4, 5, 8] }
const decode = { slots: [1, 2, 0], looked: [0, 1, 2] }

export type AdapterTestParts = Pick<SelfTestParts, 'recorder' | 'cache' | 'scratch' | 'config'> & {
  /** Over the trial's pool. */
  forward: Forward
  oracle: SampledModel
  trial: TrialAdapters
}

/** What the buffers of a layer hold after a stage, rows one after the other; of the cache, the page that the test was given. */
interface Stage {
  kernel: string
  h: Float32Array
  x: Float32Array
  q: Float32Array
  kv: Float32Array
  o: Float32Array
  m: Float32Array
  z: Uint32Array
}

/**
 * In the variants that `forward` has chosen, and in what stands behind its prefill.
 * @returns every kernel that was looked at, with its error
 * @throws device_lost, gpu_fault, kernel_invalid, gpu_out_of_memory
 */
export async function adapterTest(parts: AdapterTestParts): Promise<Finding[]> {
  const { cache, config, forward } = parts
  const sequence = cache.open('')
  try {
    const rowAt = (slot: number, position: number): Row => ({ sequence, position, slot, token: (position * 7919 + 13) % config.vocab })
    const fed = prefill.slots.map(rowAt)
    await cache.reserve(sequence, fed.length + decode.slots.length)
    const findings: Finding[] = []
    for (const variant of new Set([forward.prefillVariant, 'thread-4'] as const)) {
      findings.push(...(await pass(parts, sequence, fed, prefill.looked, variant)))
    }
    const next = decode.slots.map((slot, i) => rowAt(slot, fed.length + i))
    return [...findings, ...(await pass(parts, sequence, next, decode.looked, forward.decodeVariant))]
  } finally {
    cache.drop(sequence)
  }
}

async function pass(
  parts: AdapterTestParts,
  sequence: Sequence,
  rows: readonly Row[],
  looked: readonly number[],
  variant: TileVariant,
): Promise<Finding[]> {
  const stages: Stage[] = []
  await parts.forward.stepAdapted(rows, variant, async (kernel) => {
    stages.push(await readStage(parts, sequence, rows.length, variant, kernel))
  })
  const compare = new Comparison()
  for (const t of looked) await judge(parts, stages, rows[t], t, variant, compare)
  return compare.findings()
}

async function judge(
  { oracle, scratch, config, trial, cache }: AdapterTestParts,
  [embedded, shrunk, projected, attended, output, joined, gated, down, last, bare]: readonly Stage[],
  row: Row,
  t: number,
  variant: TileVariant,
  compare: Comparison,
): Promise<void> {
  const { heads, kvHeads, headDim, hidden, ffn, rmsEpsilon, layers } = config
  const span = (data: Float32Array, stride: number, width: number, from = 0) =>
    Float64Array.from(data.subarray(t * stride + from, t * stride + from + width))
  const stream = ({ h }: Stage) => span(h, scratch.hStride, hidden)
  const members = trial.faces[row.slot]
  const deltasOf = (module: LoraModule, layer = 0) =>
    members.map(({ deltas, weight }) => ({ weight, delta: deltas.find((one) => one.layer === layer && one.module === module)! }))

  /** x as the projections behind a norm read it, from the row and the sums of squares behind it. */
  const normed = ({ x }: Stage, inputs: number) => {
    const columns = columnsOfSum(variant, Math.ceil(inputs / 32))
    const squares = span(x, scratch.xStride, Math.ceil(hidden / columns), sumsAt(hidden, columns)).reduce((sum, part) => sum + part, 0)
    const factor = 1 / Math.sqrt(squares / hidden + rmsEpsilon)
    return { squares, factor, input: span(x, scratch.xStride, hidden).map((value) => value * factor) }
  }
  const recordAt = (part: number) => (t * zParts + part) * zRecord
  /** What a stage left of z for a module, all ranks of the face in their order; `left` of the norm, or null behind none. */
  const zOf = ({ z }: Pick<Stage, 'z'>, part: number, own: ReturnType<typeof deltasOf>, left: number | null) => {
    const count = own.reduce((sum, { delta }) => sum + delta.rank, 0)
    return wholeZ(z, recordAt(part) + 2 + 2 * own.length, count, zRecord, left === null ? 1 : sharesOf(variant), left ?? 1)
  }
  const shrinks = ({ kernel, z }: Stage, module: LoraModule, part: number, input: Float64Array, left: number | null, layer = 0) => {
    const own = deltasOf(module, layer)
    compare.one(kernel, z[recordAt(part)] === own.length ? 1 : 0, 1)
    const got = zOf({ z }, part, own, left)
    let at = 0
    for (const [i, { weight, delta }] of own.entries()) {
      compare.one(kernel, z[recordAt(part) + 3 + 2 * i] === delta.rank ? 1 : 0, 1)
      for (let r = 0; r < delta.rank; r++) {
        const a = delta.A.subarray(r * input.length, (r + 1) * input.length)
        compare.one(kernel, got[at++], weight * delta.scale * input.reduce((sum, value, k) => sum + value * a[k], 0))
      }
    }
  }
  /** Σ B·z of a row, from the z that was there. */
  const added = (stage: Stage, module: LoraModule, part: number, output: number, left: number | null) => {
    const own = deltasOf(module)
    const z = zOf(stage, part, own, left)
    let [sum, at] = [0, 0]
    for (const { delta } of own) {
      const gain = delta.gain?.[output] ?? 1
      for (let r = 0; r < delta.rank; r++) sum += gain * delta.B[output * delta.rank + r] * z[at++]
    }
    return sum
  }
  const gainOf = (module: LoraModule, output: number) => deltasOf(module)[0]?.delta.gain?.[output] ?? 1
  const expands = (stage: Stage, module: LoraModule, part: number, left: number): RowChange => {
    return (output, product) => gainOf(module, output) * product + added(stage, module, part, output, left)
  }
  /** The delta of o or down in the stream, and the norm that follows. */
  const joins = async (before: Stage, after: Stage, module: LoraModule, inputs: number, gains: Float64Array) => {
    const [from, to] = [stream(before), stream(after)]
    const x = span(after.x, scratch.xStride, hidden)
    for (const column of oracle.spread(hidden)) {
      compare.one(after.kernel, to[column] - from[column], added(before, module, zParts - 1, column, null))
      compare.one(`${after.kernel} (norm)`, x[column], to[column] * gains[column])
    }
    const squares = to.reduce((sum, value) => sum + value * value, 0)
    compare.one(`${after.kernel} (norm)`, normed(after, inputs).squares / squares, 1)
  }

  const [attentionInputs, width] = [heads * headDim, kvHeads * headDim]
  const { input: before, factor: first } = normed(embedded, ffn)
  for (const [part, module] of loraModules.slice(0, 3).entries()) shrinks(shrunk, module, part, before, first)
  for (const [part, name] of (['q', 'k', 'v'] as const).entries()) {
    for (const head of oracle.ends(name === 'q' ? heads : kvHeads)) {
      const inPage = (cache.place(row.sequence, row.position) % pageTokens) * 2 * width + (name === 'v' ? width : 0) + head * headDim
      const got =
        name === 'q'
          ? span(projected.q, attentionInputs, headDim, head * headDim)
          : Float64Array.from(projected.kv.subarray(inPage, inPage + headDim))
      const change = expands(shrunk, loraModules[part], part, first)
      compare.all(projected.kernel, got, await oracle.head(name, head, before, row.position, change))
    }
  }

  const o = span(attended.o, scratch.oStride, attentionInputs)
  const m = span(gated.m, scratch.mStride, ffn)
  shrinks(output, 'o_proj', zParts - 1, o, null)
  shrinks(down, 'down_proj', zParts - 1, m, null)
  const moved = [
    ['o_proj', attended, output, o],
    ['down_proj', gated, down, m],
  ] as const
  for (const [module, from, to, input] of moved) {
    const kernel = module === 'o_proj' ? to.kernel : `${to.kernel} (down)`
    const change: RowChange = (output, product) => gainOf(module, output) * product
    for (const column of oracle.spread(hidden)) {
      compare.one(kernel, stream(to)[column] - stream(from)[column], await oracle.added(module, column, input, change))
    }
  }

  await joins(output, joined, 'o_proj', attentionInputs, await oracle.gain('ffn_norm'))
  const { input: between, factor: second } = normed(joined, attentionInputs)
  shrinks(joined, 'gate_proj', 0, between, second)
  shrinks(joined, 'up_proj', 1, between, second)
  const changes = [expands(joined, 'gate_proj', 0, second), expands(joined, 'up_proj', 1, second)] as const
  for (const column of oracle.spread(ffn)) compare.one(gated.kernel, m[column], await oracle.gated(column, between, changes))

  const gains = await oracle.gain('attention_norm', 1)
  await joins(down, last, 'down_proj', ffn, gains)
  const { input: after, factor: third } = normed(last, ffn)
  if (layers > 1) for (const [part, module] of loraModules.slice(0, 3).entries()) shrinks(last, module, part, after, third, 1)
  await joins(last, bare, 'down_proj', ffn, gains)
}

async function readStage(
  { recorder, scratch, cache, config }: AdapterTestParts,
  sequence: Sequence,
  rows: number,
  variant: TileVariant,
  kernel: string,
): Promise<Stage> {
  const { heads, kvHeads, headDim } = config
  const pageWords = pageTokens * 2 * kvHeads * headDim
  const own = { h: scratch.hStride, x: scratch.xStride, q: heads * headDim, o: scratch.oStride, m: scratch.mStride, z: zParts * zRecord }
  const names = Object.keys(own) as (keyof typeof own)[]
  const held = (name: keyof typeof own) => (name === 'z' ? Math.max(rows, sharesOf(variant) * sharedRows) : rows)
  const ranges = names.map((name) => ({ buffer: scratch[name], offset: 0, bytes: 4 * held(name) * own[name] }))
  const pageBytes = pageWords * kvBytes[cache.precision]
  const page = { buffer: cache.buffers[0], offset: sequence.pages[0] * pageBytes, bytes: pageBytes }
  const { bytes } = await recorder.readRanges([...ranges, page])
  const read = await bytes
  let at = 0
  const next = (length: number) => read.slice(at, (at += length))
  const [h, x, q, o, m, z] = ranges.map(({ bytes: length }) => next(length))
  const kv = next(pageBytes)
  return {
    kernel,
    h: new Float32Array(h),
    x: new Float32Array(x),
    q: new Float32Array(q),
    o: new Float32Array(o),
    m: new Float32Array(m),
    z: new Uint32Array(z),
    kv: cache.precision === 'f32' ? new Float32Array(kv) : Float32Array.from(new Uint16Array(kv), halfToFloat),
  }
}
