// The adapters on the device: one pool of A, one of B, and a table of faces (slot → layer → module → segments). The innermost of
// three tiers. Not the maths (kernels/lora-shrink-row.wgsl, tile/lora-expand.wgsl), and not the one who says what stays
// (adapter-shelf.ts): here are slots, bytes, and what is written where.
// Invariants: slot 0 is empty, all zeros; an adapter is whole or not there; its weights are written before the table names them; no
// number of it is rounded. A and B are halves until an adapter comes that holds anything else, and f32 from then on: one batch is
// computed by one kernel, and what a half is worth does not change.
// A switch of face is another number in a row; a face of several adapters, or of one without some groups, is one more slot.
import { OpenChatError } from '../../errors.ts'
import type { Arena, Lease } from '../arena.ts'
import { floatsOf } from '../formats/half.ts'
import { type AdaptedShape, type LoraModule, loraModules } from '../formats/peft.ts'
import { type AdapterPrecision, adapterBytes } from '../kernels/adapter-precision.ts'
import type { Recorder } from '../recorder.ts'
import { Extents } from './extents.ts'
import { type FaceMember, faceHeads, faceSegments } from './face.ts'
import { type PackedAdapter, type PackedNumbers, siteCount } from './packed-adapter.ts'

export interface PoolLimits {
  /** Faces at a time, beside the empty one. */
  slots: number
  /** Of A and B together; exceeded only by what is in use at the same time. */
  bytes: number
}

export const poolDefaults: PoolLimits = { slots: 63, bytes: 512 << 20 }

/** Written at once; a larger block is written in pieces, so that others' work goes in between. */
const pieceBytes = 4 << 20

export interface Resident {
  packed: PackedAdapter
  /** Where its blocks begin, in fours. */
  a: number
  b: number
}

interface Face {
  slot: number
  residents: Resident[]
  first: number
  length: number
}

/** Runs a change of buffers while nothing is being encoded. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>

/** A buffer that doubles, keeping its contents and its offsets. */
class Pool {
  lease: Lease<GPUBuffer> | null = null
  extents = new Extents(0)
  readonly label: string
  #unitBytes: () => number
  constructor(label: string, unitBytes: () => number) {
    this.label = label
    this.#unitBytes = unitBytes
  }

  get unitBytes(): number {
    return this.#unitBytes()
  }
}

export class AdapterPool {
  /** Moves when a buffer is replaced or the set of adapted sites grows: prepared dispatches are then stale. */
  generation = 0
  readonly limits: PoolLimits
  #arena: Arena<GPUBuffer>
  #recorder: Recorder
  #sites: number
  /** Units of four numbers. */
  #a = new Pool('lora A', () => 4 * adapterBytes[this.precision])
  #b = new Pool('lora B', () => 4 * adapterBytes[this.precision])
  /** Heads of all slots first, then segments. */
  #table = new Pool('lora table', () => 16)
  #residents = new Map<string, Resident>()
  #faces = new Map<string, Face>()
  /** Sites that any adapter so far has changed: it only grows, so that an eviction makes no dispatch stale. */
  #touched = new Set<number>()
  /** Some adapter so far is DoRA. */
  gained = false
  /** Of A and B. May be set before the first adapter comes; afterwards it only widens. */
  precision: AdapterPrecision = 'f16'
  #closed = false

  constructor(arena: Arena<GPUBuffer>, recorder: Recorder, config: AdaptedShape, limits: PoolLimits = poolDefaults) {
    this.#arena = arena
    this.#recorder = recorder
    this.#sites = siteCount(config)
    this.limits = limits
  }

