// Proof of the tests: plants one fault after another into a scratch copy of the tree and runs the test that is named for it.
// A fault that no test notices is a defect of the tests.
//   npm run mutate:kernels [-- --only TEXT …] [--keep] [--json]
// The faults are scripts/kernel-faults.ts. First the named tests run together on the untouched copy, where all must be green; then each
// fault alone, where the named test must be red, by a wrong result: a fault that does not even compile proves nothing and counts
// as a failure here. Exit code 1: a fault survived, was stale (its text stands not exactly once) or did not compile.
// Nothing is changed in place. A fault takes about five seconds on two cores, one whose test opens whole engines ten.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { OpenChatError } from '../src/errors.ts'
import { readFlags } from './flags.ts'
import { type Fault, faults } from './kernel-faults.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const copied = ['src', 'scripts', 'public', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']
const LIMIT_MS = 180_000

/** red: a named test failed by its result. survived: all passed. stale, broken: the fault itself is no good. hung: no end. */
type Verdict = 'red' | 'survived' | 'stale' | 'broken' | 'hung'

interface Outcome {
  fault: Fault
  verdict: Verdict
  /** The test that failed and how, or what is wrong with the fault. */
  said: string
  seconds: number
}

interface Assertion {
  fullName: string
  status: 'passed' | 'failed' | 'skipped' | 'pending'
  failureMessages: string[]
}

interface VitestReport {
  /** `name` is the file's path. */
  testResults: { name: string; message: string; assertionResults: Assertion[] }[]
}

export async function main(args: string[]): Promise<number> {
  const flags = readFlags(args, { values: ['only'], switches: ['keep', 'json'] })
  const only = flags.all('only')
  const chosen = faults.filter(({ file, what }) => only.length === 0 || only.some((text) => `${file} ${what}`.includes(text)))
  const scratch = mkdtempSync(join(tmpdir(), 'open-chat-faults-'))
  try {
    for (const entry of copied) cpSync(join(root, entry), join(scratch, entry), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'))
    await requireGreen(scratch, chosen)
    const outcomes: Outcome[] = []
    for (const fault of chosen) {
      const outcome = await planted(scratch, fault)
      outcomes.push(outcome)
      process.stderr.write(`${outcome.verdict} ${fault.file}: ${fault.what} (${outcome.seconds.toFixed(0)} s)\n`)
    }
    process.stdout.write(flags.on('json') ? `${JSON.stringify(outcomes)}\n` : table(outcomes))
    return outcomes.every(({ verdict }) => verdict === 'red' || verdict === 'hung') ? 0 : 1
  } finally {
    if (!flags.on('keep')) rmSync(scratch, { recursive: true, force: true })
  }
}

/** @throws bench_invalid when a named test is absent or fails without a fault: red would then mean nothing */
async function requireGreen(scratch: string, chosen: readonly Fault[]): Promise<void> {
  const missing = new Set<string>()
  for (const project of ['gpu', 'unit'] as const) {
    const tests = chosen.map(({ test }) => test).filter(({ file }) => projectOf(file) === project)
    if (tests.length === 0) continue
    const files = [...new Set(tests.map(({ file }) => file))]
    const report = await vitest(scratch, files, [...new Set(tests.map(({ name }) => name))], files.length * LIMIT_MS)
    for (const test of tests) {
      const results = report?.testResults.filter(({ name }) => name.endsWith(test.file)) ?? []
      const named = results.flatMap(({ assertionResults }) => assertionResults).filter(({ fullName }) => fullName.includes(test.name))
      const green = named.some(({ status }) => status === 'passed') && named.every(({ status }) => status !== 'failed')
      if (!green) missing.add(`“${test.name}” of ${test.file}`)
    }
  }
  if (missing.size === 0) return
  throw new OpenChatError('bench_invalid', `Not there or not green without a fault: ${[...missing].join(', ')}.`, {
    action: 'Make the tests pass first, or name the right ones.',
  })
}

async function planted(scratch: string, fault: Fault): Promise<Outcome> {
  const begin = performance.now()
  const path = join(scratch, fault.file)
  const whole = readFileSync(path, 'utf8')
  const done = (verdict: Verdict, said: string): Outcome => ({ fault, verdict, said, seconds: (performance.now() - begin) / 1000 })
  const places = whole.split(fault.from).length - 1
  if (places !== 1) return done('stale', `the text to change stands there ${places} times`)
  writeFileSync(
    path,
    whole.replace(fault.from, () => fault.to),
  )
  try {
    const report = await vitest(scratch, [fault.test.file], [fault.test.name], LIMIT_MS)
    if (report === null) return done('hung', `no end within ${LIMIT_MS / 1000} s`)
    const results = report.testResults
    const failed = results.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === 'failed')
    const words = [...results.map(({ message }) => message), ...failed.flatMap(({ failureMessages }) => failureMessages)].join('\n')
    if (/kernel_invalid|refuses the kernel|SyntaxError|Transform failed|PARSE_ERROR|ReferenceError/.test(words)) {
      return done('broken', firstLine(words))
    }
    if (failed.length > 0) return done('red', `${failed[0].fullName}: ${firstLine(failed[0].failureMessages[0] ?? '')}`)
    // A suite that fails before its tests (an engine that cannot be opened) is red as well.
    return /\S/.test(words) ? done('red', firstLine(words)) : done('survived', 'every named test passed')
  } finally {
    writeFileSync(path, whole)
  }
}

function projectOf(file: string): 'gpu' | 'unit' {
  return /\.gpu\.test\.ts$/.test(file) ? 'gpu' : 'unit'
}

/**
 * @param files of one project
 * @param names parts of the tests' names; whichever holds one is run
 * @returns null when it did not end in time
 */
async function vitest(scratch: string, files: readonly string[], names: readonly string[], limitMs: number): Promise<VitestReport | null> {
  const out = join(scratch, 'report.json')
  rmSync(out, { force: true })
  const pattern = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  const project = projectOf(files[0])
  const child = spawn(
    process.execPath,
    [
      ...[join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', project, ...files],
      ...['-t', pattern, '--reporter=json', `--outputFile=${out}`],
    ],
    { cwd: scratch, stdio: 'ignore' },
  )
  const ended = new Promise<boolean>((resolve) => child.on('exit', () => resolve(true)))
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  await ended
  clearTimeout(timer)
  if (child.signalCode === 'SIGKILL') return null
  try {
    return JSON.parse(readFileSync(out, 'utf8')) as VitestReport
  } catch (cause) {
    throw new OpenChatError('bench_invalid', `The tests of ${files.join(', ')} gave no report.`, { cause, action: 'Run them by hand.' })
  }
}

const firstLine = (words: string) =>
  words
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '')
    ?.slice(0, 160) ?? ''

function table(outcomes: readonly Outcome[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const rows = outcomes.map(
    ({ fault, verdict, said, seconds }) =>
      `| ${fault.file.replace('src/gpu/', '')} | ${cell(fault.what)} | ${verdict} | ${cell(said)} | ${seconds.toFixed(0)} |`,
  )
  const count = (verdict: Verdict) => outcomes.filter((outcome) => outcome.verdict === verdict).length
  return [
    '| file | fault | | by | s |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `${outcomes.length} faults: ${count('red') + count('hung')} red, ${count('survived')} survived, ${count('stale')} stale, ${count('broken')} did not compile`,
    '',
  ].join('\n')
}
