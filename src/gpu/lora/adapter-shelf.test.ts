// The tiers over a pool that is a list: who stays, who is loaded how often, who fails. Random asks are replayed against an array
// kept in order of last use.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OpenChatError } from '../../errors.ts'
import type { AdapterFiles } from '../types.ts'
import type { Resident } from './adapter-pool.ts'
import { AdapterShelf, type ShelfParts } from './adapter-shelf.ts'
import { type FaceMember, faceKey } from './face.ts'
import type { PackedAdapter } from './packed-adapter.ts'

/** Every adapter here has 4 floats of A and 2 of B: 24 bytes. */
const size = 24

function packedOf(digest: string, groups: string[] = []): PackedAdapter {
  const segments = (groups.length === 0 ? [''] : groups).map((_, group) => ({ site: 0, group, a: 0, b: 0, rank: 1, stride: 1, scale: 1 }))
  return { digest, precision: 'f32', A: new Float32Array(4), B: new Float32Array(2), segments, gains: [], groups, maxRank: 1 }
}

/** `slots` faces and room for `room` adapters. */
function listPool(slots: number, room: number) {
  const residents = new Map<string, Resident>()
  const faces = new Map<string, Resident[]>()
  const pool: ShelfParts['pool'] = {
    limits: { slots, bytes: room * size },
    get residents() {
      return residents.size
    },
    resident: (digest) => residents.get(digest) ?? null,
    hasFace: (key) => faces.has(key),
    async place(packed, _, force) {
      await Promise.resolve()
      if (residents.size >= room && !force) return null
      const resident = { packed, a: 0, b: 0 }
      residents.set(packed.digest, resident)
      return resident
    },
    evict(digest) {
      const resident = residents.get(digest)!
      residents.delete(digest)
      for (const [key, shown] of [...faces]) if (shown.includes(resident)) faces.delete(key)
    },
    async addFace(key, members: readonly FaceMember[]) {
      if (faces.has(key)) return true
      if (faces.size >= slots) return false
      faces.set(
        key,
        members.map(({ packed }) => residents.get(packed.digest)!),
      )
      return true
    },
    dropFace: (key) => faces.delete(key),
  }
  return { pool, residents, faces }
}

const filesOf = (content: string): AdapterFiles => ({ config: content, weights: new Uint8Array() })
/** A content such as `a:x,y` is adapter a with the groups x and y. */
const pack = async ({ config }: AdapterFiles) => {
  if (config === 'broken') throw new OpenChatError('adapter_invalid', 'It is broken.')
  const [digest, groups = ''] = config.split(':')
  return packedOf(digest, groups === '' ? [] : groups.split(','))
}
const exclusive = <T>(work: () => Promise<T>) => work()

function shelfOf(slots: number, room: number, hostRoom = 1000) {
  const list = listPool(slots, room)
  return { ...list, shelf: new AdapterShelf({ pool: list.pool, pack, exclusive, hostBytes: hostRoom * size }) }
}

describe('one adapter', () => {
  it('asked for by many at once is loaded once, and from then on is where it is', async () => {
    const { shelf } = shelfOf(4, 4)
    let loads = 0
    shelf.register('a', async () => {
      loads++
      await new Promise((resolve) => setTimeout(resolve, 5))
      return filesOf('a')
    })
    const holds = await Promise.all([shelf.hold('a'), shelf.hold('a'), shelf.hold('a')])
    expect(loads).toBe(1)
    expect(holds.map(({ key }) => key)).toEqual(['a', 'a', 'a'])
    await shelf.hold('a')
    expect(shelf.stats).toMatchObject({ registered: 1, onHost: 1, onDevice: 1, faces: 1, found: { device: 1, loaded: 1 } })
  })

  it('that fails fails for who asked, not for others under way, and may be tried again', async () => {
    const { shelf } = shelfOf(4, 4)
    let content = 'broken'
    let finish = () => {}
    shelf.register('slow', async () => {
      await new Promise<void>((resolve) => (finish = resolve))
      return filesOf('slow')
    })
    shelf.register('bad', async () => filesOf(content))
    shelf.register('gone', async () => {
      throw new OpenChatError('download_failed', 'The server is away.')
    })
    shelf.register('good', async () => filesOf('good'))
    const slow = shelf.hold('slow')
    const asked = await Promise.allSettled([shelf.hold('bad'), shelf.hold('bad'), shelf.hold('gone'), shelf.hold('good')])
    expect(asked.map((one) => (one.status === 'fulfilled' ? one.value.key : (one.reason as OpenChatError).code))).toEqual([
      'adapter_invalid',
      'adapter_invalid',
      'download_failed',
      'good',
    ])
    finish()
    expect((await slow).key).toBe('slow')
    content = 'mended'
    expect((await shelf.hold('bad')).key).toBe('mended')
    expect(() => shelf.require('nobody')).toThrow(expect.objectContaining({ code: 'adapter_unknown' }))
  })

  it('comes back from the host without being loaded again, unless the host forgot it', async () => {
    const { shelf } = shelfOf(4, 1, 2)
    for (const name of ['a', 'b', 'c']) shelf.register(name, async () => filesOf(name))
    for (const name of ['a', 'b', 'a', 'c', 'b']) (await shelf.hold(name)).release()
    // a, b and c are loaded; a comes back from the host; c pushes b out of the host, so b is loaded again.
    expect(shelf.stats).toMatchObject({ onDevice: 1, onHost: 2, found: { device: 0, host: 1, loaded: 4 } })
  })
})

