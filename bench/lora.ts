// What many adapters cost here: a switch from each tier, groups of contributors left out, four adapters on one prompt, and a
// thousand adapters over 32 slots. What one adapter costs a token by rank, and rows under many, is bench/engine.ts's.
//   npm run bench:lora [-- --shape tiny|smollm2-135m|llama-3.2-1b|… ] [--model FILE] [--rank 16] [--runs 3] [--steps 8]
//     [--adapters 1000] [--requests 500] [--slots 32] [--tokens 8] [--together 4] [--json]
// Adapters are seeded random weights, as many folders as asked for: one file on disk, read anew for each load and marked with the
// adapter's number, so that contents and digests differ. On a software adapter read the ratios, not the times.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { readFlags, usage } from '../scripts/flags.ts'
import { openFile, openNodeGpu } from '../scripts/node-engine.ts'
import { openDevice } from '../src/gpu/device.ts'
import { type EngineOptions, loadEngine } from '../src/gpu/engine.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { type AdapterPrecision, adapterBytes } from '../src/gpu/kernels/adapter-precision.ts'
import { modelConfig } from '../src/gpu/model/config.ts'
import type { AdapterFiles, Engine } from '../src/gpu/types.ts'
import { loadPhases } from './lora-load.ts'
import { dropTimes, groupedAdapter, leaveOneOut, onePrompt, type Sample, switchTimes, zipfTrace } from './lora-runs.ts'
import { adapterWeights, type ShapeName, shapeAdapter, shapeSource, shapes } from './shapes.ts'

const bars: Record<string, number> = {
  'switch, on the device': 1,
  'switch, from its folder': 150,
  'a contributor group dropped': 1,
  'leave-one-out over 8 groups against 1': 2.5,
  '4 adapters on one prompt against 1': 2.2,
  '8 adapters on one prompt against 8 base rows': 1.25,
}

export async function main(args: string[]): Promise<number> {
  const values = ['model', 'shape', 'rank', 'runs', 'steps', 'adapters', 'requests', 'slots', 'tokens', 'together']
  const flags = readFlags(args, { values, switches: ['json'] })
  const name = flags.text('shape') ?? 'smollm2-135m'
  if (!Object.hasOwn(shapes, name)) throw usage(`--shape must be one of ${Object.keys(shapes).join(', ')}, got ${name}.`)
  const file = flags.text('model')
  const [rank, runs, steps] = [flags.integer('rank', 16, 8, 256), flags.integer('runs', 3, 1), flags.integer('steps', 8, 1)]
  const trace = {
    ...{ adapters: flags.integer('adapters', 1000, 2), requests: flags.integer('requests', 500, 5), exponent: 1.1 },
    ...{ tokens: flags.integer('tokens', 8, 2), together: flags.integer('together', 4, 1) },
  }
  const slots = flags.integer('slots', 32, 2)
  if (rank % 8 !== 0) throw usage(`--rank must be a multiple of 8, for its eight groups, got ${rank}.`)
  const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
  const device = await openDevice(openNodeGpu())
  const opened = file === undefined ? null : await openFile(file)
  const source = opened ?? shapeSource(shapes[name as ShapeName], 1)
  const shape = modelConfig(await readGguf(source))
  const folder = await mkdtemp(join(tmpdir(), 'open-chat-lora-'))
  try {
    const path = join(folder, 'adapter_model.safetensors')
    const plain = groupedAdapter(shape, rank, 1)
    await writeFile(path, plain.weights)
    const load = async (index: number): Promise<AdapterFiles> => {
      const weights = new Uint8Array(await readFile(path))
      // The last weights of the file: finite in F16 whatever the number.
      new DataView(weights.buffer, weights.byteOffset).setUint32(weights.length - 4, (index & 0xfff) | ((index >> 12) << 16), true)
      return { config: plain.config, weights }
    }
    const open = async (limits: EngineOptions['adapterLimits'], count: number): Promise<[Engine, string[]]> => {
      const engine = await loadEngine({ device, source, contextTokens: 1024, adapterLimits: limits ?? {} })
      const names = Array.from({ length: count }, (_, i) => `${i}`)
      names.forEach((one, i) => {
        engine.registerAdapter(one, () => load(i))
      })
      return [engine, names]
    }
    const [asked] = await open({}, 0)
    const bytesIn = (precision: AdapterPrecision) => adapterWeights(shape, rank) * adapterBytes[precision]
    const [hostBytes, deviceBytes] = [bytesIn('f16'), bytesIn(asked.stats().adapterPrecision)]
    asked.dispose()
    const samples: Sample[] = []
    say('switches')
    const [small, few] = await open({ slots: 63, deviceBytes: 2.5 * deviceBytes, hostBytes: 4.5 * hostBytes }, 9)
    samples.push(...(await switchTimes(small, few, runs)))
    small.dispose()
    samples.push(...(await loadPhases(load, shape, Math.max(5, runs))))
    const [engine, names] = await open({ slots, deviceBytes: (slots + 1) * deviceBytes }, trace.adapters)
    say('groups')
    samples.push(await dropTimes(engine, names[0], runs))
    samples.push(...(await leaveOneOut(engine, names[0], runs, steps)))
    say('four adapters on one prompt, and eight')
    const apart = await distinct(engine, shape)
    samples.push(...(await onePrompt(engine, apart.slice(0, 4), runs, steps)))
    samples.push(...(await onePrompt(engine, apart, runs, steps)))
    say(`a trace of ${trace.requests} requests over ${trace.adapters} adapters`)
    const result = await zipfTrace(engine, names, trace)
    samples.push(result.switchMs, result.trace, result.one)
    const { adapterName, isFallbackAdapter } = engine.stats()
    engine.dispose()
    const report = {
      ...{ device: adapterName, software: isFallbackAdapter, runtime: `Node ${process.version}, Dawn` },
      ...{ date: new Date().toISOString().slice(0, 10), model: file ?? `${name}, random weights`, rank, runs, slots, ...trace },
      ...{ adapterFileBytes: plain.weights.length, hitRate: result.hitRate, found: result.found },
      rows: samples.filter(({ values: all }) => all.length > 0).map(rowOf),
    }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : tableOf(report))
    return 0
  } finally {
    await rm(folder, { recursive: true })
    await opened?.close()
    device.destroy()
  }
}

