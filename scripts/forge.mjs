#!/usr/bin/env node
// forge from npm with this repository's settings: `node scripts/forge.mjs test`. Nothing is downloaded; the compiler is
// scripts/solc.mjs. Not a test runner of its own: arguments and exit code are forge's.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const packageFolder = dirname(createRequire(import.meta.url).resolve('@foundry-rs/forge/package.json'))
const child = spawn(process.execPath, [join(packageFolder, 'bin.mjs'), ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
child.on('close', (status) => process.exit(status ?? 1))
