// Which adapters there are, where each one is, and who uses it. Three tiers: what `load` reads (OPFS, a folder, a server), packed
// weights on the host, weights on the device; the last two are kept least-recently-used within a budget of bytes.
// Not the buffers (adapter-pool.ts), and not the KV cache, which knows contents only.
// Invariants: what a hold holds is never evicted; one adapter asked for by many is loaded once; a load that fails fails for those
// who asked for it and for nobody else; `added` adapters stay on the device until they are removed, as nothing could bring them
// back. A removed adapter ends what runs under it: never another one in its slot.
import { OpenChatError } from '../../errors.ts'
import { Turns } from '../turns.ts'
import type { AdapterFiles, AdapterPart, AdapterStats } from '../types.ts'
import type { AdapterPool, Exclusive, Resident } from './adapter-pool.ts'
import { type FaceMember, faceKey } from './face.ts'
import type { PackedAdapter } from './packed-adapter.ts'

/** A name, several adapters at once, or none. */
export type AdapterChoice = string | readonly AdapterPart[] | null | undefined

/** Keeps a face on the device until it is released. */
export interface AdapterHold {
  /** Of the face's content; '' for the backbone alone. */
  readonly key: string
  /** Whether the names still mean this content. */
  readonly current: boolean
  release(): void
}

export interface ShelfParts {
  pool: Pick<AdapterPool, 'limits' | 'residents' | 'resident' | 'place' | 'evict' | 'hasFace' | 'addFace' | 'dropFace'>
  /** Reads and packs. @throws adapter_unsupported, adapter_mismatch … */
  pack: (files: AdapterFiles) => Promise<PackedAdapter>
  exclusive: Exclusive
  /** Of packed weights kept on the host for adapters that can be loaded again. */
  hostBytes?: number
}

export const hostBytesDefault = 512 << 20

interface Entry {
  name: string
  load: (() => Promise<AdapterFiles>) | null
  /** Of its content, once it was read. */
  digest: string | null
  /** Groups left out whenever its name is used. */
  dropped: readonly string[]
  reading: Promise<PackedAdapter> | null
  /** Of an added adapter: until it is removed. */
  hold: AdapterHold | null
}

/** Pins and the clock of the last use, for residents and for faces. */
interface Use {
  pins: number
  at: number
}

const backbone: AdapterHold = { key: '', current: true, release: () => undefined }

export class AdapterShelf {
  #parts: ShelfParts
  #entries = new Map<string, Entry>()
  /** Least recently used first. */
  #host = new Map<Entry, PackedAdapter>()
  #residents = new Map<Resident, Use>()
  #faces = new Map<string, Use>()
  #placing = new Turns()
  #clock = 0
  #found = { device: 0, host: 0, loaded: 0 }

  constructor(parts: ShelfParts) {
    this.#parts = parts
  }

