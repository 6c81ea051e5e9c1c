#!/usr/bin/env node
// Runs a TypeScript file of this project in Node: `node scripts/run.mjs scripts/complete.ts --model …`.
// Vite transforms it, so `.wgsl?raw` imports and path rules are those of the page. The file exports
// `main(args): Promise<number | void>`; its number is the exit code. Stdout belongs to `main` alone.
// A typed error leaves as one line `code: sentence` on stderr; `--debug` adds the stack.
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const [file, ...args] = process.argv.slice(2)
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const debug = args.includes('--debug')
try {
  if (!file) throw Object.assign(new Error('Name the file to run.'), { code: 'usage' })
  const { module } = await runnerImport(resolve(root, file), {
    root,
    configFile: false,
    logLevel: 'error',
  })
  const status = await module.main(args.filter((a) => a !== '--debug'))
  process.exitCode = status ?? 0
} catch (error) {
  const code = typeof error?.code === 'string' ? error.code : 'internal_error'
  process.stderr.write(`${code}: ${String(error?.shortMessage ?? error?.message ?? error).replace(/\s*\n\s*/g, ' ')}\n`)
  if (debug) process.stderr.write(`${error?.stack ?? ''}\n`)
  process.exitCode = 1
}
// Dawn keeps the event loop alive; stdout is flushed before leaving.
process.stdout.write('', () => process.exit())
