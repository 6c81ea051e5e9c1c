// The grammar library in Node. Its package says that its file is a module, but the file is UMD and asks for `require`, so it is
// compiled as what it is. Each call gives a fresh instance. To be dropped for an import when the package is fixed (0.1.27 is not).
import { readFile } from 'node:fs/promises'
import Module, { createRequire } from 'node:module'
import type { GrammarLibrary } from '../src/gpu/grammar.ts'

export async function loadNodeGrammar(): Promise<GrammarLibrary> {
  const require = createRequire(import.meta.url)
  const path = require.resolve('@mlc-ai/web-xgrammar')
  const module = new Module(path) as Module & { _compile(code: string, path: string): void }
  module.require = createRequire(path)
  module._compile(await readFile(path, 'utf8'), path)
  return module.exports as GrammarLibrary
}