  get stats(): AdapterStats {
    const { pool } = this.#parts
    return {
      registered: this.#entries.size,
      onHost: this.#host.size,
      onDevice: pool.residents,
      faces: this.#faces.size,
      found: { ...this.#found },
    }
  }

  /** @throws adapter_unknown, request_invalid; reads nothing */
  require(choice: AdapterChoice): void {
    for (const { name } of partsOf(choice)) this.#entry(name)
  }

  /** On the device until removed. @throws adapter_pool_full, gpu_out_of_memory, and what `pack` throws */
  async add(name: string, files: AdapterFiles): Promise<void> {
    const packed = await this.#parts.pack(files)
    const entry = this.#register(name, null)
    entry.reading = Promise.resolve(packed)
    try {
      entry.hold = await this.hold(name)
    } catch (error) {
      if (this.#entries.get(name) === entry) this.remove(name)
      throw error
    } finally {
      entry.reading = null
    }
  }

  register(name: string, load: () => Promise<AdapterFiles>): void {
    this.#register(name, load)
  }

  remove(name: string): void {
    const entry = this.#entries.get(name)
    if (!entry) return
    this.#entries.delete(name)
    this.#host.delete(entry)
    entry.hold?.release()
    const { digest } = entry
    if (digest === null) return
    void this.#parts.exclusive(async () => {
      if (![...this.#entries.values()].some((other) => other.digest === digest)) this.#evict(digest)
    })
  }

  /** Groups that are left out from now on wherever the name is used. @throws adapter_unknown, adapter_group_unknown */
  async drop(name: string, groups: readonly string[]): Promise<void> {
    const entry = this.#entry(name)
    const before = entry.dropped
    entry.dropped = [...new Set(groups)]
    try {
      const hold = await this.hold(name)
      hold.release()
    } catch (error) {
      entry.dropped = before
      throw error
    }
  }

  /** Names of an adapter's groups; reads it if it was not read. @throws adapter_unknown, and what loading throws */
  async groups(name: string): Promise<string[]> {
    const entry = this.#entry(name)
    const resident = entry.digest === null ? null : this.#parts.pool.resident(entry.digest)
    return [...(resident?.packed ?? (await this.#read(entry))).groups]
  }

  /**
   * Brings what is named to the device and keeps it there until the hold is released.
   * @throws adapter_unknown, adapter_group_unknown, adapter_unsupported, adapter_pool_full, gpu_out_of_memory, what loading throws
   */
  async hold(choice: AdapterChoice): Promise<AdapterHold> {
    const parts = partsOf(choice)
    if (parts.length === 0) return backbone
    const entries = parts.map(({ name }) => this.#entry(name))
    const pinned: Use[] = []
    try {
      const members: FaceMember[] = []
      for (const [i, entry] of entries.entries()) {
        const resident = await this.#bring(entry, pinned)
        const without = this.#groupsOf(resident.packed, [...entry.dropped, ...(parts[i].without ?? [])])
        members.push({ packed: resident.packed, weight: parts[i].weight ?? 1, without })
      }
      requirePlain(members)
      const key = faceKey(members)
      pinned.push(await this.#show(key, members))
      return this.#held(key, entries, pinned)
    } catch (error) {
      for (const use of pinned) use.pins--
      throw error
    }
  }

  #held(key: string, entries: readonly Entry[], pinned: readonly Use[]): AdapterHold {
    const meant = entries.map((entry) => ({ entry, dropped: entry.dropped }))
    let out = true
    const names = this.#entries
    return {
      key,
      get current() {
        return meant.every(({ entry, dropped }) => names.get(entry.name) === entry && entry.dropped === dropped)
      },
      release: () => {
        if (!out) return
        out = false
        for (const use of pinned) use.pins--
      },
    }
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry) return entry
    throw new OpenChatError('adapter_unknown', `No adapter is loaded under the name ${name}.`, {
      meta: { adapter: name },
      action: 'Add the adapter first.',
    })
  }

  #register(name: string, load: Entry['load']): Entry {
    this.remove(name)
    const entry: Entry = { name, load, digest: null, dropped: [], reading: null, hold: null }
    this.#entries.set(name, entry)
    return entry
  }

  #groupsOf(packed: PackedAdapter, names: readonly string[]): number[] {
    const indices = names.map((name) => {
      const index = packed.groups.indexOf(name)
      if (index >= 0) return index
      throw new OpenChatError('adapter_group_unknown', `The adapter has no group ${name}.`, {
        meta: { group: name, groups: packed.groups.slice(0, 16).join(', ') },
        action: 'Name a group that stands in its adapter_config.json.',
      })
    })
    return [...new Set(indices)].sort((a, b) => a - b)
  }

  /** The adapter on the device, pinned. */
  async #bring(entry: Entry, pinned: Use[]): Promise<Resident> {
    const here = entry.digest === null ? null : this.#parts.pool.resident(entry.digest)
    if (here) {
      this.#found.device++
      return this.#pin(here, pinned)
    }
    const packed = await this.#read(entry)
    // Where it is read under way by another, that one places it: then it is there when the turn comes.
    return this.#placing.take(async () => {
      if (this.#entries.get(entry.name) !== entry) throw removed(`The adapter ${entry.name} was removed.`)
      entry.digest = packed.digest
      const known = this.#parts.pool.resident(packed.digest)
      return this.#pin(known ?? (await this.#place(packed)), pinned)
    })
  }

  #pin(resident: Resident, pinned: Use[]): Resident {
    const use = this.#residents.get(resident) ?? { pins: 0, at: 0 }
    this.#residents.set(resident, use)
    use.pins++
    use.at = ++this.#clock
    pinned.push(use)
    return resident
  }

