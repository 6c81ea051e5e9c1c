// A face: what one row is computed under, that is several adapters at once with their weights, some of their contributor groups
// left out. It is a list of segments in the table and moves no weight: Σ w_i s_i B_i A_i is the concatenation of the ranks.
// Invariant: its key names contents (digests), never names, as the KV cache is keyed by it.
import { OpenChatError } from '../../errors.ts'
import { type PackedAdapter, type PackedSegment, rankMost } from './packed-adapter.ts'

/** Adapters and groups of a face on one module. */
export const segmentMost = 32
/** u32 of a record of z: how many segments, gains, (B, rank) of each, z of all; from its end backwards, how far B's rows lie apart. */
export const zRecord = 2 + 3 * segmentMost + rankMost

export interface FaceMember {
  packed: PackedAdapter
  weight: number
  /** Indices of groups left out, ascending. */
  without: readonly number[]
}

/** A member and where its blocks stand in the pools: A in fours, B in pairs. */
export interface PlacedMember extends FaceMember {
  a: number
  b: number
}

export function faceKey(members: readonly FaceMember[]): string {
  return members
    .map(({ packed, weight, without }) => {
      return packed.digest + (weight === 1 ? '' : `*${weight}`) + (without.length === 0 ? '' : `-${without.join('.')}`)
    })
    .join('+')
}

/**
 * The words of a face in the table.
 * @param sites heads of a slot
 * @returns runs of ranks per site in the order of the members, 4 words each, and their site
 * @throws adapter_unsupported when a module would carry more than the record of z holds
 */
export function faceSegments(members: readonly PlacedMember[], sites: number): { counts: Uint32Array; words: Uint32Array<ArrayBuffer> } {
  const counts = new Uint32Array(sites)
  const ranks = new Uint32Array(sites)
  const used = members.flatMap(({ packed, a, b, weight, without }) =>
    runsOf(packed.segments, without).map((run) => ({ ...run, a: run.a + a, b: run.b + b, scale: run.scale * weight })),
  )
  for (const { site, rank } of used) {
    counts[site]++
    ranks[site] += rank
  }
  const most = { rank: Math.max(...ranks), segments: Math.max(...counts) }
  if (most.rank > rankMost || most.segments > segmentMost) throw tooMuch(most)
  const at = new Uint32Array(sites)
  for (let site = 1; site < sites; site++) at[site] = at[site - 1] + counts[site - 1]
  const words = new Uint32Array(used.length * 4)
  const floats = new Float32Array(words.buffer)
  for (const { site, a, b, rank, stride, scale } of used) {
    const to = 4 * at[site]++
    words.set([a, b, rank | (stride << 16)], to)
    floats[to + 3] = scale
  }
  return { counts, words }
}

/** Groups that stand side by side and are both there are one run of ranks, so a face without one group of many has two a module. */
function runsOf(segments: readonly PackedSegment[], without: readonly number[]): PackedSegment[] {
  const runs: PackedSegment[] = []
  let end = -1
  segments.forEach((segment, i) => {
    if (without.includes(segment.group)) return
    const last = runs.at(-1)
    if (last !== undefined && end === i && last.site === segment.site) runs[runs.length - 1] = { ...last, rank: last.rank + segment.rank }
    else runs.push(segment)
    end = i + 1
  })
  return runs
}

/** Heads of a slot, 4 words each, for segments that stand from `first` on. */
export function faceHeads(members: readonly PlacedMember[], counts: Uint32Array, first: number): Uint32Array<ArrayBuffer> {
  const heads = new Uint32Array(counts.length * 4)
  let at = first
  counts.forEach((count, site) => {
    heads.set([count === 0 ? 0 : at, count], 4 * site)
    at += count
  })
  for (const { packed, b } of members) for (const gain of packed.gains) heads[4 * gain.site + 2] = 1 + b + gain.b
  return heads
}

function tooMuch(most: { rank: number; segments: number }): OpenChatError {
  const { rank, segments } = most
  return new OpenChatError(
    'adapter_unsupported',
    `A module would carry rank ${rank} in ${segments} parts; at most ${rankMost} in ${segmentMost} are served.`,
    { meta: { rank, rankMost, segments, segmentMost }, action: 'Use fewer adapters at once, or retrain or truncate them at a lower rank.' },
  )
}
