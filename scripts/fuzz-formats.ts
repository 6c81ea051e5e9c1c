// Feeds damaged model and adapter files to everything that reads them and prints what came of it; exits 1 when anything but a
// typed error was thrown, or too few mutants got past the header.
//   npm run fuzz:formats [-- --mutants 10000 --seed 1]
import { fuzz, largeSubjects, type Subject, subjects } from '../src/gpu/formats/fuzz.testing.ts'
import { readFlags } from './flags.ts'

const head = `| file | mutants | past the header | whole | read at once / file | read in all / file | memory / file | s |
|---|---|---|---|---|---|---|---|`

/** @returns the number of faults */
async function run(subject: Subject, mutants: number, seed: number, measuring: boolean): Promise<number> {
  const begin = performance.now()
  const report = await fuzz(subject, mutants, seed, measuring)
  const { what, pastHeader, whole, mostRead, mostReadInAll, mostMemory, measured, foreign, codes } = report
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  const memory = measured === 0 ? '-' : `${mostMemory.toFixed(2)} (${measured} measured)`
  const share = `${Math.round((100 * pastHeader) / mutants)} %`
  console.log(
    `| ${what} | ${mutants} | ${share} | ${whole} | ${mostRead.toFixed(2)} | ${mostReadInAll.toFixed(2)} | ${memory} | ${seconds} |`,
  )
  console.log(
    `  ${Object.entries(codes)
      .map(([code, count]) => `${code} ${count}`)
      .join(', ')}`,
  )
  for (const fault of foreign.slice(0, 10)) console.log(`  NOT TYPED ${fault}`)
  return foreign.length + (pastHeader < 0.2 * mutants ? 1 : 0) + (mostMemory > 2 ? 1 : 0)
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['mutants', 'seed'], switches: [] })
  const [mutants, seed] = [flags.integer('mutants', 10_000, 1), flags.integer('seed', 1, 0)]
  let faults = 0
  console.log(head)
  for (const subject of await subjects()) faults += await run(subject, mutants, seed, false)
  for (const subject of await largeSubjects()) faults += await run(subject, Math.ceil(mutants / 100), seed, true)
  return faults === 0 ? 0 : 1
}
