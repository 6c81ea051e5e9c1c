// Puts a projection together: weights prelude × tile prelude × LoRA prelude × the kernel's own `finish`. Not a kernel itself.
// The variant axes are chosen here once: eight storage formats, who computes a tile (one, four or eight tokens a thread, lanes, or a
// workgroup's block), and of an adapter nothing, its expand (q k v, gate up) or its shrink (o, down), in halves or in f32.
import { type AdapterPrecision, adapterReads } from './adapter-precision.ts'
import type { Dispatch } from './kernel.ts'
import shrinkRow from './lora-shrink-row.wgsl?raw'
import lanes from './tile/lanes.wgsl?raw'
import expandBindings from './tile/lora-bindings.wgsl?raw'
import loraExpand from './tile/lora-expand.wgsl?raw'
import loraNone from './tile/lora-none.wgsl?raw'
import rowsNone from './tile/rows-none.wgsl?raw'
import rowsShrink from './tile/rows-shrink.wgsl?raw'
import shared from './tile/shared.wgsl?raw'
import staged from './tile/staged.wgsl?raw'
import stagedF16 from './tile/staged-f16.wgsl?raw'
import stagedF32 from './tile/staged-f32.wgsl?raw'
import subgroupNative from './tile/subgroup-native.wgsl?raw'
import teamSubgroup from './tile/team-subgroup.wgsl?raw'
import teamWorkgroup from './tile/team-workgroup.wgsl?raw'
import thread1 from './tile/thread-1.wgsl?raw'
import thread4 from './tile/thread-4.wgsl?raw'
import thread8 from './tile/thread-8.wgsl?raw'
import bf16 from './weights/bf16.wgsl?raw'
import f16 from './weights/f16.wgsl?raw'
import f32 from './weights/f32.wgsl?raw'
import q4 from './weights/q4.wgsl?raw'
import q4s from './weights/q4s.wgsl?raw'
import q5 from './weights/q5.wgsl?raw'
import q6 from './weights/q6.wgsl?raw'
import q8 from './weights/q8.wgsl?raw'

export const weightPreludes = { q4, q4s, q5, q6, q8, f16, bf16, f32 }
export type WeightFormat = keyof typeof weightPreludes
export const sharedPrelude = shared
const tilePreludes: Readonly<Record<string, string>> = {
  ...{ lanes, 'thread-1': thread1, 'thread-4': thread4, 'thread-8': thread8 },
  ...{ staged: `${stagedF32}\n${staged}`, 'staged-f16': `${stagedF16}\n${staged}` },
}

/** vec4<u32> of a tile block (4 rows × 32 columns), as in the preludes. */
export const blockWords: Readonly<Record<WeightFormat, number>> = { q4: 5, q4s: 6, q5: 7, q6: 8, q8: 9, f16: 16, bf16: 16, f32: 32 }

/** Blocks of tile/staged.wgsl, rows × tokens of a workgroup, as its threads: WIDE by two tiles each, DEEP by four tokens each. */
const stagedShapes = { 'staged-32x32': [4, 8], 'staged-64x32': [8, 8], 'staged-64x64': [8, 16], 'staged-64x64-f16': [8, 16] } as const
export type StagedVariant = keyof typeof stagedShapes
/** The one whose block lies in workgroup memory as halves: for an engine that was asked for f16, since it rounds what it reads. */
export const halfVariant = 'staged-64x64-f16' as const
/** Those that round nothing. */
export const stagedVariants = (Object.keys(stagedShapes) as StagedVariant[]).filter((variant) => variant !== halfVariant)

/** Who computes a tile when many rows are fed. */
export type PrefillVariant = 'thread-4' | 'thread-8' | StagedVariant
export const prefillVariants: readonly PrefillVariant[] = ['thread-4', 'thread-8', ...stagedVariants, halfVariant]
/** Who computes a tile: see tile/*.wgsl. */
export type TileVariant = 'lanes' | 'thread-1' | PrefillVariant

const stagedShape = (variant: TileVariant): readonly [wide: number, deep: number] | null =>
  variant in stagedShapes ? stagedShapes[variant as StagedVariant] : null

/** Rows that a thread, or a workgroup's block, goes through together. */
export function tokensOf(variant: TileVariant): number {
  const shape = stagedShape(variant)
  return shape ? 4 * shape[1] : variant === 'thread-4' ? 4 : variant === 'thread-8' ? 8 : 1
}

/** How lanes that share a tile exchange their sums, where not through workgroup memory. */
export interface Subgroups {
  name: string
  /** `subgroup_lanes` and `exchange`: see tile/team-subgroup.wgsl. */
  text: string
}

/** Where the device has the feature `subgroups`. */
export const nativeSubgroups: Subgroups = { name: 'subgroups', text: subgroupNative }

