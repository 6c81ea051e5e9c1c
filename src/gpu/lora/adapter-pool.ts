// The adapters on the device: one pool of A, one of B, and the table slot → layer → module → (A, B, rank, scale).
// Not the maths (kernels/lora-shrink.wgsl, tile/lora-expand.wgsl), not a reader (formats/peft.ts).
// Invariants: slot 0 is empty, all zeros; an adapter is whole or not there, so one that fails leaves the others untouched;
// the table is written last. A switch of adapter is another number in a row, nothing is moved or merged.
import { OpenChatError } from '../../errors.ts'
import type { Arena, Lease } from '../arena.ts'
import { type LoraDelta, type LoraModule, loraModules, moduleShape, type PeftAdapter } from '../formats/peft.ts'
import type { ModelConfig } from '../model/config.ts'
import type { Recorder } from '../recorder.ts'
import { Extents } from './extents.ts'

/** Ranks above this are refused: a record of z is that long for every row. */
export const rankMost = 128
const slots = 64
const entryWords = 4

interface Loaded {
  slot: number
  digest: string
  maxRank: number
  deltas: { layer: number; module: LoraModule; a: number; aLength: number; b: number; bLength: number }[]
}

/** A pool that doubles, keeping its contents and its offsets. */
class Pool {
  lease: Lease<GPUBuffer> | null = null
  extents = new Extents(0)
  readonly unitBytes: number
  readonly label: string
  constructor(label: string, unitBytes: number) {
    this.label = label
    this.unitBytes = unitBytes
  }
}

export class AdapterPool {
  /** Moves when a buffer is replaced or the set of adapted sites changes: prepared dispatches are then stale. */
  generation = 0
  #arena: Arena<GPUBuffer>
  #recorder: Recorder
  #config: ModelConfig
  #a = new Pool('lora A', 16)
  #b = new Pool('lora B', 4)
  #table: Lease<GPUBuffer> | null = null
  #loaded = new Map<string, Loaded>()

  constructor(arena: Arena<GPUBuffer>, recorder: Recorder, config: ModelConfig) {
    this.#arena = arena
    this.#recorder = recorder
    this.#config = config
  }