describe('what is held', () => {
  it('stays; when everything is held, one more is refused until something is let go', async () => {
    const { shelf, residents } = shelfOf(2, 8)
    for (const name of ['a', 'b', 'c']) shelf.register(name, async () => filesOf(name))
    const [a, b] = [await shelf.hold('a'), await shelf.hold('b')]
    await expect(shelf.hold('c')).rejects.toMatchObject({ code: 'adapter_pool_full' })
    expect([...residents.keys()]).toContain('a')
    a.release()
    a.release()
    expect((await shelf.hold('c')).key).toBe('c')
    await expect(shelf.hold('a')).rejects.toMatchObject({ code: 'adapter_pool_full' })
    b.release()
    expect((await shelf.hold('a')).key).toBe('a')
  })

  it('is shown past the budget of bytes rather than refused', async () => {
    const { shelf, residents } = shelfOf(8, 1)
    for (const name of ['a', 'b']) shelf.register(name, async () => filesOf(name))
    await shelf.hold('a')
    await shelf.hold('b')
    expect(residents.size).toBe(2)
  })

  it('is no longer current when its name means something else', async () => {
    const { shelf } = shelfOf(4, 4)
    shelf.register('a', async () => filesOf('one:x,y'))
    const hold = await shelf.hold('a')
    expect(hold.current).toBe(true)
    await shelf.drop('a', ['y'])
    expect(hold.current).toBe(false)
    const dropped = await shelf.hold('a')
    expect([hold.key, dropped.key]).toEqual(['one', 'one-1'])
    shelf.register('a', async () => filesOf('two'))
    expect(dropped.current).toBe(false)
    expect((await shelf.hold('a')).key).toBe('two')
    shelf.remove('a')
    await expect(shelf.hold('a')).rejects.toMatchObject({ code: 'adapter_unknown' })
  })

  it('shares the device with another name of the same content, until the last is removed', async () => {
    const { shelf, residents } = shelfOf(4, 4)
    await shelf.add('a', filesOf('same'))
    await shelf.add('b', filesOf('same'))
    expect(residents.size).toBe(1)
    shelf.remove('a')
    expect((await shelf.hold('b')).key).toBe('same')
    shelf.remove('b')
    expect(residents.size).toBe(0)
  })
})

describe('several at once', () => {
  it('are keyed by contents, weights and what is left out, in the order given', async () => {
    const { shelf } = shelfOf(8, 8)
    shelf.register('a', async () => filesOf('A:x,y,z'))
    shelf.register('b', async () => filesOf('B'))
    const key = async (parts: Parameters<typeof shelf.hold>[0]) => (await shelf.hold(parts)).key
    expect(
      await key([
        { name: 'a', without: ['z', 'x'] },
        { name: 'b', weight: 0.5 },
      ]),
    ).toBe('A-0.2+B*0.5')
    expect(await key([{ name: 'b', weight: 1 }])).toBe('B')
    expect(await key([])).toBe('')
    await expect(shelf.hold([{ name: 'a', without: ['w'] }])).rejects.toMatchObject({ code: 'adapter_group_unknown' })
    expect(faceKey([])).toBe('')
  })
})

it('keeps what was used last, never takes what is held, and counts what it finds, whatever is asked', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('hold' as const), name: fc.constantFrom(...names) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat() }) },
  )
  const run = async (room: number, steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
    const { shelf, residents } = shelfOf(100, room)
    for (const name of names) shelf.register(name, async () => filesOf(name))
    /** Least recently used first, with how often each is held. */
    let model: { name: string; held: number }[] = []
    const out: { name: string; release: () => void }[] = []
    let device = 0
    for (const s of steps) {
      if (s.kind === 'release') {
        if (out.length === 0) continue
        const [{ name, release }] = out.splice(s.which % out.length, 1)
        release()
        model.find((one) => one.name === name)!.held--
        continue
      }
      const known = model.find((one) => one.name === s.name)
      if (known) device++
      else
        while (model.length >= room && model.some(({ held }) => held === 0))
          model.splice(
            model.findIndex(({ held }) => held === 0),
            1,
          )
      model = [...model.filter((one) => one !== known), { name: s.name, held: (known?.held ?? 0) + 1 }]
      out.push({ name: s.name, ...(await shelf.hold(s.name)) })
      expect([...residents.keys()].sort()).toEqual(model.map(({ name }) => name).sort())
    }
    expect(shelf.stats.found.device).toBe(device)
  }
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), run))
})
