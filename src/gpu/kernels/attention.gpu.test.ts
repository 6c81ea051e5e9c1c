// Both attention kernels against the f64 reference: GQA, a window, scattered pages, rows of two sequences in one batch; keys whole and
// split, stored as f32 and as f16.
import { expect, it } from 'vitest'
import { floatToHalf } from '../formats/half.ts'
import { attention as reference } from '../reference/attention.ts'
import { attention, partWords } from './attention.ts'
import { largestDifference, noiseRows, openLab, padded } from './lab.testing.ts'

const lab = await openLab()
const page = 4
const pageStride = 40

interface Differences {
  f32: number[]
  f16: number[]
}

interface Shape {
  heads: number
  kvHeads: number
  headDim: number
  slidingWindow: number | null
}

async function differences(shape: Shape, lengths: readonly number[]): Promise<Differences> {
  const { heads, kvHeads, headDim } = shape
  const width = kvHeads * headDim
  const keys = lengths.map((length, s) => noiseRows(length, width, 11 + s))
  const values = lengths.map((length, s) => noiseRows(length, width, 31 + s))
  // Sequences take turns at the pages, backwards, so that neither is contiguous.
  const pages = new Uint32Array(lengths.length * pageStride)
  const most = lengths.length * pageStride - 1
  const kv = new Float32Array((most + 1) * page * 2 * width)
  lengths.forEach((length, s) => {
    for (let p = 0; p * page < length; p++) pages[s * pageStride + p] = most - (p * lengths.length + s)
    for (let i = 0; i < length; i++) {
      const at = (pages[s * pageStride + Math.floor(i / page)] * page + (i % page)) * 2 * width
      kv.set(keys[s][i], at)
      kv.set(values[s][i], at + width)
    }
  })
  // For each sequence its last position and one in the middle.
  const asked = lengths.flatMap((length, s) => [length - 1, Math.floor((length - 1) / 2)].map((position) => ({ s, position })))
  const q = noiseRows(asked.length, heads * headDim, 51)
  const oStride = Math.ceil((heads * headDim) / 32) * 32
  const counts = { rows: asked.length, picks: 0 }
  const stored = { f32: kv, f16: new Uint32Array(Uint16Array.from(kv, floatToHalf).buffer) }
  const buffers = {
    q: await lab.buffer(Float32Array.from(q.flatMap((row) => [...row]))),
    rows: await lab.buffer(Uint32Array.from(asked.flatMap(({ s, position }) => [position, 0, 0, s]))),
    pages: await lab.buffer(pages),
    batch: await lab.batch(counts),
  }
  const expected = asked.map(({ s, position }, t) =>
    reference(q[t], keys[s].slice(0, position + 1), values[s].slice(0, position + 1), shape),
  )
  const out: Differences = { f32: [], f16: [] }
  for (const variant of ['workgroup', 'thread'] as const) {
    for (const splits of [1, 3]) {
      for (const precision of ['f32', 'f16'] as const) {
        const o = await lab.buffer(asked.length * oStride)
        const parts = await lab.buffer(asked.length * partWords({ heads, headDim, splits }))
        const shared = { ...shape, ...buffers, variant, precision, page, pageStride, o, oStride, kv: await lab.buffer(stored[precision]) }
        await lab.run(attention({ ...shared, split: splits === 1 ? null : { count: splits, parts } }), counts)
        out[precision].push(largestDifference(await lab.floats(o, asked.length * oStride), padded(expected, heads * headDim)))
      }
    }
  }
  return out
}

it.each([
  [{ heads: 1, kvHeads: 1, headDim: 4, slidingWindow: null }, [1, 2]],
  [{ heads: 5, kvHeads: 1, headDim: 12, slidingWindow: null }, [3, 7]],
  [{ heads: 6, kvHeads: 3, headDim: 16, slidingWindow: 24 }, [64, 133]],
  [{ heads: 9, kvHeads: 3, headDim: 64, slidingWindow: null }, [133, 5]],
  [{ heads: 2, kvHeads: 2, headDim: 256, slidingWindow: 1 }, [7, 70]],
])('%o over %o keys', async (shape, lengths) => {
  const { f32, f16 } = await differences(shape, lengths)
  expect(Math.max(...f32)).toBeLessThan(2e-6)
  // Numbers below 1 are rounded by 2^-12 at most, and those of a key move its weight.
  expect(Math.max(...f16)).toBeLessThan(2e-3)
})
