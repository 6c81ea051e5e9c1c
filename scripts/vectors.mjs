#!/usr/bin/env node
// Runs the checkers of a folder of reference vectors (engine, infini-gram) against this clone, in full.
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { ensureChromium, ensureModel, ensurePackages, root } from './setup.mjs'

const vectors = resolve(process.argv[2] ?? '../shared/vectors')
ensurePackages()
ensureChromium()
const model = await ensureModel()
const { swiftshaderEnvironment } = await import('./swiftshader.mjs')
const env = { ...process.env, ...swiftshaderEnvironment() }
const checks = [
  ['infini-gram', [join(vectors, 'infini-gram', 'check.mjs'), root]],
  ['engine', [join(vectors, 'engine', 'check.mjs'), root, model, 'base', 'adapters', 'perplexity']],
]
let status = 0
for (const [name, args] of checks) {
  const from = performance.now()
  const done = spawnSync(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
  process.stdout.write(`${name}: exit ${done.status} after ${((performance.now() - from) / 1000).toFixed(0)} s\n`)
  if (done.status !== 0) status = 1
}
process.exit(status)
