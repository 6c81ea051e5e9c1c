#!/usr/bin/env node
// `npm test`: everything that must hold, after bringing what is missing; `--quick` leaves out the real model, the forge
// runs, the browser and the GPU tests that vitest.config.ts names. A part that cannot run is a failure, never a skip.
// The last line is `N passed, N failed`.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { ensureChromium, ensureModel, ensurePackages, ensureSeedPackages, root, stateDir } from './setup.mjs'

const quick = process.argv.includes('--quick')
const only = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const results = join(stateDir, 'test-results')
const bin = (name) => join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name)
let passed = 0
let failed = 0
/** What failed, a few lines each: shown beside its part and once more at the end, where a long log is read first. */
const failures = []

/** Runs a command, prints its output only when it fails, and resolves with its exit code. */
function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = []
    child.stdout.on('data', (bytes) => output.push(bytes))
    child.stderr.on('data', (bytes) => output.push(bytes))
    child.on('error', (error) => resolve({ status: 1, output: String(error) }))
    child.on('close', (status) => resolve({ status: status ?? 1, output: Buffer.concat(output).toString('utf8') }))
  })
}

async function part(name, work) {
  if (only.length > 0 && !only.includes(name)) return
  const from = performance.now()
  let outcome
  try {
    outcome = await work()
  } catch (error) {
    outcome = { passed: 0, failed: 1, output: `${error.code ?? 'internal_error'}: ${error.message}` }
  }
  passed += outcome.passed
  failed += outcome.failed
  const seconds = ((performance.now() - from) / 1000).toFixed(1)
  process.stdout.write(
    `${outcome.failed === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(10)} ${String(outcome.passed).padStart(4)} passed${outcome.failed ? `, ${outcome.failed} failed` : ''}  ${seconds} s\n`,
  )
  for (const name of outcome.again ?? []) process.stdout.write(`     passed only when run again: ${name}\n`)
  if (outcome.failed === 0) return
  const named = outcome.named?.map(({ title, message }) => `  ✘ ${title}\n${indented(message)}`) ?? []
  failures.push(`${name}:`, ...(named.length > 0 ? named : [indented(outcome.output.slice(-1500))]))
  process.stdout.write(`${named.join('\n')}\n${outcome.output.slice(-12_000)}\n`)
}

/** The first lines of a message, without its colours. */
function indented(message) {
  const plain = stripVTControlCharacters(message).trim()
  return plain
    .split('\n')
    .slice(0, 12)
    .map((line) => `      ${line.slice(0, 300)}`)
    .join('\n')
}

/** A command that either holds or does not. */
const holds = (command, args, env) => async () => {
  const { status, output } = await run(command, args, env)
  return status === 0 ? { passed: 1, failed: 0, output } : { passed: 0, failed: 1, output }
}

/** A Vitest project, counted test by test; a file that cannot load counts as one failure. */
const vitest = (project, env) => async () => {
  const report = join(results, `${project}.json`)
  const { status, output } = await run(
    bin('vitest'),
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    env,
  )
  if (!existsSync(report)) return { passed: 0, failed: 1, output }
  const { numPassedTests, numFailedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const skipped = numTotalTests - numPassedTests - numFailedTests
  const bad = numFailedTests + skipped
  const named = testResults.flatMap(({ name, message, assertionResults }) => [
    ...(assertionResults.length === 0 && message ? [{ title: name, message }] : []),
    ...assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(({ fullName, failureMessages }) => ({ title: fullName, message: failureMessages?.join('\n') ?? 'was skipped' })),
  ])
  return { passed: numPassedTests, failed: bad > 0 ? bad : status === 0 && numPassedTests > 0 ? 0 : 1, named, output }
}

const playwright = (env) => async () => {
  const report = join(results, 'e2e.json')
  const { status, output } = await run(bin('playwright'), ['test'], { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: report })
  if (!existsSync(report)) return { passed: 0, failed: 1, output }
  const { stats, suites } = JSON.parse(readFileSync(report, 'utf8'))
  const specs = (suite) => [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)]
  const all = suites.flatMap(specs).map(({ file, line, title, tests: [{ status, results }] }) => ({
    title: `${file}:${line} ${title}`,
    status,
    message:
      status === 'skipped'
        ? 'was not run, since one before it failed'
        : results.flatMap(({ errors }) => errors.map(({ message }) => message)).join('\n'),
  }))
  const named = all.filter(({ status }) => status === 'unexpected' || status === 'skipped')
  const again = all.filter(({ status }) => status === 'flaky').map(({ title, message }) => `${title}\n${indented(message)}`)
  const bad = stats.unexpected + stats.skipped
  const good = stats.expected + stats.flaky
  return { passed: good, failed: bad > 0 ? bad : status === 0 && good > 0 ? 0 : 1, named, again, output }
}

const forge = async () => {
  const { status, output } = await run(process.execPath, ['scripts/forge.mjs', 'test'])
  const lines = [...output.matchAll(/(\d+) tests? passed, (\d+) failed, (\d+) skipped/g)].at(-1)
  if (!lines) return { passed: 0, failed: 1, output }
  const bad = Number(lines[2]) + Number(lines[3])
  return { passed: Number(lines[1]), failed: bad > 0 ? bad : status === 0 ? 0 : 1, output }
}

rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })
try {
  ensurePackages()
  const chromium = ensureChromium()
  const { swiftshaderEnvironment } = await import('./swiftshader.mjs')
  const gpu = swiftshaderEnvironment()
  const sources = async () => {
    await part('types', holds(bin('tsc'), ['--noEmit']))
    await part('svelte', holds(bin('svelte-check'), ['--tsconfig', 'tsconfig.json', '--fail-on-warnings']))
    await part('lint', holds(bin('biome'), ['check', '--error-on-warnings', '.']))
    await part('arrows', holds(bin('depcruise'), ['--config', '.dependency-cruiser.cjs', 'src', 'devnet', 'scripts', 'bench']))
    await part('unused', holds(bin('knip'), []))
    await part('unit', vitest('unit', quick ? { OPEN_CHAT_QUICK: '1' } : {}))
  }
  if (quick) {
    // Beside each other: making pipelines leaves a core free, and the chain mostly waits for its own clock.
    await Promise.all([sources(), part('gpu', vitest('gpu', { ...gpu, OPEN_CHAT_QUICK: '1' })), part('chain', vitest('chain'))])
  } else {
    await sources()
    await part('chain', vitest('chain'))
    const model = await ensureModel()
    ensureSeedPackages()
    await part('gpu', vitest('gpu', gpu))
    await part('model', vitest('model', { ...gpu, OPEN_CHAT_MODEL: model }))
    await part('contracts', forge)
    const { ensureBuild } = await import('./build.mjs')
    await part('build', async () => ({ passed: (await ensureBuild()) && (await ensureBuild('test')) ? 1 : 0, failed: 0, output: '' }))
    await part('size', holds(bin('size-limit'), []))
    await part('e2e', playwright({ OPEN_CHAT_CHROMIUM: chromium, OPEN_CHAT_MODEL: model }))
  }
} catch (error) {
  failed += 1
  process.stdout.write(`${error.code ?? 'internal_error'}: ${error.message}\n`)
}
if (failures.length > 0) process.stdout.write(`What failed\n${failures.join('\n')}\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
