#!/usr/bin/env node
// The Solidity compiler from npm under the command line that forge expects: `--version`, and standard JSON on stdin.
// Not a compiler driver: devnet/compile.ts writes the JSON. It runs in a process of its own because solc blocks its thread.
import { readFileSync } from 'node:fs'
import solc from 'solc'

const output = process.argv.includes('--version')
  ? `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`
  : solc.compile(readFileSync(0, 'utf8'))
process.stdout.write(output)
