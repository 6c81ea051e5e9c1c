// Sums by subgroups: of this device's own size, and of 1, 8, 32, 64 and 128 threads, emulated through workgroup memory. A workgroup
// has 64, so a subgroup of 128 is half empty, as on the phones that have them.
import { expect, it } from 'vitest'
import { matmul } from '../reference/matmul.ts'
import { largestDifference, noiseRows, openLab, padded, storedMatrix, stream } from './lab.testing.ts'
import { noise } from './noise.testing.ts'
import { projectResidual } from './project-residual.ts'
import { columnsOfSum, nativeSubgroups, rowWithSums, type Subgroups } from './projection.ts'

const lab = await openLab()

/** What a subgroup of this many neighbours gives, and as much nonsense as the real one for a mask beyond it. */
function emulated(size: number): Subgroups {
  const text = `
var<workgroup> exchanged: array<vec4<f32>, 64>;

fn subgroup_lanes(local: u32) -> u32 {
  return min(${size}u, 64u);
}

fn exchange(x: vec4<f32>, local: u32, mask: u32) -> vec4<f32> {
  workgroupBarrier();
  exchanged[local] = x;
  workgroupBarrier();
  return select(vec4(1e9), exchanged[local ^ mask], mask < ${size}u);
}`
  return { name: `emulated-${size}`, text }
}

/** 8, 16 and 32 lanes share a tile. */
const widths = [96, 1056, 2080]

it.each([
  { how: 'through workgroup memory', subgroups: null },
  { how: 'in subgroups of this device', subgroups: nativeSubgroups },
  ...[1, 8, 32, 64, 128].map((size) => ({ how: `in subgroups of ${size}`, subgroups: emulated(size) })),
] as { how: string; subgroups: Subgroups | null }[])('sums $how', async ({ subgroups }) => {
  if (subgroups === nativeSubgroups) expect(lab.device.gpu.features.has('subgroups')).toBe(true)
  for (const inputs of widths) {
    const [outputs, tokens] = [70, 3]
    const matrix = storedMatrix('Q8_0', inputs, outputs, inputs)
    const x = noiseRows(tokens, inputs, 5)
    const before = noiseRows(tokens, outputs, 9)
    const gain = noise(outputs, 21)
    const choose = (tile: number, lane: number) => (4 * tile + lane < outputs ? { matrix, row: 4 * tile + lane } : null)
    const segment = await lab.segment(['Q8_0'], inputs, choose, Math.ceil(outputs / 4))
    const norm = { width: outputs, epsilon: 0, columns: columnsOfSum('lanes', segment.blocks) }
    const [hStride, nextStride] = [Math.ceil(outputs / 32) * 32, rowWithSums(outputs)]
    const [h, next] = [await lab.buffer(padded(before, outputs)), await lab.buffer(tokens * nextStride)]
    const counts = { rows: tokens, picks: 0 }
    const dispatch = projectResidual({
      ...{ segment, variant: 'lanes', subgroups, workgroup: 8, xStride: inputs, hStride, width: outputs, nextStride },
      ...{ x: await lab.buffer(padded(x, inputs)), batch: await lab.batch(counts), h, gain: await lab.buffer(gain), next },
    })
    await lab.run([dispatch], counts)
    const expected = matmul(matrix, x).map((row, t) => row.map((y, i) => y + before[t][i]))
    expect(largestDifference(await lab.floats(h, tokens * hStride), padded(expected, outputs))).toBeLessThan(4e-7 * inputs)
    const prepared = stream(expected, gain, norm)
    const size = Math.max(...prepared.map(Math.abs))
    expect(largestDifference(await lab.floats(next, prepared.length), prepared) / size).toBeLessThan(1e-5)
  }
})
