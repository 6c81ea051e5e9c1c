// q, k, v with RoPE and append, from rows stored as arch `llama` stores them, against the f64 reference in half-split order.
// Its adapter rows are checked here too: each token under its own adapter, or none.
import { expect, it } from 'vitest'
import { unpermuteRows } from '../formats/permute.ts'
import { ropeTable } from '../model/rope-table.ts'
import { qkvRows } from '../model/weights.ts'
import { loraDelta } from '../reference/lora.ts'
import { matmul } from '../reference/matmul.ts'
import { rope } from '../reference/rope.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix } from './lab.testing.ts'
import { loraShrink } from './lora-shrink.ts'
import { noise } from './noise.testing.ts'
import { projectQkv } from './project-qkv.ts'
import type { TileVariant } from './projection.ts'

const lab = await openLab()
const record = 20

/** One adapter of these ranks on q, k and v, in the pools' layout, after `aBase` vec4 and `bBase` f32. */
function adapter(ranks: readonly number[], outputs: readonly number[], inputs: number, seed: number, aBase: number, bBase: number) {
  const deltas = ranks.map((rank, m) => ({
    rank,
    scale: 0.5 + m,
    A: noise(rank * inputs, seed + m),
    B: noise(rank * outputs[m], seed + 9 + m),
  }))
  let [a, b] = [aBase, bBase]
  const table = deltas.flatMap(({ rank, scale, A, B }) => {
    const entry = [a, b, rank, new Uint32Array(Float32Array.of(scale).buffer)[0]]
    a += A.length / 4
    b += B.length
    return entry
  })
  return { deltas, table, a: deltas.flatMap(({ A }) => [...A]), b: deltas.flatMap(({ B }) => [...B]) }
}

it.each([
  [5, 1, 12, 1, 'thread-1'],
  [2, 2, 4, 3, 'thread-4'],
  [3, 1, 16, 9, 'thread-4'],
  [9, 3, 64, 2, 'lanes'],
] as [number, number, number, number, TileVariant][])(
  '%i heads on %i of %i, %i tokens, %s',
  async (heads, kvHeads, headDim, tokens, variant) => {
    const inputs = 64
    const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim]
    const [q, k, v] = widths.map((width, i) => storedMatrix('Q8_0', inputs, width, 3 + i))
    const shape = { heads, kvHeads, headDim, permutedQk: true }
    const segment = await lab.segment(['Q8_0'], inputs, qkvRows([q, k, v], shape), ((heads + 2 * kvHeads) * headDim) / 4)
    const x = noiseRows(tokens, inputs, 5)
    const positions = x.map((_, t) => (t * 37 + 3) % 133)
    const places = x.map((_, t) => tokens - 1 - t)
    const first = adapter([4, 9, 1], widths, inputs, 70, 0, 0)
    const second = adapter([0, 16, 8], widths, inputs, 90, first.a.length / 4, first.b.length)
    const slots = x.map((_, t) => (t + 1) % 3)
    const empty = new Array<number>(28).fill(0)
    const table = [empty, [...first.table, ...empty.slice(12)], [...second.table, ...empty.slice(12)]].flat()
    const counts = { rows: tokens, picks: 0 }
    const z = await lab.buffer(tokens * 3 * record)
    const b = await lab.buffer(Float32Array.from([...first.b, ...second.b]))
    const rows = await lab.buffer(Uint32Array.from(x.flatMap((_, t) => [positions[t], places[t], slots[t], 0])))
    const shared = { x: await lab.buffer(padded(x, inputs)), rows }
    const site = { buffer: await lab.uniform(new Uint32Array([0, 0, 3, inputs / 4, inputs / 4])), offset: 0, size: 256 }
    const pools = { table: await lab.buffer(Uint32Array.from(table)), a: await lab.buffer(Float32Array.from([...first.a, ...second.a])) }
    const out = { q: await lab.buffer(tokens * widths[0]), kv: await lab.buffer(tokens * 2 * widths[1]) }
    const tables = { batch: await lab.batch(counts), rope: await lab.buffer(ropeTable(133, headDim, 10000, null)) }
    const lora = { z, b, record, parts: 3 }
    const shrink = loraShrink({ ...shared, ...pools, z, site, parts: 3, layers: 1, record, maxRank: 16 })

    for (const adapted of [false, true]) {
      const project = projectQkv({
        ...shared,
        ...out,
        ...tables,
        segment,
        variant,
        workgroup: 8,
        xStride: inputs,
        heads,
        kvHeads,
        headDim,
        lora: adapted ? lora : null,
      })
      await lab.run(adapted ? [shrink, project] : [project], counts)
      const straight = [
        { ...q, bytes: unpermuteRows(q.bytes, heads, headDim) },
        { ...k, bytes: unpermuteRows(k.bytes, kvHeads, headDim) },
        v,
      ].map((matrix, m) =>
        matmul(matrix, x).map((y, t) => {
          const delta = adapted ? [null, first, second][slots[t]]?.deltas[m] : undefined
          const change = delta && delta.rank > 0 ? loraDelta(delta, x[t]) : null
          return y.map((value, i) => value + (change?.[i] ?? 0))
        }),
      )
      const turned = (rowsOf: Float64Array[]) => rowsOf.map((y, t) => rope(y, positions[t], headDim, headDim, 10000))
      const expectedQ = turned(straight[0]).flatMap((y) => [...y])
      const expectedKv = new Float64Array(tokens * 2 * widths[1])
      turned(straight[1]).forEach((y, t) => {
        expectedKv.set(y, places[t] * 2 * widths[1])
        expectedKv.set(straight[2][t], places[t] * 2 * widths[1] + widths[1])
      })
      const bar = adapted ? 3e-4 : 2e-5
      expect(largestDifference(await lab.floats(out.q, expectedQ.length), expectedQ)).toBeLessThan(bar)
      expect(largestDifference(await lab.floats(out.kv, expectedKv.length), expectedKv)).toBeLessThan(bar)
    }
  },
)
