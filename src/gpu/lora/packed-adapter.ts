// An adapter as the device holds it: all its A in one block, all its B in another, and a list of segments that says what stands
// where. Not on the device yet, and not a reader (formats/peft.ts): this is what the host tier keeps.
// Invariants: a segment is one module's share of one group of ranks; A rows are padded with zeros to whole vec4, B rows to pairs.
import { OpenChatError } from '../../errors.ts'
import { type AdaptedShape, type LoraDelta, loraModules, moduleShape, type PeftAdapter } from '../formats/peft.ts'

/** Ranks on one module, all adapters of a row together: a record of z is that long for every row. */
export const rankMost = 256

export interface PackedSegment {
  /** layer · 7 + module: which head of the table it hangs on. */
  site: number
  /** Index into `groups`; 0 where there are none. */
  group: number
  /** Where its A begins, in vec4, and its B, in pairs, within the blocks. */
  a: number
  b: number
  rank: number
  /** vec4 that a pair of B's rows takes. */
  stride: number
  scale: number
}

export interface PackedAdapter {
  /** Of the content: keys the KV cache. */
  digest: string
  /** [rank][⌈in / 4⌉ · 4] of each segment, one after the other. */
  A: Float32Array<ArrayBuffer>
  /**
   * [⌈out / 2⌉][2 · ⌈ranks / 2⌉][2] of each module, all its groups' ranks side by side, so that neighbouring groups are one run; then
   * the gains of DoRA as pairs. Rows come in pairs, ranks fastest; every block begins on a vec4.
   */
  B: Float32Array<ArrayBuffer>
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
  const A = new Float32Array(a * 4)
  const B = new Float32Array(b * 2)
  ;[a, b] = [0, 0]
  deltas.forEach((delta, i) => {
    const { width, pairs, inputs } = shapes[i]
    for (let r = 0; r < delta.rank; r++) A.set(delta.A.subarray(r * inputs, (r + 1) * inputs), (a + r * width) * 4)
    a += delta.rank * width
    placePairs(B, b, delta)
    b += 2 * Math.ceil(delta.rank / 2) * pairs
  })
  deltas.forEach((delta, i) => {
    if (delta.gain === undefined) return
    delta.gain.forEach((gain, o) => {
      B[2 * b + o] = gain - 1
    })
    b += 2 * Math.ceil(shapes[i].pairs / 2)
  })
  return { digest, A, B, segments, gains, groups, maxRank }
}

/** B, [out][rank], as [out / 2][2 · ⌈rank / 2⌉][2]. A DoRA gain scales its rows. */
function placePairs(into: Float32Array, at: number, { B, rank, gain }: LoraDelta): void {
  const outputs = B.length / rank
  const stride = 2 * Math.ceil(rank / 2)
  for (let o = 0; o < outputs; o++) {
    const from = o * rank
    const to = 2 * (at + (o >> 1) * stride) + (o & 1)
    const factor = gain?.[o] ?? 1
    for (let r = 0; r < rank; r++) into[to + 2 * r] = factor * B[from + r]
  }
}
