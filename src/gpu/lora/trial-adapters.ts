// Seeded adapters for the self-test: of the model's own dimensions, on all seven modules of the first layer and on q k v of the next,
// in a pool of their own that is thrown away. Not for answers.
// Invariant: what they add is about as large as what the model's own matrices give, so that neither hides the other.
import type { Arena } from '../arena.ts'
import { type AdaptedShape, type LoraDelta, type LoraModule, loraModules, moduleShape } from '../formats/peft.ts'
import type { Recorder } from '../recorder.ts'
import { AdapterPool } from './adapter-pool.ts'
import { type PackedAdapter, packAdapter } from './packed-adapter.ts'

/** One of a face's adapters, as it was made and at which weight. */
export interface TrialMember {
  deltas: readonly LoraDelta[]
  weight: number
}

export interface TrialAdapters {
  pool: AdapterPool
  /** By slot: slot 0 has none. */
  faces: readonly (readonly TrialMember[])[]
}

/** Ranks that fill neither a vec4 nor a workgroup's share. */
const ranks = { alone: 5, beside: 3 }

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
  gained: boolean,
): Promise<TrialAdapters> {
  const lengths = new Map<LoraModule, number>()
  for (const module of loraModules) lengths.set(module, (await rowLength(module)) || 1)
  const noise = seededNoise()
  const make = (rank: number, dora: boolean) => trialDeltas(config, (module) => lengths.get(module)!, rank, noise, dora)
  const [first, second] = [make(ranks.alone, false), make(ranks.beside, false)]
  const alone = gained ? make(ranks.alone, true) : first
  const faces: TrialMember[][] = [
    [],
    [{ deltas: alone, weight: 1 }],
    [
      { deltas: first, weight: -0.5 },
      { deltas: second, weight: 1 },
    ],
  ]
  const packed = new Map<readonly LoraDelta[], PackedAdapter>()
  for (const deltas of new Set([first, second, alone])) {
    packed.set(deltas, packAdapter(config, `trial ${packed.size}`, { deltas, groups: [], maxRank: ranks.alone }))
  }
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
  rank: number,
  noise: () => number,
  dora: boolean,
): LoraDelta[] {
  const adapted = [loraModules, loraModules.slice(0, 3)].slice(0, config.layers)
  return adapted.flatMap((modules, layer) =>
    modules.map((module) => {
      const { inputs, outputs } = moduleShape(config, module)
      const numbers = (count: number, size: number) => Float32Array.from({ length: count }, () => size * noise())
      return {
        ...{ layer, module, rank, scale: 1.5 },
        A: numbers(rank * inputs, 1 / Math.sqrt(inputs)),
        B: numbers(outputs * rank, rowLength(module) / Math.sqrt(rank)),
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
