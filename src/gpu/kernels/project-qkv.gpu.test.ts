// Norm, q, k, v with RoPE and append, from rows stored as arch `llama` stores them, against the f64 reference in half-split order.
// Its adapter rows are checked here too: each token under its own adapter, or none.
import { expect, it } from 'vitest'
import { floatDelta, type LoraDelta } from '../formats/peft.ts'
import { unpermuteRows } from '../formats/permute.ts'
import { zRecord } from '../lora/face.ts'
import { ropeTable } from '../model/rope-table.ts'
import { chosenFrom, qkvRows } from '../model/weights.ts'
import { loraDelta } from '../reference/lora.ts'
import { matmul } from '../reference/matmul.ts'
import { rmsNorm } from '../reference/rms-norm.ts'
import { rope } from '../reference/rope.ts'
import { largestDifference, noiseRows, openLab, storedMatrix, stream } from './lab.testing.ts'
import { placeFaces } from './lora-lab.testing.ts'
import { loraShrink } from './lora-shrink.ts'
import { noise } from './noise.testing.ts'
import { projectQkv } from './project-qkv.ts'
import { columnsOfSum, rowWithSums, sharedRows, sharesOf, type TileVariant, tokensOf, zParts } from './projection.ts'

const lab = await openLab()

const modules = ['q_proj', 'k_proj', 'v_proj'] as const

/** One adapter of these ranks on q, k and v; rank 0 leaves a module alone. */
function adapter(ranks: readonly number[], outputs: readonly number[], inputs: number, seed: number): (LoraDelta | null)[] {
  return ranks.map((rank, m) => {
    if (rank === 0) return null
    const [A, B] = [noise(rank * inputs, seed + m), noise(rank * outputs[m], seed + 9 + m)]
    return { layer: 0, module: modules[m], rank, scale: 0.5 + m, A, B }
  })
}

it.each([
  [5, 1, 12, 1, 'thread-1'],
  [2, 2, 4, 3, 'thread-4'],
  [3, 1, 16, 9, 'thread-4'],
  [3, 1, 16, 14, 'thread-8'],
  [9, 3, 64, 2, 'lanes'],
  [3, 1, 16, 37, 'staged-32x32'],
] as [number, number, number, number, TileVariant][])(
  '%i heads on %i of %i, %i tokens, %s',
  async (heads, kvHeads, headDim, tokens, variant) => {
    const inputs = 64
    const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim]
    const [q, k, v] = widths.map((width, i) => storedMatrix('Q8_0', inputs, width, 3 + i))
    const shape = { heads, kvHeads, headDim, permutedQk: true }
    const matrices = [q, k, v].map((matrix) => ({ ...matrix, offset: 0 }))
    const chosen = chosenFrom(qkvRows(matrices, shape), matrices)
    const segment = await lab.segment(['Q8_0'], inputs, chosen, ((heads + 2 * kvHeads) * headDim) / 4)
    const h = noiseRows(tokens, inputs, 5)
    const gain = noise(inputs, 8)
    const norm = { width: inputs, epsilon: 1e-5, columns: columnsOfSum(variant, 8) }
    const x = h.map((row) => rmsNorm(row, gain, norm.epsilon))
    const xStride = rowWithSums(inputs)
    const positions = x.map((_, t) => (t * 37 + 3) % 133)
    const places = x.map((_, t) => tokens - 1 - t)
    const first = adapter([4, 9, 1], widths, inputs, 70)
    const second = adapter([0, 16, 8], widths, inputs, 90)
    const slots = x.map((_, t) => (t + 1) % 3)
    const config = { layers: 1, hidden: inputs, ffn: 4, heads, kvHeads, headDim }
    const present = (deltas: (LoraDelta | null)[]) => ({ deltas: deltas.filter((delta) => delta !== null) })
    const pools = await placeFaces(lab, config, 'f32', [[present(first)], [present(second)]])
    const counts = { rows: tokens, picks: 0 }
    const shares = sharesOf(variant)
    const z = await lab.buffer(Math.max(tokens, shares * sharedRows) * zParts * zRecord)
    const rows = await lab.buffer(Uint32Array.from(x.flatMap((_, t) => [positions[t], places[t], slots[t], 0])))
    const shared = { x: await lab.buffer(stream(h, gain, norm)), rows, norm }
    const site = { buffer: await lab.uniform(new Uint32Array([0, 0, 3, inputs / 4, xStride / 4])), offset: 0, size: 256 }
    const out = { q: await lab.buffer(tokens * widths[0]), kv: await lab.buffer(tokens * 2 * widths[1]) }
    const tables = { batch: await lab.batch(counts), rope: await lab.buffer(ropeTable(133, headDim, 10000, null)) }
    const expand = { ...pools, z, record: zRecord, gained: false, shares }
    const shrinkInput = { ...shared, ...pools, z, site, parts: 3, layers: 1, record: zRecord, batch: tables.batch }
    const shrink = loraShrink({ ...shrinkInput, together: tokensOf(variant) === 1 ? 1 : 4, shares })

    for (const adapted of [false, true]) {
      const project = projectQkv({
        ...shared,
        ...out,
        ...tables,
        segment,
        variant,
        workgroup: 8,
        xStride,
        precision: 'f32',
        heads,
        kvHeads,
        headDim,
        expand: adapted ? expand : null,
      })
      await lab.run(adapted ? [shrink, project] : [project], counts)
      const straight = [
        { ...q, bytes: unpermuteRows(q.bytes, heads, headDim) },
        { ...k, bytes: unpermuteRows(k.bytes, kvHeads, headDim) },
        v,
      ].map((matrix, m) =>
        matmul(matrix, x).map((y, t) => {
          const delta = adapted ? [null, first, second][slots[t]]?.[m] : undefined
          const change = delta ? loraDelta(floatDelta(delta), x[t]) : null
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
