// Batches of many adapters against weights merged in f32, one merged model for each adapter: every rank, every mix, in decode and
// in prefill; several adapters at once; contributor groups left out. On a tiny model in F32, so that merging rounds nothing away.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openNodeGpu } from '../../../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { openDevice } from '../device.ts'
import { loadEngine } from '../engine.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { ensemble } from '../formats/ensemble.ts'
import { readGguf } from '../formats/gguf.ts'
import { floatDelta, type LoraDelta, loraModules, readPeft } from '../formats/peft.ts'
import { largestDifference } from '../kernels/lab.testing.ts'
import { loadReference, type ReferenceModel, referenceLogits } from '../reference/forward.ts'
import type { AdapterFiles, AdapterPart, Engine } from '../types.ts'
import { withMagnitudes } from './dora.testing.ts'
import { withoutGroups } from './groups.testing.ts'

const device = await openDevice(openNodeGpu())
const source = memorySource(tinyModel({ type: 'F32', seed: 4, contextTokens: 256 }))
const model = await loadReference(await readGguf(source), source)
const engine = await loadEngine({ device, source })
afterAll(() => engine.dispose())

const ranks = [1, 4, 8, 16, 17, 64]
const files: Record<string, AdapterFiles> = {
  ...Object.fromEntries(ranks.map((rank) => [`r${rank}`, tinyAdapter({ rank, seed: 100 + rank, modules: [...loraModules] })])),
  few: tinyAdapter({ rank: 5, seed: 7, modules: ['k_proj', 'up_proj', 'o_proj'], layers: [1], config: { lora_alpha: 12 } }),
  patterned: tinyAdapter({ rank: 3, seed: 8, modules: ['q_proj', 'down_proj'], config: { alpha_pattern: { down_proj: 9 } } }),
}
files.dora = withMagnitudes(tinyAdapter({ rank: 6, seed: 9, modules: [...loraModules], config: { use_dora: true } }), model)
for (const [name, adapter] of Object.entries(files)) await engine.addAdapter(name, adapter)

/** Gives each row the length that `of` says. */
function stretch(rows: Float64Array, width: number, of: (row: number, length: number) => number): void {
  for (let o = 0; o * width < rows.length; o++) {
    const row = rows.subarray(o * width, (o + 1) * width)
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
    const factor = of(o, length) / length
    row.forEach((value, i) => {
      row[i] = value * factor
    })
  }
}

/** W + Σ weight · scale · B A, rounded to f32 as a merged file would hold it. */
function merged(parts: readonly { deltas: readonly LoraDelta[]; weight?: number }[]): ReferenceModel {
  const layers = model.layers.map((layer, index) => {
    const matrices = { ...layer.matrices }
    for (const { deltas, weight = 1 } of parts) {
      for (const { layer: at, module, rank, scale, A, B, magnitude } of deltas.map(floatDelta)) {
        if (at !== index) continue
        const { bytes, inputs, outputs, type } = matrices[module]
        expect(type).toBe('F32')
        const sums = Float64Array.from(new Float32Array(bytes.slice().buffer))
        for (let o = 0; o < outputs; o++) {
          for (let r = 0; r < rank; r++) {
            const factor = weight * scale * B[o * rank + r]
            for (let i = 0; i < inputs; i++) sums[o * inputs + i] += factor * A[r * inputs + i]
          }
        }
        if (magnitude) stretch(sums, inputs, (o) => magnitude[o])
        matrices[module] = { ...matrices[module], bytes: new Uint8Array(Float32Array.from(sums).buffer) }
      }
    }
    return { ...layer, matrices }
  })
  return { ...model, layers }
}

const deltasOf = (name: string) => readPeft(files[name], model.config).deltas
const mergedOf = new Map<string | null, ReferenceModel>([[null, model]])
for (const name of Object.keys(files)) mergedOf.set(name, merged([{ deltas: deltasOf(name) }]))

const tokens = (count: number, seed: number) => Array.from({ length: count }, (_, i) => (i * 101 + 31 * seed) % 300)

