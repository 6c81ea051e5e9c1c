// Where the time goes from an adapter's folder on disk until it could be uploaded: reading, hashing, parsing, packing, as the engine
// does them. CPU time of the process beside each, since a busy machine stretches the one and not the other.
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { OpenChatError } from '../src/errors.ts'
import { readPeft } from '../src/gpu/formats/peft.ts'
import { packAdapter } from '../src/gpu/lora/packed-adapter.ts'
import type { ModelConfig } from '../src/gpu/model/config.ts'
import type { AdapterFiles } from '../src/gpu/types.ts'
import type { Sample } from './lora-runs.ts'

/** @param load of another adapter each time */
export async function loadPhases(load: (index: number) => Promise<AdapterFiles>, config: ModelConfig, runs: number): Promise<Sample[]> {
  const names = ['read', 'hashed', 'parsed', 'packed', 'all four'] as const
  const samples = names.map((name): Sample => ({ label: `from its folder: ${name}`, unit: 'ms', values: [] }))
  const cpu: Sample = { label: 'from its folder: all four', unit: 'ms of CPU', values: [] }
  for (let run = 0; run <= runs; run++) {
    const used = process.cpuUsage()
    const marks = [performance.now()]
    const files = await load(run)
    marks.push(performance.now())
    await crypto.subtle.digest('SHA-256', files.weights as Uint8Array<ArrayBuffer>)
    marks.push(performance.now())
    const adapter = readPeft(files, config)
    marks.push(performance.now())
    const { A, B } = packAdapter(config, `${run}`, adapter)
    marks.push(performance.now())
    if (!A.some((value) => value !== 0) || !B.some((value) => value !== 0)) {
      throw new OpenChatError('bench_invalid', 'The packed adapter is all zeros.')
    }
    if (run === 0) continue
    const { user, system } = process.cpuUsage(used)
    const times = marks.slice(1).map((mark, i) => mark - marks[i])
    for (const [i, ms] of times.entries()) samples[i].values.push(ms)
    samples[4].values.push(marks[4] - marks[0])
    cpu.values.push((user + system) / 1000)
  }
  return [...samples, cpu]
}