/** Eight adapters that do say different things, unlike those of the trace, and have no groups: each is one segment a module. */
async function distinct(engine: Engine, shape: Parameters<typeof groupedAdapter>[0]): Promise<string[]> {
  const names = Array.from({ length: 8 }, (_, i) => `distinct ${i}`)
  for (const [i, name] of names.entries()) {
    engine.registerAdapter(name, async () => shapeAdapter(shape, 16, 700 + i))
    await engine.preloadAdapter(name)
  }
  return names
}

function rowOf({ label, unit, values }: Sample) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  // p95 is the bad end.
  return { label, unit, n: values.length, median: at(0.5), p95: at(unit === 'tokens/s' ? 0.05 : 0.95), bar: bars[label] ?? null }
}

interface Report {
  device: string
  software: boolean
  runtime: string
  date: string
  model: string
  rank: number
  runs: number
  slots: number
  adapters: number
  requests: number
  tokens: number
  together: number
  adapterFileBytes: number
  hitRate: number
  found: { device: number; host: number; loaded: number }
  rows: ReturnType<typeof rowOf>[]
}

function tableOf(report: Report): string {
  const { found, rows } = report
  const lines = rows.map(({ label, unit, n, median, p95, bar }) => {
    return `| ${label} | ${median.toFixed(2)} | ${p95.toFixed(2)} | ${unit} | ${n} | ${bar === null ? '' : `≤ ${bar}`} |`
  })
  const rate = (label: string) => rows.find((row) => row.label === label)?.median ?? Number.NaN
  const loss = 100 * (1 - rate('trace') / rate('the same under one adapter'))
  return [
    `${report.device}${report.software ? ' (software)' : ''}, ${report.runtime}, ${report.date}`,
    `${report.model}; adapters of rank ${report.rank}, ${(report.adapterFileBytes / 1e6).toFixed(1)} MB each; ${report.runs} runs after 1 to warm up`,
    '',
    '| | median | p95 | | n | bar |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
    `Trace: ${report.requests} requests of ${report.tokens} tokens, ${report.together} at a time, over ${report.adapters} adapters and ${report.slots} slots: ` +
      `${(100 * report.hitRate).toFixed(1)} % found on the device, ${found.host} from the host, ${found.loaded} loaded; ` +
      `${loss.toFixed(1)} % fewer tokens/s than under one adapter (bar 2 %)`,
    '',
  ].join('\n')
}