/** Part of a packed matrix that one binding holds: model/pack.ts makes it. */
export interface Segment {
  format: WeightFormat
  buffer: GPUBuffer
  /** Tiles before it in the matrix, and its own. */
  tileBase: number
  tiles: number
  /** Of 32 columns. */
  blocks: number
  /** A vec4 of biases for each tile stands behind the last one; only project-qkv reads it. */
  biased?: boolean
}

/** What is left of the norm whose product with its gain x is. */
export interface NormInput {
  /** Of the norm. */
  width: number
  epsilon: number
  /** Columns of h behind each sum of squares: {@link columnsOfSum} of whoever wrote x. */
  columns: number
}

/** z as lora-shrink or norm-shrink wrote it. */
export interface ExpandInput extends GainInput {
  z: GPUBuffer
  /** u32 of a record of z. */
  record: number
  /** Of z behind a norm: {@link sharesOf} the variant. */
  shares: number
}

/** Where an adapter's A, its table and its z are: lora-shrink-row.wgsl. */
export interface ShrinkInput {
  rows: GPUBuffer
  /** Heads and segments. */
  table: GPUBuffer
  a: GPUBuffer
  precision: AdapterPrecision
  z: GPUBuffer
  /** Uniform of (layer, firstModule, parts, width / 4, stride / 4), at its own offset. */
  site: GPUBufferBinding
  layers: number
  /** u32 of a record of z. */
  record: number
}

/** The B pool, where DoRA's gains stand too, and whether any adapter has them. */
export interface GainInput {
  b: GPUBuffer
  precision: AdapterPrecision
  gained: boolean
}

/** Threads of a projection (lanes: workgroups; staged: threads for each four tokens) that shrink beside its tiles and share ranks out. */
const shrinkUnits = 16

/**
 * Workgroups that share out the columns of each row that shrinks behind a norm. One would leave all but a core of the machine idle
 * where rows are few; where they are many, whoever reads z reads that many numbers for one.
 */
export function sharesOf(variant: TileVariant): number {
  return variant === 'thread-1' ? 2 : variant === 'lanes' ? 4 : 1
}

/** Rows of z from one share to the next, and so the most that may be shared out: as in lora-shrink-row.wgsl. */
export const sharedRows = 16

/** Records of z a row has: three for q k v or gate up, one for o or down, since norm-shrink reads one while it writes others. */
export const zParts = 4

export interface ProjectionInput {
  segment: Segment
  variant: TileVariant
  /** [tokens][xStride] f32, columns past the width 0. */
  x: GPUBuffer
  /** f32; a multiple of 32. */
  xStride: number
  batch: GPUBuffer
  /**
   * Threads of a workgroup in the thread variants, thread-8 has half of them: few, so that a small matrix still reaches every core, or
   * a GPU's own width.
   */
  workgroup: 8 | 32
  /** Of the lanes variant; null: sums through workgroup memory. */
  subgroups?: Subgroups | null
  /** Absent where x is no norm. */
  norm?: NormInput
  expand?: ExpandInput | null
  shrink?: (ShrinkInput & GainInput) | null
}

/** Threads that share a tile in the lanes variant: enough for the blocks of a row, never more. */
export function lanesFor(blocks: number): number {
  return blocks >= 64 ? 32 : blocks >= 32 ? 16 : 8
}

/** f32 of a row of x: the norm's width padded to a block, then sums of squares, for each `columns` in a place of their own. */
export function rowWithSums(width: number): number {
  return sumsAt(width, 64)
}

/** Where the sums of each `columns` columns begin in a row of x: no variant reads what another left. */
export function sumsAt(width: number, columns: number): number {
  let at = Math.ceil(width / 32) * 32
  for (let finer = 8; finer < columns; finer *= 2) at += Math.ceil(Math.ceil(width / 32) * (32 / finer / 4)) * 4
  return at
}

/** Constants of whoever reads a norm; PARTIALS in vec4. */
export function normConstants({ width, columns, epsilon }: NormInput): Record<string, number> {
  const PARTIALS = Math.ceil(Math.ceil(width / columns) / 4)
  return { PARTIALS, SUMS_AT: sumsAt(width, columns) / 4, NORM_WIDTH: width, EPSILON: epsilon }
}

/** Tiles behind a sum of squares. */
function tilesOf(variant: TileVariant, blocks: number): number {
  return stagedShape(variant) ? 8 : variant === 'lanes' ? 64 / lanesFor(blocks) : 4
}

/** Of a workgroup in the thread variants: as many tiles for each of them. */
function threadsOf(variant: TileVariant, workgroup: 8 | 32): number {
  return variant === 'thread-8' ? workgroup / 2 : workgroup
}