  async #place(packed: PackedAdapter): Promise<Resident> {
    const { pool, exclusive } = this.#parts
    while (true) {
      const victim = this.#leastUsed(this.#residents)
      const resident = await pool.place(packed, exclusive, victim === null)
      if (resident) return resident
      this.#evict(victim!.packed.digest)
    }
  }

  /** The face in the table, pinned. One that is there waits for nobody, whatever is being uploaded. */
  async #show(key: string, members: readonly FaceMember[]): Promise<Use> {
    if (this.#parts.pool.hasFace(key)) return this.#touchFace(key)
    return this.#placing.take(async () => {
      const { pool, exclusive } = this.#parts
      const missing = members.some(({ packed }) => pool.resident(packed.digest)?.packed !== packed)
      if (missing) throw removed('The adapter was removed while it was asked for.')
      while (!(await pool.addFace(key, members, exclusive))) {
        const victim = this.#leastUsed(this.#faces)
        if (victim === null) throw this.#full()
        this.#dropFace(victim)
      }
      return this.#touchFace(key)
    })
  }

  #touchFace(key: string): Use {
    const use = this.#faces.get(key) ?? { pins: 0, at: 0 }
    this.#faces.set(key, use)
    use.pins++
    use.at = ++this.#clock
    return use
  }

  #leastUsed<T>(uses: Map<T, Use>): T | null {
    let least: T | null = null
    let at = Number.POSITIVE_INFINITY
    for (const [what, use] of uses) if (use.pins === 0 && use.at < at) [least, at] = [what, use.at]
    return least
  }

  #evict(digest: string): void {
    const { pool } = this.#parts
    const resident = pool.resident(digest)
    if (!resident) return
    pool.evict(digest)
    this.#residents.delete(resident)
    for (const key of [...this.#faces.keys()]) if (!pool.hasFace(key)) this.#faces.delete(key)
  }

  #dropFace(key: string): void {
    this.#parts.pool.dropFace(key)
    this.#faces.delete(key)
  }

  /** Packed weights, from the host or read now; once for all who ask at the same time. */
  #read(entry: Entry): Promise<PackedAdapter> {
    const kept = this.#host.get(entry)
    if (kept) {
      this.#found.host++
      this.#host.delete(entry)
      this.#host.set(entry, kept)
      return Promise.resolve(kept)
    }
    if (entry.reading) return entry.reading
    if (entry.load === null) return Promise.reject(removed(`The adapter ${entry.name} was removed.`))
    this.#found.loaded++
    const reading = entry.load().then((files) => this.#parts.pack(files))
    entry.reading = reading
    return reading.then(
      (packed) => {
        entry.reading = null
        if (this.#entries.get(entry.name) === entry) this.#keep(entry, packed)
        return packed
      },
      (error: unknown) => {
        entry.reading = null
        throw error
      },
    )
  }

  #keep(entry: Entry, packed: PackedAdapter): void {
    const most = this.#parts.hostBytes ?? hostBytesDefault
    this.#host.set(entry, packed)
    let bytes = 0
    for (const { A, B } of this.#host.values()) bytes += A.byteLength + B.byteLength
    for (const [oldest, { A, B }] of this.#host) {
      if (bytes <= most) break
      bytes -= A.byteLength + B.byteLength
      this.#host.delete(oldest)
    }
  }

  #full(): OpenChatError {
    const { slots } = this.#parts.pool.limits
    return new OpenChatError('adapter_pool_full', `All ${slots} adapter slots are in use.`, {
      meta: { slots },
      action: 'Wait until an answer ends, or remove an adapter that is not in use.',
    })
  }
}

function removed(sentence: string): OpenChatError {
  return new OpenChatError('adapter_unknown', sentence, { action: 'Add the adapter first.' })
}

function partsOf(choice: AdapterChoice): readonly AdapterPart[] {
  if (choice === null || choice === undefined) return []
  if (typeof choice === 'string') return [{ name: choice }]
  for (const { weight = 1 } of choice) {
    if (Number.isFinite(weight)) continue
    throw new OpenChatError('request_invalid', `An adapter’s weight is ${weight}; it must be a finite number.`)
  }
  return choice
}

/** A DoRA adapter's gains are for its whole delta: it is served alone, whole. @throws adapter_unsupported */
function requirePlain(members: readonly FaceMember[]): void {
  const gained = members.some(({ packed }) => packed.gains.length > 0)
  if (!gained || (members.length === 1 && members[0].weight === 1 && members[0].without.length === 0)) return
  throw new OpenChatError('adapter_unsupported', 'A DoRA adapter is served alone and whole: its magnitudes do not add up with others.', {
    action: 'Use it without other adapters, weights or left-out groups.',
  })
}
