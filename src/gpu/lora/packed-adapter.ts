// An adapter as the device holds it: all its A in one block, all its B in another, and a list of segments that says what stands
// where. Not on the device yet, and not a reader (formats/peft.ts): this is what the host tier keeps.
// Invariants: a segment is one module's share of one group of ranks; A rows are padded with zeros to whole fours, B rows to pairs; no
// number is rounded.
import { OpenChatError } from '../../errors.ts'
import { floatsOf, type Halves } from '../formats/half.ts'
import { type AdaptedShape, type LoraDelta, loraModules, moduleShape, type PeftAdapter } from '../formats/peft.ts'
import type { AdapterPrecision } from '../kernels/adapter-precision.ts'

/** Ranks on one module, all adapters of a row together: a record of z is that long for every row. */
export const rankMost = 256

export interface PackedSegment {
  /** layer · 7 + module: which head of the table it hangs on. */
  site: number
  /** Index into `groups`; 0 where there are none. */
  group: number
  /** Where its A begins, in fours, and its B, in pairs, within the blocks. */
  a: number
  b: number
  rank: number
  /** Fours that a pair of B's rows takes. */
  stride: number
  scale: number
}

/** Numbers as a pool holds them; of f16 the bits. */
export type PackedNumbers = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>

export interface PackedAdapter {
  /** Of the content: keys the KV cache. */
  digest: string
  /** Of A and B: f16 where the file holds nothing else, and DoRA multiplied nothing. */
  precision: AdapterPrecision
  /** [rank][⌈in / 4⌉ · 4] of each segment, one after the other. */
  A: PackedNumbers
  /**
   * [⌈out / 2⌉][2 · ⌈ranks / 2⌉][2] of each module, all its groups' ranks side by side, so that neighbouring groups are one run; then
   * the gains of DoRA as pairs. Rows come in pairs, ranks fastest; every block begins on a four.
   */
  B: PackedNumbers
  segments: PackedSegment[]
  /** Where the gains − 1 of a site begin in B, in pairs; empty for plain LoRA. */
  gains: { site: number; b: number }[]
  /** Names of the contributor groups; empty when the adapter names none. */
  groups: string[]
  maxRank: number
}

/** Sites of a model: heads of one slot. */
export function siteCount(config: AdaptedShape): number {
  return config.layers * loraModules.length
}

/** @throws adapter_unsupported when a module's rank is more than is served */
export function packAdapter(config: AdaptedShape, digest: string, adapter: Omit<PeftAdapter, 'baseSha256'>): PackedAdapter {
  const { deltas, groups, maxRank } = adapter
  if (maxRank > rankMost) {
    throw new OpenChatError('adapter_unsupported', `The adapter has rank ${maxRank}; at most ${rankMost} is served.`, {
      meta: { rank: maxRank, most: rankMost },
      action: 'Retrain or truncate it at a lower rank.',
    })
  }
  const segments: PackedSegment[] = []
  const gains: PackedAdapter['gains'] = []
  let [a, b] = [0, 0]
  const shapes = deltas.map((delta) => {
    const { inputs, outputs } = moduleShape(config, delta.module)
    return { width: Math.ceil(inputs / 4), pairs: Math.ceil(outputs / 2), inputs, outputs }
  })
  deltas.forEach((delta, i) => {
    const site = delta.layer * loraModules.length + loraModules.indexOf(delta.module)
    const ranks = delta.groupRanks ?? [delta.rank]
    const stride = Math.ceil(delta.rank / 2)
    let first = b
    ranks.forEach((rank, group) => {
      if (rank > 0) segments.push({ site, group, a, b: first, rank, stride, scale: delta.scale })
      a += rank * shapes[i].width
      first += rank
    })
    b += 2 * stride * shapes[i].pairs
  })
  deltas.forEach((delta, i) => {
    if (delta.gain === undefined) return
    gains.push({ site: delta.layer * loraModules.length + loraModules.indexOf(delta.module), b })
    b += 2 * Math.ceil(shapes[i].pairs / 2)
  })
  const halves = deltas.every(({ A, B, gain }) => !(A instanceof Float32Array || B instanceof Float32Array) && gain === undefined)
  const Numbers = halves ? Uint16Array : Float32Array
  const A = new Numbers(a * 4)
  const B = new Numbers(b * 2)
  const stored = (numbers: LoraDelta['A']) => (halves ? (numbers as Halves).bits : floatsOf(numbers))
  ;[a, b] = [0, 0]
  deltas.forEach((delta, i) => {
    const { width, pairs, inputs } = shapes[i]
    const rows = stored(delta.A)
    for (let r = 0; r < delta.rank; r++) A.set(rows.subarray(r * inputs, (r + 1) * inputs), (a + r * width) * 4)
    a += delta.rank * width
    placePairs(B, b, stored(delta.B), delta)
    b += 2 * Math.ceil(delta.rank / 2) * pairs
  })
  deltas.forEach((delta, i) => {
    if (delta.gain === undefined) return
    delta.gain.forEach((gain, o) => {
      B[2 * b + o] = gain - 1
    })
    b += 2 * Math.ceil(shapes[i].pairs / 2)
  })
  return { digest, precision: halves ? 'f16' : 'f32', A, B, segments, gains, groups, maxRank }
}

/** B, [out][rank], as [out / 2][2 · ⌈rank / 2⌉][2]. A DoRA gain scales its rows, which are then no bits of halves. */
function placePairs(into: PackedNumbers, at: number, B: PackedNumbers, { rank, gain }: LoraDelta): void {
  const outputs = B.length / rank
  const stride = 2 * Math.ceil(rank / 2)
  for (let o = 0; o < outputs; o++) {
    const from = o * rank
    const to = 2 * (at + (o >> 1) * stride) + (o & 1)
    const factor = gain?.[o] ?? 1
    for (let r = 0; r < rank; r++) into[to + 2 * r] = factor * B[from + r]
  }
}