  get bytes(): number {
    return [this.#a, this.#b, this.#table].reduce((sum, { lease }) => sum + (lease?.bytes ?? 0), 0)
  }

  get residents(): number {
    return this.#residents.size
  }

  /** Null until the first adapter is placed. */
  get buffers(): { a: GPUBuffer; b: GPUBuffer; table: GPUBuffer } | null {
    if (!this.#a.lease || !this.#b.lease || !this.#table.lease) return null
    return { a: this.#a.lease.buffer, b: this.#b.lease.buffer, table: this.#table.lease.buffer }
  }

  /** Whether any adapter so far changes one of these modules of a layer. */
  touches(layer: number, modules: readonly LoraModule[]): boolean {
    return modules.some((module) => this.#touched.has(layer * loraModules.length + loraModules.indexOf(module)))
  }

  /** Slot of a face; 0 for ''. @throws adapter_unknown when it is not there (any more) */
  slotOf(key: string): number {
    if (key === '') return 0
    const face = this.#faces.get(key)
    if (face) return face.slot
    throw new OpenChatError('adapter_unknown', 'The adapter of this answer was removed.', {
      meta: { adapter: key },
      action: 'Add the adapter first.',
    })
  }

  resident(digest: string): Resident | null {
    return this.#residents.get(digest) ?? null
  }

  hasFace(key: string): boolean {
    return this.#faces.has(key)
  }

  /**
   * Writes an adapter's weights.
   * @param force grow past the budget of bytes
   * @returns null when the budget has no room for it: evict something
   * @throws gpu_out_of_memory, device_lost
   */
  async place(packed: PackedAdapter, exclusive: Exclusive, force: boolean): Promise<Resident | null> {
    if (packed.precision === 'f32' && !(await this.#widen(exclusive, force))) return null
    const a = await this.#take(this.#a, packed.A.length / 4, exclusive, force)
    if (a === null) return null
    const b = await this.#take(this.#b, packed.B.length / 4, exclusive, force).catch((error: unknown) => {
      this.#a.extents.give(a, packed.A.length / 4)
      throw error
    })
    if (b === null) {
      this.#a.extents.give(a, packed.A.length / 4)
      return null
    }
    try {
      await this.#write(this.#a, a, packed.A)
      await this.#write(this.#b, b, packed.B)
    } catch (error) {
      this.#a.extents.give(a, packed.A.length / 4)
      this.#b.extents.give(b, packed.B.length / 4)
      throw error
    }
    const resident: Resident = { packed, a, b }
    this.#residents.set(packed.digest, resident)
    const before = this.#touched.size
    for (const { site } of packed.segments) this.#touched.add(site)
    const gained = this.gained || packed.gains.length > 0
    if (this.#touched.size > before || gained !== this.gained) this.generation++
    this.gained = gained
    return resident
  }

  /** Gives an adapter's room back, and the slots of the faces that show it. */
  evict(digest: string): void {
    const resident = this.#residents.get(digest)
    if (!resident) return
    for (const [key, { residents }] of [...this.#faces]) if (residents.includes(resident)) this.dropFace(key)
    this.#residents.delete(digest)
    this.#a.extents.give(resident.a, resident.packed.A.length / 4)
    this.#b.extents.give(resident.b, resident.packed.B.length / 4)
  }

  /**
   * Gives a face a slot, if it has none: one write of its segments, one of its heads.
   * @param members all of them resident
   * @returns false when every slot is taken
   * @throws adapter_unsupported, gpu_out_of_memory
   */
  async addFace(key: string, members: readonly FaceMember[], exclusive: Exclusive): Promise<boolean> {
    if (this.#faces.has(key)) return true
    const residents = members.map(({ packed }) => this.#residents.get(packed.digest)!)
    const placed = members.map((member, i) => ({ ...member, a: residents[i].a, b: 2 * residents[i].b }))
    const { counts, words } = faceSegments(placed, this.#sites)
    if (this.#table.lease === null) await this.#take(this.#table, (this.limits.slots + 1) * this.#sites, exclusive, true)
    const slot = this.#freeSlot()
    if (slot === null) return false
    const length = words.length / 4
    const first = (await this.#take(this.#table, length, exclusive, true))!
    const table = this.#table.lease!.buffer
    if (length > 0) this.#recorder.upload(table, first * 16, words)
    this.#recorder.upload(table, slot * this.#sites * 16, faceHeads(placed, counts, first))
    this.#faces.set(key, { slot, residents, first, length })
    return true
  }

  dropFace(key: string): void {
    const face = this.#faces.get(key)
    if (!face) return
    this.#faces.delete(key)
    this.#table.extents.give(face.first, face.length)
  }

  dispose(): void {
    this.#closed = true
    this.#residents.clear()
    this.#faces.clear()
    this.#touched.clear()
    for (const pool of [this.#a, this.#b, this.#table]) {
      pool.lease?.release()
      pool.lease = null
      pool.extents = new Extents(0)
    }
  }

  #freeSlot(): number | null {
    const taken = new Set([...this.#faces.values()].map(({ slot }) => slot))
    for (let slot = 1; slot <= this.limits.slots; slot++) if (!taken.has(slot)) return slot
    return null
  }

  /** Queue order protects what is there: work submitted before this write has read its numbers. */
  async #write(pool: Pool, at: number, numbers: PackedNumbers): Promise<void> {
    const piece = pieceBytes / adapterBytes[this.precision]
    for (let from = 0; from < numbers.length; from += piece) {
      if (from > 0) await new Promise((resolve) => setTimeout(resolve, 0))
      // Looked up each time: another adapter's arrival may have moved the pool meanwhile, contents and all.
      const lease = pool.lease
      if (lease === null) throw disposed()
      const part = numbers.subarray(from, from + piece)
      const stored = this.precision === 'f32' && part instanceof Uint16Array ? floatsOf({ bits: part }) : part
      this.#recorder.upload(lease.buffer, at * pool.unitBytes + from * adapterBytes[this.precision], stored)
    }
  }

  async #take(pool: Pool, length: number, exclusive: Exclusive, force: boolean): Promise<number | null> {
    const start = length === 0 ? 0 : pool.extents.take(length)
    if (start !== null) return start
    const { capacity } = pool.extents
    const least = capacity + length
    const room = Math.floor((this.limits.bytes - this.bytes) / pool.unitBytes) + capacity
    if (room < least && !force) return null
    const wanted = Math.max(capacity * 2, least, (1 << 20) / pool.unitBytes)
    await exclusive(() => this.#grow(pool, force ? wanted : Math.min(wanted, room)))
    return pool.extents.take(length)
  }

  /**
   * From halves to f32: every adapter keeps its place, which is twice as many bytes from then on.
   * @returns false when the budget has no room for that: evict something
   */
  async #widen(exclusive: Exclusive, force: boolean): Promise<boolean> {
    if (this.precision === 'f32') return true
    const pools = [this.#a, this.#b]
    const unitBytes = 4 * adapterBytes.f32
    const bytes = pools.reduce((sum, { extents }) => sum + extents.end * unitBytes, this.#table.lease?.bytes ?? 0)
    if (bytes > this.limits.bytes && !force) return false
    await exclusive(async () => {
      const leases: (Lease<GPUBuffer> | null)[] = []
      try {
        for (const { extents, label } of pools) leases.push(extents.end === 0 ? null : await this.#allocate(extents.end * unitBytes, label))
      } catch (error) {
        for (const lease of leases) lease?.release()
        throw error
      }
      pools.forEach((pool, i) => {
        pool.lease?.release()
        pool.lease = leases[i]
        pool.extents.trim()
      })
      this.precision = 'f32'
      this.generation++
      for (const { packed, a, b } of this.#residents.values()) {
        await this.#write(this.#a, a, packed.A)
        await this.#write(this.#b, b, packed.B)
      }
    })
    return true
  }

  #allocate(bytes: number, label: string): Promise<Lease<GPUBuffer>> {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    return this.#arena.allocate(bytes, usage, label, { exact: true })
  }

  async #grow(pool: Pool, capacity: number): Promise<void> {
    if (this.#closed) throw disposed()
    const lease = await this.#allocate(capacity * pool.unitBytes, pool.label)
    if (pool.lease) {
      const bytes = pool.extents.capacity * pool.unitBytes
      this.#recorder.copy([{ from: pool.lease.buffer, fromOffset: 0, to: lease.buffer, toOffset: 0, bytes }])
      pool.lease.release()
    }
    pool.lease = lease
    pool.extents.grow(capacity)
    this.generation++
  }
}

function disposed(): OpenChatError {
  return new OpenChatError('engine_disposed', 'The engine was disposed.', { action: 'Load the model again.' })
}