  get bytes(): number {
    return (this.#a.lease?.bytes ?? 0) + (this.#b.lease?.bytes ?? 0) + (this.#table?.bytes ?? 0)
  }

  /** Largest rank of any loaded adapter, rounded up to 16 so that few pipelines are made. */
  get maxRank(): number {
    return Math.ceil(Math.max(1, ...[...this.#loaded.values()].map(({ maxRank }) => maxRank)) / 16) * 16
  }

  /** Null until the first adapter is added. */
  get buffers(): { a: GPUBuffer; b: GPUBuffer; table: GPUBuffer } | null {
    if (!this.#a.lease || !this.#b.lease || !this.#table) return null
    return { a: this.#a.lease.buffer, b: this.#b.lease.buffer, table: this.#table.buffer }
  }

  /** Whether any loaded adapter changes one of these modules of a layer. */
  touches(layer: number, modules: readonly LoraModule[]): boolean {
    return [...this.#loaded.values()].some(({ deltas }) => deltas.some((delta) => delta.layer === layer && modules.includes(delta.module)))
  }

  /** Digest of a loaded adapter's content; of null, ''. @throws adapter_unknown */
  digestOf(name: string | null): string {
    if (name === null) return ''
    const loaded = this.#loaded.get(name)
    if (loaded) return loaded.digest
    throw unknown(`No adapter is loaded under the name ${name}.`, name)
  }

  /** Where the adapter with this content is now; 0 for ''. @throws adapter_unknown */
  slotOf(digest: string): number {
    if (digest === '') return 0
    for (const loaded of this.#loaded.values()) if (loaded.digest === digest) return loaded.slot
    throw unknown('The adapter of this answer was removed.', digest)
  }

  /**
   * @param digest of the adapter's content: keys the KV cache
   * @throws adapter_unsupported (rank), adapter_pool_full, gpu_out_of_memory
   */
  async add(name: string, digest: string, adapter: PeftAdapter): Promise<void> {
    if (this.#loaded.has(name)) this.remove(name)
    if (adapter.maxRank > rankMost) {
      throw new OpenChatError('adapter_unsupported', `The adapter has rank ${adapter.maxRank}; at most ${rankMost} is served.`, {
        meta: { rank: adapter.maxRank, most: rankMost },
        action: 'Retrain or truncate it at a lower rank.',
      })
    }
    const slot = this.#freeSlot()
    const loaded: Loaded = { slot, digest, maxRank: adapter.maxRank, deltas: [] }
    try {
      this.#table ??= await this.#arena.allocate(slots * this.#slotWords * 4, poolUsage(), 'lora table', { exact: true })
      const table = new Uint32Array(this.#slotWords)
      for (const delta of adapter.deltas) await this.#place(delta, loaded, table)
      this.#recorder.upload(this.#table.buffer, slot * this.#slotWords * 4, table)
    } catch (error) {
      this.#giveBack(loaded)
      throw error
    }
    this.#loaded.set(name, loaded)
    this.generation++
  }

  remove(name: string): void {
    const loaded = this.#loaded.get(name)
    if (!loaded) return
    this.#loaded.delete(name)
    this.#giveBack(loaded)
    if (this.#table) this.#recorder.upload(this.#table.buffer, loaded.slot * this.#slotWords * 4, new Uint32Array(this.#slotWords))
    this.generation++
  }

  dispose(): void {
    this.#loaded.clear()
    this.#table?.release()
    this.#table = null
    for (const pool of [this.#a, this.#b]) {
      pool.lease?.release()
      pool.lease = null
      pool.extents = new Extents(0)
    }
  }

  get #slotWords(): number {
    return this.#config.layers * loraModules.length * entryWords
  }

  #freeSlot(): number {
    const taken = new Set([...this.#loaded.values()].map(({ slot }) => slot))
    for (let slot = 1; slot < slots; slot++) if (!taken.has(slot)) return slot
    throw new OpenChatError('adapter_pool_full', `All ${slots - 1} adapter slots are taken.`, {
      meta: { slots: slots - 1 },
      action: 'Remove an adapter that is not in use.',
    })
  }

  async #place(delta: LoraDelta, loaded: Loaded, table: Uint32Array): Promise<void> {
    const { layer, module, rank, scale, A, B } = delta
    const { inputs } = moduleShape(this.#config, module)
    const width = Math.ceil(inputs / 4)
    const aLength = rank * width
    const bLength = B.length
    const a = await this.#take(this.#a, aLength)
    loaded.deltas.push({ layer, module, a, aLength, b: 0, bLength: 0 })
    const b = await this.#take(this.#b, bLength)
    Object.assign(loaded.deltas[loaded.deltas.length - 1], { b, bLength })
    this.#recorder.upload(this.#a.lease!.buffer, a * 16, inputs % 4 === 0 ? A : paddedRows(A, rank, inputs, width * 4))
    this.#recorder.upload(this.#b.lease!.buffer, b * 4, B)
    const at = (layer * loraModules.length + loraModules.indexOf(module)) * entryWords
    table.set([a, b, rank], at)
    new Float32Array(table.buffer)[at + 3] = scale
  }

  async #take(pool: Pool, length: number): Promise<number> {
    const start = pool.extents.take(length)
    if (start !== null) return start
    const capacity = Math.max(pool.extents.capacity * 2, pool.extents.capacity + length, (1 << 20) / pool.unitBytes)
    const lease = await this.#arena.allocate(capacity * pool.unitBytes, poolUsage(), pool.label, { exact: true })
    if (pool.lease) {
      const bytes = pool.extents.capacity * pool.unitBytes
      this.#recorder.copy([{ from: pool.lease.buffer, fromOffset: 0, to: lease.buffer, toOffset: 0, bytes }])
      pool.lease.release()
    }
    pool.lease = lease
    pool.extents.grow(capacity)
    this.generation++
    return pool.extents.take(length)!
  }

  #giveBack({ deltas }: Loaded): void {
    for (const { a, aLength, b, bLength } of deltas) {
      this.#a.extents.give(a, aLength)
      this.#b.extents.give(b, bLength)
    }
  }
}

function unknown(sentence: string, adapter: string): OpenChatError {
  return new OpenChatError('adapter_unknown', sentence, { meta: { adapter }, action: 'Add the adapter first.' })
}

/** A function, since Node has no GPUBufferUsage until Dawn is loaded. */
function poolUsage(): number {
  return GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
}

function paddedRows(rows: Float32Array, count: number, from: number, to: number): Float32Array {
  const out = new Float32Array(count * to)
  for (let r = 0; r < count; r++) out.set(rows.subarray(r * from, (r + 1) * from), r * to)
  return out
}
