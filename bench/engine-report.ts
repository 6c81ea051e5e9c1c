// What bench/engine.ts measured, as numbers to keep (`--json`) and as a table to read. Refuses nothing and measures nothing.
import type { EngineStats } from '../src/gpu/types.ts'
import type { Measured, Settings } from './engine-runs.ts'
import { type Floor, floorMs } from './floor.ts'
import type { Shape } from './shapes.ts'

/** Tokens/s on SwiftShader with two quiet cores. */
const softwareBars = { decode: 2.5, prefill: 6 }

export interface Facts extends Settings {
  model: string
  runtime: string
  date: string
  loadMs: number
  /** Of a number in the cache of keys and values. */
  kvElementBytes: number
}

export interface ReportRow {
  label: string
  unit: string
  n: number
  median: number
  p95: number
}

/** What a token must move at least, what that takes here at least, and how far from it the engine is. */
export interface FloorRow {
  dispatches: number
  dispatchesPerLayer: number
  weightBytes: number
  kvBytes: number
  adapterBytes: number
  floorMs: number
  bytesAloneMs: number
  ratio: number
}

export type Report = ReturnType<typeof reportOf>

export function reportOf(stats: EngineStats, shape: Shape, floor: Floor, measured: Measured, facts: Facts) {
  const rows: ReportRow[] = measured.samples.map(({ label, unit, values }) => {
    const sorted = values.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
    // p95 is the bad end: the longest time, the greatest loss, the lowest rate.
    return { label, unit, n: values.length, median: at(0.5), p95: at(unit.includes('tokens/s') ? 0.05 : 0.95) }
  })
  const median = (label: string) => rows.find((row) => row.label === label)?.median ?? Number.NaN
  const kvAt = (positions: number) => shape.layers * 2 * shape.kvHeads * shape.headDim * facts.kvElementBytes * positions
  const floorRow = (traffic: Measured['traffic'], positions: number, adapterBytes: number, rate: number): FloorRow => {
    const bytes = traffic.weightBytes + kvAt(positions) + adapterBytes
    const least = floorMs(floor, bytes, traffic.dispatches)
    return {
      dispatches: traffic.dispatches,
      // A kernel that runs once more than the layers do (the last norm) stands outside them that once.
      dispatchesPerLayer: Object.values(traffic.kernels).reduce((sum, count) => sum + Math.floor(count / shape.layers), 0),
      weightBytes: traffic.weightBytes,
      kvBytes: kvAt(positions),
      adapterBytes,
      floorMs: least,
      bytesAloneMs: floorMs(floor, bytes, 0),
      ratio: 1000 / rate / least,
    }
  }
  const bar = (label: string, least: number) => ({ label, least, met: stats.isFallbackAdapter ? median(label) >= least : null })
  return {
    device: stats.adapterName,
    software: stats.isFallbackAdapter,
    ...facts,
    warmUp: 1,
    weightBytes: stats.weightBytes,
    boot: stats.boot,
    copyGBPerSecond: floor.bytesPerSecond / 1e9,
    dispatchUs: floor.dispatchMs * 1000,
    rows,
    // Half of the answer's tokens stand in the cache on average.
    floor: floorRow(measured.traffic, facts.promptTokens + facts.tokens / 2, 0, median('decode')),
    adapters: measured.adapted.map(({ rank, traffic, adapterBytes }) => ({
      rank,
      ...floorRow(traffic, facts.tokens / 2, adapterBytes, median(`decode, rank ${rank}`)),
      overheadPercent: median(`overhead of rank ${rank}`),
      byteFloorPercent: (100 * adapterBytes) / measured.traffic.weightBytes,
    })),
    turns: measured.turns,
    bars: [bar('decode', softwareBars.decode), bar('prefill', softwareBars.prefill)],
  }
}

export function tableOf(report: Report): string {
  const { floor, turns } = report
  const mb = (bytes: number) => (bytes / 1e6).toFixed(2)
  const values = report.rows.map(
    ({ label, unit, n, median, p95 }) => `| ${label} | ${median.toFixed(2)} | ${p95.toFixed(2)} | ${unit} | ${n} |`,
  )
  const floorLine = (name: string, row: FloorRow) =>
    `| ${name} | ${row.dispatches} | ${row.dispatchesPerLayer} | ${mb(row.weightBytes)} | ${mb(row.kvBytes)} | ${mb(row.adapterBytes)} | ${row.floorMs.toFixed(3)} | ${row.ratio.toFixed(2)} | ${(row.ratio * (row.floorMs / row.bytesAloneMs)).toFixed(2)} |`
  const verdict = report.bars.map(({ label, least, met }) => {
    return `${label} ≥ ${least}: ${met === null ? 'for software adapters only' : met ? 'met' : 'missed'}`
  })
  return [
    `${report.device}${report.software ? ' (software)' : ''}, ${report.runtime}, ${report.date}`,
    `${report.model}, ${report.promptTokens} prompt tokens, ${report.tokens} greedy tokens, ${report.runs} runs after 1 to warm up`,
    `${(report.weightBytes / 1e6).toFixed(0)} MB of weights, loaded in ${report.loadMs.toFixed(0)} ms; copies ${report.copyGBPerSecond.toFixed(1)} GB/s (read and written), an empty dependent dispatch ${report.dispatchUs.toFixed(2)} µs`,
    '',
    '| | median | p95 | | n |',
    '|---|---|---|---|---|',
    ...values,
    '',
    '| one token | dispatches | a layer | weights MB | KV MB | adapter MB | floor ms | × floor | × bytes alone |',
    '|---|---|---|---|---|---|---|---|---|',
    floorLine('no adapter', floor),
    ...report.adapters.map((row) => floorLine(`rank ${row.rank}`, row)),
    '',
    ...report.adapters.map(
      ({ rank, overheadPercent, byteFloorPercent }) =>
        `rank ${rank} on all linear: ${overheadPercent.toFixed(1)} % slower; its bytes alone are ${byteFloorPercent.toFixed(1)} %`,
    ),
    `turns: ${turns.fresh.join(', ')} tokens were new, ${turns.prefilled.join(', ')} were prefilled; ${turns.newPipelines} pipelines were made in the third`,
    ...(report.boot === null ? [] : [bootLine(report.boot)]),
    verdict.join('; '),
    '',
  ].join('\n')
}

function bootLine({ decode, prefill, checked, ms, demoted }: NonNullable<EngineStats['boot']>): string {
  const given = demoted.map(({ kernel, from, to }) => `${kernel} was wrong: ${from} gave way to ${to}`)
  return `self-test: ${checked} kernels in ${ms.toFixed(0)} ms, decoding by ${decode}, prefilling by ${prefill}${given.length === 0 ? '' : `; ${given.join('; ')}`}`
}