/** Workgroups along the tiles of a segment, those behind the last tile that shrink among them. */
function groupsAcross({ variant, segment, workgroup, shrink }: ProjectionInput): number {
  const { tiles, blocks } = segment
  const extra = shrink ? shrinkUnits : 0
  const shape = stagedShape(variant)
  if (shape) return Math.ceil(tiles / (2 * shape[0])) + Math.ceil(extra / shape[0])
  if (variant === 'lanes') return Math.ceil(tiles / tilesOf(variant, blocks)) + extra
  return Math.ceil((Math.ceil(tiles / (variant === 'thread-8' ? 8 : 4)) + extra) / threadsOf(variant, workgroup))
}

function tileConstants({ variant, segment, workgroup }: ProjectionInput): Record<string, number> {
  const shape = stagedShape(variant)
  if (shape) return { WIDE: shape[0], DEEP: shape[1] }
  return variant === 'lanes' ? { LANES: lanesFor(segment.blocks) } : { WORKGROUP: threadsOf(variant, workgroup) }
}

/** Columns of the residual stream that a projection with `blocks` blocks of inputs sums the squares of at once. */
export function columnsOfSum(variant: TileVariant, blocks: number): number {
  return 4 * tilesOf(variant, blocks)
}

/**
 * @param body `finish` and its bindings (3 and up)
 * @param count which of the batch's numbers the tokens are
 */
export function projection(
  name: string,
  body: string,
  input: ProjectionInput,
  own: {
    write: readonly GPUBuffer[]
    read?: readonly GPUBuffer[]
    constants: Record<string, number>
    count?: 'rows' | 'picks'
    /** Tiles of a head, where rows of several are no neighbours. */
    span?: number
  },
): Dispatch {
  const { segment, variant, norm } = input
  const [expand, shrink] = [input.expand ?? null, input.shrink ?? null]
  const adapted = expand ?? shrink
  const subgroups = variant === 'lanes' ? (input.subgroups ?? null) : null
  const { format, tiles, blocks, tileBase } = segment
  const read = own.read ?? []
  // Where threads finish four tiles one after the other, and call `ahead` before them.
  const neighbours = variant.startsWith('thread') && (own.span ?? 4) % 4 === 0 && tileBase % 4 === 0 ? 4 : 1
  const [x, tokens] = [groupsAcross(input), tokensOf(variant)]
  const count = own.count ?? 'rows'
  const tile = variant === halfVariant ? 'staged-f16' : variant in stagedShapes ? 'staged' : variant
  return {
    kernel: {
      name: `${name}/${format}/${tile}${subgroups ? `-${subgroups.name}` : ''}${expand ? '/expand' : ''}${adapted ? `/${adapted.precision}` : ''}`,
      code: [
        ...(subgroups ? [subgroups.text] : []),
        ...[shared, weightPreludes[format], tilePreludes[tile]],
        ...(variant === 'lanes' ? [subgroups ? teamSubgroup : teamWorkgroup] : []),
        ...(adapted ? [adapterReads[adapted.precision]] : []),
        ...(expand ? [expandBindings, loraExpand] : [loraNone]),
        ...(shrink ? [shrinkRow, rowsShrink] : [rowsNone]),
        body,
      ].join('\n'),
      groups: [
        ['read', 'read', 'uniform', ...read.map(() => 'read' as const), ...own.write.map(() => 'write' as const)],
        ...(expand ? [['read', 'read'] as const] : []),
        ...(shrink ? [['read', 'read', 'read', 'write', 'uniform', 'read'] as const] : []),
      ],
    },
    constants: {
      BLOCKS: blocks,
      X_STRIDE: input.xStride / 4,
      TILES: tiles,
      TILE_BASE: tileBase,
      ...tileConstants(input),
      ...(norm ? normConstants(norm) : {}),
      ...(expand
        ? { Z_RECORD: expand.record, Z_PARTS: zParts, GAINED: Number(expand.gained), NEIGHBOURS: neighbours, Z_SHARES: expand.shares }
        : {}),
      ...(shrink
        ? {
            ...{ Z_RECORD: shrink.record, Z_PARTS: zParts, LAYERS: shrink.layers, UNITS: shrinkUnits, GAINED: Number(shrink.gained) },
            TAKE: input.workgroup === 8 ? 4 : 1,
          }
        : {}),
      ...own.constants,
    },
    resources: [
      [segment.buffer, input.x, input.batch, ...read, ...own.write].map((buffer) => ({ buffer })),
      ...(expand ? [[{ buffer: expand.z }, { buffer: expand.b }]] : []),
      ...(shrink
        ? [[...[shrink.rows, shrink.table, shrink.a, shrink.z].map((buffer) => ({ buffer })), shrink.site, { buffer: shrink.b }]]
        : []),
    ],
    grid: (counts) => [x, Math.ceil(counts[count] / tokens)],
  }
}
