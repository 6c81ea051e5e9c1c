// The grammar library in a worker: a megabyte that is fetched when an answer is first held to a format. Its file is UMD under a
// package that says module: evaluated as a module it leaves itself in a global, and under another address it is evaluated anew,
// which is what `Grammars` asks for after a failure.
import address from '@mlc-ai/web-xgrammar?url'
import type { GrammarLibrary } from '../gpu/grammar.ts'

let instances = 0

export async function loadGrammarLibrary(): Promise<GrammarLibrary> {
  await import(/* @vite-ignore */ `${address}?${++instances}`)
  return (globalThis as unknown as { xgrammar: GrammarLibrary }).xgrammar
}
