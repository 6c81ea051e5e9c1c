// Seeded adapters for the self-test: of the model's own dimensions, on all seven modules of the first layer and on q k v of the next,
// in a pool of their own that is thrown away. Not for answers.
// Invariants: what they add is about as large as what the model's own matrices give, so that neither hides the other; one has an A
// below 2^-14 and a scale that makes up for it, as a GPU may take such halves for zeros.
import type { Arena } from '../arena.ts'
import { halvesOf } from '../formats/half.ts'
import {
  type AdaptedShape,
  type FloatDelta,
  floatDelta,
  type LoraDelta,
  type LoraModule,
  loraModules,
  moduleShape,
} from '../formats/peft.ts'
import type { AdapterPrecision } from '../kernels/adapter-precision.ts'
import type { Recorder } from '../recorder.ts'
import { AdapterPool } from './adapter-pool.ts'
import { type PackedAdapter, packAdapter } from './packed-adapter.ts'

/** One of a face's adapters, as it was made and at which weight. */
export interface TrialMember {
  deltas: readonly FloatDelta[]
  weight: number
}

export interface TrialAdapters {
  pool: AdapterPool
  /** By slot: slot 0 has none. */
  faces: readonly (readonly TrialMember[])[]
}

/** Of adapters, what other kernels compute, or specialisations of them. */
export interface AdapterKind {
  /** DoRA. */
  gained: boolean
  /** In what the pools hold their numbers; DoRA's are f32. */
  precision: AdapterPrecision
}

/** Ranks that fill neither a vec4 nor a workgroup's share. */
const ranks = { alone: 5, beside: 3 }

/** What A's numbers are made small by, so that no half holds them in full. */
const tiny = 2 ** -13

/**
 * Slot 1 an adapter alone (DoRA, if `gained`), slot 2 two at once, one of them against its sign.
 * @param rowLength of a module's matrix in layer 0, about
 * @throws gpu_out_of_memory
 */
export async function placeTrialAdapters(
  arena: Arena<GPUBuffer>,
  recorder: Recorder,
  config: AdaptedShape,
  rowLength: (module: LoraModule) => Promise<number>,
  { gained, precision }: AdapterKind,
): Promise<TrialAdapters> {
  const lengths = new Map<LoraModule, number>()
  for (const module of loraModules) lengths.set(module, (await rowLength(module)) || 1)
  const noise = seededNoise()
  const packed = new Map<readonly FloatDelta[], PackedAdapter>()
  const make = (rank: number, size: number, dora: boolean): FloatDelta[] => {
    const deltas = trialDeltas(config, (module) => lengths.get(module)!, noise, { rank, size, dora, precision })
    const floats = deltas.map(floatDelta)
    packed.set(floats, packAdapter(config, `trial ${packed.size}`, { deltas, groups: [], maxRank: rank }))
    return floats
  }
  const [first, second] = [make(ranks.alone, 1, false), make(ranks.beside, tiny, false)]
  const alone = gained ? make(ranks.alone, 1, true) : first
  const faces: TrialMember[][] = [
    [],
    [{ deltas: alone, weight: 1 }],
    [
      { deltas: first, weight: -0.5 },
      { deltas: second, weight: 1 },
    ],
  ]
  const pool = new AdapterPool(arena, recorder, config, { slots: faces.length - 1, bytes: 0 })
  try {
    for (const adapter of packed.values()) await pool.place(adapter, (work) => work(), true)
    for (const [slot, members] of faces.entries()) {
      const own = members.map(({ deltas, weight }) => ({ packed: packed.get(deltas)!, weight, without: [] }))
      if (slot > 0) await pool.addFace(`trial ${slot}`, own, (work) => work())
    }
  } catch (error) {
    pool.dispose()
    throw error
  }
  return { pool, faces }
}

function trialDeltas(
  config: AdaptedShape,
  rowLength: (module: LoraModule) => number,
  noise: () => number,
  { rank, size, dora, precision }: { rank: number; size: number; dora: boolean; precision: AdapterPrecision },
): LoraDelta[] {
  const adapted = [loraModules, loraModules.slice(0, 3)].slice(0, config.layers)
  return adapted.flatMap((modules, layer) =>
    modules.map((module) => {
      const { inputs, outputs } = moduleShape(config, module)
      const numbers = (count: number, deviation: number) => Float32Array.from({ length: count }, () => deviation * noise())
      const stored = (floats: Float32Array<ArrayBuffer>) => (precision === 'f16' ? halvesOf(floats) : floats)
      return {
        ...{ layer, module, rank, scale: 1.5 / size },
        A: stored(numbers(rank * inputs, size / Math.sqrt(inputs))),
        B: stored(numbers(outputs * rank, rowLength(module) / Math.sqrt(rank))),
        ...(dora ? { gain: numbers(outputs, 0.25).map((part) => 1 + part) } : {}),
      }
    }),
  )
}

/** xorshift32 as numbers of mean 0 and size 1. */
function seededNoise(): () => number {
  let state = 0x2545f491
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return ((state >>> 0) / 2 ** 31 - 1) * Math.sqrt(3)
  }
}