async function stepOf(over: Engine, rows: readonly { adapter: string | AdapterPart[] | null; prompt: number[]; token: number }[]) {
  const fed = []
  for (const { adapter, prompt, token } of rows) {
    const session = over.session(adapter)
    await session.prefill(prompt)
    fed.push({ session, token })
  }
  const logits = await over.step(fed)
  for (const { session } of fed) session.dispose()
  return logits
}

async function expectMerged(over: Engine, adapters: readonly (string | null)[]) {
  const rows = adapters.map((adapter, i) => ({ adapter, prompt: tokens(5 + 3 * i, i), token: 40 + i }))
  const got = await stepOf(over, rows)
  rows.forEach(({ adapter, prompt, token }, i) => {
    const [expected] = referenceLogits(mergedOf.get(adapter)!, [...prompt, token])
    expect(largestDifference(got[i], expected)).toBeLessThan(1e-3)
    const [others] = referenceLogits(adapter === null ? mergedOf.get('r4')! : model, [...prompt, token])
    expect(largestDifference(got[i], others)).toBeGreaterThan(0.05)
  })
}

const named = Object.keys(files)
/** Seeded draws of adapters with weights 1 / k^s. */
function drawn(count: number, s: number): string[] {
  const weights = named.map((_, k) => 1 / (k + 1) ** s)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return Array.from({ length: count }, (_, i) => {
    let left = ((((i + 1) * 2654435761) % 2 ** 32) / 2 ** 32) * total
    return named[weights.findIndex((weight) => (left -= weight) < 0)]
  })
}

const batches: Record<string, (string | null)[]> = {
  'all distinct, beside one row without': [...named, null],
  identical: new Array<string>(9).fill('r17'),
  uniform: drawn(12, 0),
  'by Zipf’s law': drawn(12, 1.1),
  'one against the rest': ['r64', ...new Array<string>(11).fill('r1')],
  'of ranks 1 and 64 in turn, some without': Array.from({ length: 13 }, (_, i) => ['r1', 'r64', null][i % 3]),
}

describe('rows of one step', () => {
  it.each(Object.entries(batches))('%s', async (_, adapters) => expectMerged(engine, adapters))

  it.each(ranks)('rank %i alone, decode and prefill', async (rank) => {
    await expectMerged(engine, [`r${rank}`])
    const prompt = tokens(70, rank)
    const session = engine.session(`r${rank}`)
    const [expected] = referenceLogits(mergedOf.get(`r${rank}`)!, prompt)
    expect(largestDifference(await session.prefill(prompt), expected)).toBeLessThan(1e-3)
    session.dispose()
  })

  it('of halves alone, as on wide GPUs, and the same bits when a DoRA adapter made f32 of them', async () => {
    const other = await loadEngine({ device, source, decodeVariant: 'lanes' })
    const plain = named.filter((name) => name !== 'dora')
    for (const name of plain) await other.addAdapter(name, files[name])
    await expectMerged(other, [...plain, null])
    const rows = [...plain, null].map((adapter, i) => ({ adapter, prompt: tokens(6 + 5 * i, 50 + i), token: 40 + i }))
    // Once more, as a prompt that is cached is read by other kernels.
    await stepOf(other, rows)
    const halves = await stepOf(other, rows)
    await other.addAdapter('dora', files.dora)
    expect(await stepOf(other, rows)).toEqual(halves)
    other.dispose()
  })

  it('on wide GPUs as well', async () => {
    const other = await loadEngine({ device, source, decodeVariant: 'lanes' })
    for (const [name, adapter] of Object.entries(files)) await other.addAdapter(name, adapter)
    await expectMerged(other, ['r64', 'r1', 'few', 'dora', null])
    await expectMerged(other, ['r17'])
    other.dispose()
  })
})

