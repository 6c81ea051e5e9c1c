// How fast the engine is here: decode and prefill tokens/s, first token, dispatches and bytes a token, how far that is from what
// the device could do at best, and what adapters, many rows and a third turn cost.
//   npm run bench:engine [-- --model FILE | --shape smollm2-135m|llama-3.2-1b|llama-3.2-3b|llama-3.1-8b]
//     [--runs 3] [--prompt-tokens 64] [--tokens 16] [--rows 8] [--ranks 8,16,64] [--seed 1] [--precision f32|f16] [--json]
// With --shape no file is needed: seeded random weights of those dimensions (bench/shapes.ts). On a GPU the prompts and answers
// are longer by default. Unattended: what is under way goes to stderr, the table or JSON to stdout.
// On a software adapter the bars of the default model are compared and a miss is exit code 1. LoRA's tiers, its switch times and
// the trace of a thousand adapters are bench/lora.ts's.
import process from 'node:process'
import { readFlags, usage } from '../scripts/flags.ts'
import { defaultModelPath, openFile, openNodeGpu } from '../scripts/node-engine.ts'
import { openDevice } from '../src/gpu/device.ts'
import { loadEngine } from '../src/gpu/engine.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { kvBytes } from '../src/gpu/kernels/kv/precision.ts'
import { modelConfig } from '../src/gpu/model/config.ts'
import type { ByteSource } from '../src/gpu/types.ts'
import { reportOf, tableOf } from './engine-report.ts'
import { EngineRuns, type Settings } from './engine-runs.ts'
import { measureFloor } from './floor.ts'
import { type Shape, type ShapeName, shapeSource, shapes } from './shapes.ts'
import { TrafficWatch } from './traffic.ts'

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, {
    values: ['model', 'shape', 'runs', 'prompt-tokens', 'tokens', 'rows', 'ranks', 'seed', 'precision'],
    switches: ['json'],
  })
  const say = (line: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
  const device = await openDevice(openNodeGpu())
  const software = device.isFallbackAdapter
  const settings: Settings = {
    runs: flags.integer('runs', software ? 3 : 5, 1),
    promptTokens: flags.integer('prompt-tokens', software ? 64 : 512, 8),
    tokens: flags.integer('tokens', software ? 16 : 128, 8),
    rows: flags.integer('rows', 8, 2, 32),
    ranks: (flags.text('ranks') ?? '8,16,64').split(',').filter(Boolean).map(Number),
  }
  if (!settings.ranks.every((rank) => Number.isInteger(rank) && rank > 0)) throw usage('--ranks must be whole numbers, like 8,16,64.')
  const precision = flags.text('precision') ?? 'f32'
  if (precision !== 'f32' && precision !== 'f16') throw usage('--precision must be f32 or f16.')
  const { model, source, close } = await sourceOf(flags.text('shape'), flags.text('model'), flags.integer('seed', 1, 0))
  try {
    const shape: Shape = modelConfig(await readGguf(source))
    say(`${device.adapterName}: copies and empty dispatches`)
    const floor = await measureFloor(device)
    say(`loading ${model}`)
    const from = performance.now()
    const contextTokens = Math.max(1024, 2 * (settings.promptTokens + settings.tokens) + 64)
    const watch = new TrafficWatch()
    const engine = await loadEngine({ device, source, contextTokens, precision, selfTest: { memory: null } })
    const loadMs = performance.now() - from
    const measured = await new EngineRuns(engine, shape, settings, watch, say).measure()
    const report = reportOf(engine.stats(), shape, floor, measured, {
      ...settings,
      model,
      runtime: `Node ${process.version}, Dawn`,
      date: new Date().toISOString().slice(0, 10),
      loadMs,
      kvElementBytes: kvBytes[precision],
    })
    engine.dispose()
    watch.stop()
    process.stdout.write(flags.on('json') ? `${JSON.stringify(report)}\n` : tableOf(report))
    const judged = flags.text('shape') === undefined && report.bars.some(({ met }) => met === false)
    return judged ? 1 : 0
  } finally {
    await close()
    device.destroy()
  }
}

async function sourceOf(shape: string | undefined, path: string | undefined, seed: number) {
  if (shape === undefined) {
    const file = path ?? defaultModelPath()
    const source = await openFile(file)
    return { model: file.replace(/^.*[\\/]/, ''), source: source as ByteSource, close: () => source.close() }
  }
  if (!Object.hasOwn(shapes, shape)) throw usage(`--shape must be one of ${Object.keys(shapes).join(', ')}, got ${shape}.`)
  return { model: `${shape}, random weights`, source: shapeSource(shapes[shape as ShapeName], seed), close: async () => {} }
}