describe('several adapters at once', () => {
  const parts: AdapterPart[] = [{ name: 'r17', weight: 0.5 }, { name: 'few' }, { name: 'r4', weight: -1.25 }]

  it('add up, each with its weight, and take no room on the device', async () => {
    const bytes = engine.stats().adapterBytes
    const [got] = await stepOf(engine, [{ adapter: parts, prompt: tokens(20, 1), token: 9 }])
    const sum = merged(parts.map(({ name, weight = 1 }) => ({ deltas: deltasOf(name), weight })))
    expect(largestDifference(got, referenceLogits(sum, [...tokens(20, 1), 9])[0])).toBeLessThan(1e-3)
    expect(engine.stats().adapterBytes).toBe(bytes)
  })

  it('equal the folder that holds the concatenation', async () => {
    await engine.addAdapter('together', ensemble([files.r17, files.few], model.config))
    const prompt = { prompt: tokens(20, 1), token: 9 }
    const both = [{ name: 'r17' }, { name: 'few' }]
    const [got, expected] = await stepOf(engine, [
      { adapter: both, ...prompt },
      { adapter: 'together', ...prompt },
    ])
    expect(largestDifference(got, expected)).toBeLessThan(1e-4)
    engine.removeAdapter('together')
  })

  it('are refused beyond what a record of z holds, and with a weight that is no number', async () => {
    const five = new Array(5).fill({ name: 'r64' })
    await expect(engine.session(five).prefill([1])).rejects.toMatchObject({ code: 'adapter_unsupported' })
    expect(() => engine.session([{ name: 'r4', weight: Number.NaN }])).toThrow(expect.objectContaining({ code: 'request_invalid' }))
  })
})

describe('contributor groups', () => {
  const groups = Array.from({ length: 8 }, (_, i) => ({ name: `0x${i}`, rank: i === 5 ? 5 : 2 }))
  const whole = tinyAdapter({ rank: 19, seed: 60, modules: [...loraModules], config: { open_chat: { groups } } })
  beforeAll(() => engine.addAdapter('shared', whole))
  const rows = groups.map((_, i) => ({ prompt: tokens(7 + i, i), token: 40 + i }))

  it('left out give, bit for bit, what the concatenation built without them gives', async () => {
    expect(await engine.adapterGroups('shared')).toEqual(groups.map(({ name }) => name))
    const masked = await stepOf(
      engine,
      rows.map((row, i) => ({ ...row, adapter: [{ name: 'shared', without: [groups[i].name] }] })),
    )
    // A second engine, whose adapters were never whole; once with groups, once as plain ranks.
    for (const named of [true, false]) {
      const other = await loadEngine({ device, source })
      for (const [i, { name }] of groups.entries()) await other.addAdapter(`${i}`, withoutGroups(whole, [name], named))
      const built = await stepOf(
        other,
        rows.map((row, i) => ({ ...row, adapter: `${i}` })),
      )
      masked.forEach((row, i) => {
        expect(row).toEqual(built[i])
      })
      other.dispose()
    }
    const full = await stepOf(
      engine,
      rows.map((row) => ({ ...row, adapter: 'shared' })),
    )
    masked.forEach((row, i) => {
      expect(largestDifference(row, full[i])).toBeGreaterThan(0.01)
    })
  })

  it('are dropped for a name by one slot of the table, and brought back', async () => {
    const before = engine.stats()
    await engine.dropAdapterGroups('shared', ['0x2', '0x5'])
    const [dropped] = await stepOf(engine, [{ adapter: 'shared', ...rows[0] }])
    const after = engine.stats()
    expect(after.adapters.onDevice).toBe(before.adapters.onDevice)
    expect(after.adapterBytes).toBe(before.adapterBytes)
    expect(after.pipelines).toBe(before.pipelines)
    const [asked] = await stepOf(engine, [{ adapter: [{ name: 'shared', without: ['0x5', '0x2'] }], ...rows[0] }])
    expect(dropped).toEqual(asked)
    await engine.dropAdapterGroups('shared', [])
    const [back] = await stepOf(engine, [{ adapter: 'shared', ...rows[0] }])
    expect(largestDifference(back, dropped)).toBeGreaterThan(0.01)
  })

  it('that do not exist are refused by name', async () => {
    await expect(engine.dropAdapterGroups('shared', ['0x9'])).rejects.toMatchObject({ code: 'adapter_group_unknown' })
    await expect(engine.session([{ name: 'shared', without: ['me'] }]).prefill([1])).rejects.toMatchObject({
      code: 'adapter_group_unknown',
    })
    const [still] = await stepOf(engine, [{ adapter: 'shared', ...rows[0] }])
    expect(still.every(Number.isFinite)).toBe(true)
  })
})
